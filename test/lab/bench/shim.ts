// What a shim costs containerd: `start` of a new pod and of a further container, and the daemon's
// memory, beside runc's shim and a bare Node doing nothing.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustSucceed } from "../command.ts";
import { shimBinary } from "../handlers.ts";
import type { Lab } from "../start-lab.ts";
import { type Measured, type Run, report, samplesInTurn } from "./samples.ts";

const OURS = { program: shimBinary, name: "kata-cvm" };
const PEER = { program: "containerd-shim-runc-v2", name: "containerd-shim-runc-v2" };

export interface BenchContext {
  readonly lab: Lab;
  readonly rounds: number;
  readonly handler: string;
}

interface Bundle {
  readonly id: string;
  readonly folder: string;
}

function bundle(context: BenchContext, wishes: { id: string; sandbox: string }): Bundle {
  const folder = join(context.lab.folder, "bench", wishes.id);
  mkdirSync(folder, { recursive: true });
  const type = wishes.id === wishes.sandbox ? "sandbox" : "container";
  const annotations = { "io.kubernetes.cri.container-type": type, "io.kubernetes.cri.sandbox-id": wishes.sandbox };
  const spec = {
    ociVersion: "1.1.0",
    annotations,
    root: { path: "rootfs" },
    process: { cwd: "/", args: ["true"] },
    linux: {},
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(spec));
  return { id: wishes.id, folder };
}

/** Milliseconds of a command, by a clock inside the lab: entering it is not the command's time. */
async function timeInside(context: BenchContext, argv: readonly string[], cwd = context.lab.folder): Promise<number> {
  const clock = [
    "[ -p log ] || mkfifo log; exec 9<> log", // containerd's log FIFO, without which runc's daemon ends
    'a=$EPOCHREALTIME; "$@" > /dev/null 9<&-; code=$?; b=$EPOCHREALTIME',
    `echo $((${microseconds("b")} - ${microseconds("a")})); exit $code`,
  ].join("\n");
  const { stdout } = await mustSucceed(
    context.lab.exec(["bash", "-c", clock, "clock", ...argv], { cwd, timeoutMs: 20_000 }),
  );
  return Number(stdout.toString("utf8")) / 1000;
}

/** Bash's EPOCHREALTIME without its point. */
function microseconds(variable: string): string {
  return `\${${variable}/./}`;
}

function callOf(shim: { program: string }, call: { bundle: Bundle; action: "start" | "delete" }): string[] {
  const flags = ["-namespace", "bench", "-address", "/run/containerd/containerd.sock", "-id", call.bundle.id];
  if (call.action === "delete") flags.push("-bundle", call.bundle.folder);
  const environment = ["env", "TTRPC_ADDRESS=/run/containerd/containerd.sock.ttrpc", "MAX_SHIM_VERSION=2"];
  return [...environment, shim.program, ...flags, call.action];
}

/** Starts and reclaims a pod's shim each round; only the start is timed, by the caller's clock. */
export async function benchStart(context: BenchContext): Promise<Run[]> {
  const pods: { shim: typeof OURS; bundle: Bundle }[] = [];
  const startOf = (shim: typeof OURS) => async () => {
    const id = `${shim.name}-${pods.length}`;
    const made = bundle(context, { id, sandbox: id });
    pods.push({ shim, bundle: made });
    return await timeInside(context, callOf(shim, { bundle: made, action: "start" }), made.folder);
  };
  const bare = () => timeInside(context, [process.execPath, "-e", "0"]);
  const [ours = [], peer = [], node = []] = await samplesInTurn(context.rounds, [startOf(OURS), startOf(PEER), bare]);
  const first = pods.find((pod) => pod.shim === OURS);
  const [further = []] = await samplesInTurn(context.rounds, [
    async () => {
      const sandbox = first?.bundle.id ?? "";
      const more = bundle(context, { id: `${sandbox}-c${Math.random().toString(36).slice(2)}`, sandbox });
      return await timeInside(context, callOf(OURS, { bundle: more, action: "start" }), more.folder);
    },
  ]);
  for (const { shim, bundle: made } of pods.filter((pod) => pod.shim === OURS)) {
    await timeInside(context, callOf(shim, { bundle: made, action: "delete" }), made.folder);
  }
  await context.lab.exec(["pkill", "-KILL", "-f", "--", "-namespace bench"]);
  const bareNode: Measured = { name: "node -e 0", unit: "ms", samples: node };
  const runc: Measured = { name: "containerd-shim-runc-v2 start", unit: "ms", samples: peer };
  const start: Measured = { name: "shim start, new pod", unit: "ms", samples: ours };
  return [
    report(bareNode),
    report(runc),
    report(start, bareNode),
    report({ ...start, name: "shim start, new pod, beside runc's" }, runc),
    report({ name: "shim start, further container", unit: "ms", samples: further }, bareNode),
  ];
}

/** Memory of a bare Node that waits, for comparison. */
export async function bareNodeMemory(lab: Lab, kind: "Rss" | "Pss"): Promise<number> {
  const script = `${process.execPath} -e 'setInterval(() => {}, 1e6)' & sleep 1; cat /proc/$!/smaps_rollup; kill $!`;
  const { stdout } = await mustSucceed(lab.exec(["bash", "-c", script]));
  return Number(new RegExp(`^${kind}:\\s+(\\d+)`, "m").exec(stdout.toString("utf8"))?.[1]) / 1024;
}

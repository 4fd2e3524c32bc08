// What a user waits for, through crictl: a pod, an exec, output; beside runc in the same run. The
// parts of a launch come from the pod's own timeline.
import { join } from "node:path";
import { Cri, type Pod } from "../../support/cri.ts";
import { mustSucceed } from "../command.ts";
import { daemonPid, memoryOf } from "../daemon-memory.ts";
import { programs } from "../handlers.ts";
import { median, type Run, report, timedInTurn } from "./samples.ts";
import { type BenchContext, bareNodeMemory } from "./shim.ts";

/** One line of `kata-cvm timeline --json`. */
interface Stage {
  readonly name: string;
  readonly ms: number;
}

const POD_ROUNDS = 3;
const OUTPUT_MIB = 64;

export async function benchPods(context: BenchContext): Promise<Run[]> {
  const ours = new Cri(context.lab, context.handler);
  const peer = new Cri(context.lab, "runc");
  const pods: { ours: Pod[]; peer: Pod[] } = { ours: [], peer: [] };
  try {
    const [own = [], runc = []] = await timedInTurn(POD_ROUNDS, [
      async () => pods.ours.push(await ours.runPod()),
      async () => pods.peer.push(await peer.runPod()),
    ]);
    const [mine, theirs] = [pods.ours[0], pods.peer[0]];
    if (mine === undefined || theirs === undefined) throw new Error("no pod is left to measure");
    // before the control service is asked for anything: a pod without trouble never loads it
    const memory = await benchMemory(context, mine, theirs);
    const timelines = await launchTimelines(context, pods.ours);
    const stages = [...launchStages(timelines), ...(await guestParts(context, pods.ours, timelines))];
    // the first pod was the warm-up; the others are timed
    const waits = timelines.slice(1).map(timeInVm);
    const shares = own.map((ms, at) => ms - (waits[at] ?? Number.NaN));
    for (const pod of pods.ours.splice(1)) await ours.removePod(pod);
    for (const pod of pods.peer.splice(1)) await peer.removePod(pod);
    return [
      report({ name: "runp", unit: "ms", samples: own }, { name: "runp with runc", unit: "ms", samples: runc }),
      report(
        { name: "runp: our share, without QEMU and guest", unit: "ms", samples: shares },
        { name: "runp with runc", unit: "ms", samples: runc },
      ),
      ...stages,
      ...memory,
      ...(await benchExec(context, { cri: ours, pod: mine }, { cri: peer, pod: theirs })),
    ];
  } finally {
    await ours.cleanUp();
    await peer.cleanUp();
  }
}

async function launchTimelines(context: BenchContext, pods: readonly Pod[]): Promise<readonly (readonly Stage[])[]> {
  const timelines: (readonly Stage[])[] = [];
  for (const pod of pods) {
    const outcome = await mustSucceed(context.lab.exec([join(programs, "kata-cvm"), "timeline", pod.id, "--json"]));
    timelines.push((JSON.parse(outcome.stdout.toString("utf8")) as { stages: readonly Stage[] }).stages);
  }
  return timelines;
}

function launchStages(timelines: readonly (readonly Stage[])[]): Run[] {
  const byName = new Map<string, number[]>();
  for (const { name, ms } of timelines.flat()) byName.set(name, [...(byName.get(name) ?? []), ms]);
  return [...byName].map(([name, samples]) => report({ name: `runp: ${name}`, unit: "ms", samples }));
}

/** The guest's own account of its boot, as durations; the firmware (and QEMU) is what is left before its kernel. */
async function guestParts(
  context: BenchContext,
  pods: readonly Pod[],
  timelines: readonly (readonly Stage[])[],
): Promise<Run[]> {
  const parts = { firmware: [] as number[], kernel: [] as number[], userspace: [] as number[], agent: [] as number[] };
  for (const [at, pod] of pods.entries()) {
    const outcome = await mustSucceed(
      context.lab.exec([join(programs, "kata-cvm"), "agent", pod.id, "GetMetrics", "--json"]),
    );
    const { metrics } = JSON.parse(outcome.stdout.toString("utf8")) as { metrics: string };
    const reached = (stage: string) =>
      Number(new RegExp(`reached="${stage}"} (\\d+)`).exec(metrics)?.[1] ?? Number.NaN);
    const stage = (name: string) => timelines[at]?.find((one) => one.name === name)?.ms ?? Number.NaN;
    parts.firmware.push(stage("agent answers") - stage("qemu started") - reached("agent_listening"));
    parts.kernel.push(reached("kernel"));
    parts.userspace.push(reached("agent_start") - reached("kernel"));
    parts.agent.push(reached("agent_listening") - reached("agent_start"));
  }
  return Object.entries(parts).map(([name, samples]) => report({ name: `runp, of it ${name}`, unit: "ms", samples }));
}

/** From QEMU's start to the sandbox's: time in which we wait for QEMU or for the guest. */
function timeInVm(stages: readonly Stage[]): number {
  const at = (name: string) => stages.find((stage) => stage.name === name)?.ms ?? Number.NaN;
  return at("sandbox started") - at("qemu started");
}

async function benchMemory(context: BenchContext, mine: Pod, theirs: Pod): Promise<Run[]> {
  const runs: Run[] = [];
  for (const kind of ["Rss", "Pss"] as const) {
    const word = kind.toUpperCase();
    const own = await memoryOf(context.lab, await daemonPid(context.lab, mine), kind);
    const node = {
      name: `bare node ${word}`,
      unit: "MiB",
      samples: [await bareNodeMemory(context.lab, kind)],
    } as const;
    const runc = {
      name: `runc shim ${word}`,
      unit: "MiB",
      samples: [await memoryOf(context.lab, await daemonPid(context.lab, theirs), kind)],
    } as const;
    runs.push(report({ name: `daemon ${word}`, unit: "MiB", samples: [own] }, node));
    runs.push(report({ name: `daemon ${word} beside runc's`, unit: "MiB", samples: [own] }, runc));
  }
  return runs;
}

interface Side {
  readonly cri: Cri;
  readonly pod: Pod;
}

async function benchExec(context: BenchContext, mine: Side, theirs: Side): Promise<Run[]> {
  const [own, runc] = [await mine.cri.start(mine.pod), await theirs.cri.start(theirs.pod)];
  const [ownExec = [], runcExec = []] = await timedInTurn(context.rounds, [
    () => mine.cri.exec(own, ["true"]),
    () => theirs.cri.exec(runc, ["true"]),
  ]);
  const output = ["sh", "-c", `dd if=/dev/zero bs=1M count=${OUTPUT_MIB} 2>/dev/null`];
  const [ownOutput = [], runcOutput = []] = await timedInTurn(POD_ROUNDS, [
    () => mustSucceed(mine.cri.crictl(["exec", own, ...output], { timeoutMs: 120_000 })),
    () => mustSucceed(theirs.cri.crictl(["exec", runc, ...output], { timeoutMs: 120_000 })),
  ]);
  const rate = (samples: readonly number[]) => samples.map((ms) => (OUTPUT_MIB * 1.048576) / (ms / 1000));
  process.stderr.write(`bench: ${OUTPUT_MIB} MiB through crictl exec in ${Math.round(median(ownOutput))} ms\n`);
  return [
    report(
      { name: "exec -s true", unit: "ms", samples: ownExec },
      { name: "exec -s true with runc", unit: "ms", samples: runcExec },
    ),
    report(
      { name: "stdout of an exec, through crictl", unit: "MB/s", samples: rate(ownOutput) },
      { name: "the same with runc", unit: "MB/s", samples: rate(runcOutput) },
    ),
  ];
}

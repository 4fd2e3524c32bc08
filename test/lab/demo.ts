// What `npm run demo` shows, once everything is built: a pod in a measured VM, its container's
// output, an exec, an HTTP answer from the pod's address, and where the launch's time went.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Cri } from "../support/cri.ts";
import { mustSucceed } from "./command.ts";
import { handlers, programs } from "./handlers.ts";
import { BUSYBOX_IMAGE, WEB_IMAGE } from "./images/catalog.ts";
import { settle } from "./leftovers.ts";
import { type Lab, startLab } from "./start-lab.ts";
import { toolPath } from "./tools.ts";

const handler = process.env["DEMO_HANDLER"] ?? "kata-cvm";

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function stage<T>(title: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  say(`   ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${title}`);
  return result;
}

function show(text: string): void {
  for (const line of text.trimEnd().split("\n")) say(`             | ${line}`);
}

async function demonstrate(lab: Lab): Promise<void> {
  const cri = new Cri(lab, handler);
  const before = await lab.holdings();
  await stage(`pull ${WEB_IMAGE} from the lab's registry`, () => cri.text(["pull", WEB_IMAGE]));
  const pod = await stage(`crictl runp -r ${handler}: a VM boots, its agent answers`, () =>
    cri.runPod({ hostname: "demo" }),
  );
  const hello = "echo Hello from $(hostname), kernel $(uname -r); exec sleep 1000";
  const container = await stage(`crictl create, start: ${BUSYBOX_IMAGE}`, () =>
    cri.start(pod, { command: ["sh", "-c", hello] }),
  );
  show((await stage("crictl logs", () => cri.logs(container, 1))).toString("utf8"));
  show(
    await stage("crictl exec -s … id; head -1 /proc/meminfo", () =>
      cri.exec(container, ["sh", "-c", "id; head -1 /proc/meminfo"]),
    ),
  );
  await stage(`crictl create, start: ${WEB_IMAGE}`, () => cri.start(pod, { image: WEB_IMAGE }));
  const address = await cri.podAddress(pod);
  show(await stage(`http://${address}/ from the host`, () => fetchFromHost(lab, address)));
  await showTimeline(lab, pod.id);
  await stage("crictl stopp, rmp", () => cri.removePod(pod));
  const left = await settle(before, () => lab.holdings());
  say(left.length === 0 ? "             nothing is left of the pod" : `             left behind:\n${left.join("\n")}`);
  if (left.length > 0) process.exitCode = 1;
}

async function fetchFromHost(lab: Lab, address: string): Promise<string> {
  const script = `fetch("http://${address}/").then((r) => r.text()).then((t) => process.stdout.write(t))`;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await lab.exec([process.execPath, "-e", script], { timeoutMs: 10_000 });
    if (outcome.code === 0) return outcome.stdout.toString("utf8");
    if (attempt === 10) return (await mustSucceed(Promise.resolve(outcome))).stdout.toString("utf8");
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function showTimeline(lab: Lab, pod: string): Promise<void> {
  if (!handler.startsWith("kata-cvm")) return;
  say("             where the launch's time went (kata-cvm timeline):");
  const outcome = await lab.exec([join(programs, "kata-cvm"), "timeline", pod]);
  show(outcome.code === 0 ? outcome.stdout.toString("utf8") : `not available: ${outcome.stderr.trim()}`);
}

const folder = mkdtempSync(join(tmpdir(), "kata-cvm-demo-"));
const containerd = toolPath("containerd-1.6");
try {
  await using lab = await stage("a private containerd starts", () =>
    startLab({ folder, handlers: handlers(), containerd }),
  );
  say(`             containerd ${lab.containerdVersion}, handler ${handler}`);
  await demonstrate(lab);
} finally {
  if (process.env["E2E_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
}

// One container in one VM, from start to end, with this process as the daemon: what it acquires stands
// in a ledger, so `reap` cleans up even after SIGKILL. Signals go to the container once it runs; before
// that, and when they are repeated, they end the pod.
import { Cancelled } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import type { TimelineMark } from "../../lib/timeline.ts";
import type { ContainerSpec } from "../../oci/types.ts";
import { Pod } from "../../pod/pod.ts";
import type { LayerFile, ProcessStdio } from "../../pod/ports.ts";
import { serveControl } from "../../runtime/control-socket.ts";
import { onResize, onSignals, windowSize } from "../terminal.ts";
import { RunHost } from "./run-host.ts";
import type { StageReport } from "./stage-report.ts";

export interface PodRun {
  readonly podId: string;
  readonly configPath: string;
  readonly spec: ContainerSpec;
  readonly layers: readonly LayerFile[];
  readonly stdio: ProcessStdio;
  readonly logger: Logger;
  readonly report: StageReport;
  /** aborts the launch, or ends the pod */
  readonly signal: AbortSignal;
}

export interface PodRunOutcome {
  readonly status: number;
  readonly timeline: readonly TimelineMark[];
}

const sigint = 2;
const sigterm = 15;
/** a container may ignore a signal; a person who repeats it means it */
const patience = 3;
/** what SIGTERM gives a container that ignores it, as the first process of a namespace does by default */
const terminateGraceMs = 10_000;

export async function runPod(run: PodRun): Promise<PodRunOutcome> {
  const { podId, spec, logger, report } = run;
  const ports = new RunHost({ podId, logger, stdio: run.stdio, layers: run.layers });
  const { host } = ports;
  const pod = new Pod(podId, ports, host.logger);
  const control = serveControl({ pod, host, logger: host.logger });
  host.beforeReclaim.push(() => control.close());
  const endPod = () => void pod.end();
  run.signal.addEventListener("abort", endPod, { once: true });
  const forget = host.events.listen(({ area, name }) => {
    if (area === "launch") report.ended(name);
  });
  try {
    await ports.writeBundle(spec);
    if (run.signal.aborted) throw new Cancelled("the run");
    const status = await runContainer(pod, run, ports.bundle);
    report.ended(`container ended with ${status}`);
    return { status, timeline: host.timeline.marks };
  } finally {
    await pod.end();
    run.signal.removeEventListener("abort", endPod);
    forget();
    report.ended("cleaned up");
  }
}

async function runContainer(pod: Pod, run: PodRun, bundle: string): Promise<number> {
  const { podId, spec, configPath } = run;
  const terminal = spec.process.terminal ?? false;
  const stdio = { stdin: "", stdout: "", stderr: "", terminal };
  const request = { id: podId, bundle, spec, role: "single" as const, rootfs: [], stdio, configPath };
  using _signals = forwardSignals(pod, podId);
  const container = await pod.create(request);
  await container.start();
  run.report.ended("container started");
  const resize = (size: { rows: number; columns: number }) => void container.resize("", size).catch(() => undefined);
  const size = terminal ? windowSize(process.stdout) : undefined;
  if (size !== undefined) resize(size);
  using _resizes = terminal ? onResize(process.stdout, resize) : { [Symbol.dispose]: () => undefined };
  const { status } = await container.init.wait();
  return status;
}

function forwardSignals(pod: Pod, podId: string): Disposable {
  let asked = 0;
  let deadline: NodeJS.Timeout | undefined;
  const forwarding = onSignals((signal) => {
    const isRunning = pod.containerIds.includes(podId) && pod.container(podId).init.lifecycle.is("running", "paused");
    if (signal === sigint || signal === sigterm) asked += 1;
    if (!isRunning || asked >= patience) void pod.end();
    else void pod.kill(podId, { execId: "", signal, all: false }).catch(() => undefined);
    if (signal === sigterm) deadline ??= setTimeout(() => void pod.end(), terminateGraceMs);
  });
  return {
    [Symbol.dispose]: () => {
      clearTimeout(deadline);
      forwarding[Symbol.dispose]();
    },
  };
}

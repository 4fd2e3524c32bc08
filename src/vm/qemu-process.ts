// QEMU as a process: started stopped, inside the pod's network namespace, and connected to over
// QMP. Until the monitor answers, the only thing that can explain a failure is its stderr.
import net from "node:net";
import { pause } from "../lib/deadline.ts";
import { DeadlineExceeded, errnoOf, HostCallFailed } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import type { LaunchPlan } from "../plan/launch-plan.ts";
import { renderQemuArgv } from "../plan/qemu-argv.ts";
import { openQmp, type QmpOptions, type QmpSession } from "../wire/qmp/client.ts";
import { type Child, spawnChild } from "./child.ts";

export async function spawnQemu(plan: LaunchPlan, ownership: Ownership): Promise<Child> {
  const argv = renderQemuArgv(plan);
  // nsenter executes QEMU in its own place, so the pid is QEMU's.
  const [file, args] =
    plan.netns === undefined ? [plan.qemu, argv] : ["nsenter", [`--net=${plan.netns}`, "--", plan.qemu, ...argv]];
  return await spawnChild({ name: "qemu", file, args, match: plan.runFiles.dir, graceMs: 2_000 }, ownership);
}

/** Retries until QEMU listens; `signal` aborts when QEMU is gone. */
export async function connectQmp(
  path: string,
  options: QmpOptions & { timeoutMs: number; signal: AbortSignal },
): Promise<QmpSession> {
  const end = performance.now() + options.timeoutMs;
  for (;;) {
    try {
      return await openQmp(await connectUnix(path), options);
    } catch (error) {
      if (!(error instanceof HostCallFailed) || !["ENOENT", "ECONNREFUSED"].includes(error.errno)) throw error;
    }
    if (performance.now() > end) throw new DeadlineExceeded("waiting for QEMU's monitor", options.timeoutMs);
    await pause(5, options.signal);
  }
}

function connectUnix(path: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path);
    socket.once("error", (cause) =>
      reject(new HostCallFailed(`connect to ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause })),
    );
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

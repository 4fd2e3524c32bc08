// A process namespace that outlives any one container, for pods without a pause container. Whoever is
// first in it must stay, and must reap what containers leave to it: a sleeper that ignores SIGCHLD,
// whose dead children the kernel then reaps by itself (waitpid(2), NOTES).
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { withDeadline } from "../lib/deadline.ts";
import { EnvironmentLacks } from "../lib/errors.ts";
import { leaveToLibuv } from "./sys/children.ts";

/** dash's trap does not reach SIGCHLD */
const script = "echo ready; exec env --ignore-signal=CHLD sleep infinity > /dev/null";
const limitMs = 10_000;

export interface PidAnchor extends Disposable {
  /** to hand to the runtime */
  readonly path: string;
}

export async function makePidAnchor(): Promise<PidAnchor> {
  const child = spawn("unshare", ["--pid", "--fork", "--kill-child", "--", "sh", "-c", script], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  leaveToLibuv(child);
  try {
    await withDeadline(saysReady(child), { operation: "making the pod's process namespace", timeoutMs: limitMs });
    // its own descriptor: it means this namespace for as long as the agent lives
    const fd = openSync(`/proc/${child.pid}/ns/pid_for_children`, "r");
    return { path: `/proc/${process.pid}/fd/${fd}`, [Symbol.dispose]: () => void child.kill("SIGKILL") };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

async function saysReady(child: ChildProcess): Promise<void> {
  const failed = once(child, "exit").then(() => {
    throw new EnvironmentLacks("cannot make a process namespace", "the image needs util-linux's unshare");
  });
  if (child.stdout === null) return await failed;
  await Promise.race([once(child.stdout, "data"), failed]);
  child.stdout.destroy();
  failed.catch(() => undefined);
}

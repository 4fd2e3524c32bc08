// Which children of this process libuv waits for. There is one such set per process by nature: a child
// that the reaper took from libuv would leave its `exit` event waiting for ever.
import type { ChildProcess } from "node:child_process";

const owned = new Set<number>();

export function leaveToLibuv(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  owned.add(pid);
  child.once("exit", () => owned.delete(pid));
}

export function isLeftToLibuv(pid: number): boolean {
  return owned.has(pid);
}

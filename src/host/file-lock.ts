// A lock between processes that ends with its holder, however that dies: flock(2) on an open file.
import { closeSync, constants, openSync } from "node:fs";
import { pause } from "../lib/deadline.ts";
import { DeadlineExceeded, errnoOf, HostCallFailed } from "../lib/errors.ts";
import { loadLibc } from "./libc.ts";

const lockExclusive = 2;
const lockNonBlocking = 4;

export interface LockOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Runs `work` while this process alone holds the lock at `path`, which is made when missing and stays. */
export async function withFileLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const libc = await loadLibc();
  const fd = openLock(path);
  try {
    const end = performance.now() + options.timeoutMs;
    for (let waitMs = 2; libc.flock(fd, lockExclusive | lockNonBlocking) === -1; waitMs = Math.min(waitMs * 2, 50)) {
      const errno = libc.errnoName();
      if (errno !== "EAGAIN" && errno !== "EWOULDBLOCK") throw new HostCallFailed(`lock ${path}`, errno);
      if (performance.now() >= end) throw new DeadlineExceeded(`waiting for the lock ${path}`, options.timeoutMs);
      await pause(waitMs, options.signal);
    }
    return await work();
  } finally {
    closeSync(fd);
  }
}

function openLock(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (cause) {
    throw new HostCallFailed(`open ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause });
  }
}

// Exit codes of processes that are not our children by birth: `crun create` and `crun exec --detach`
// leave theirs behind, and as subreaper we inherit them. Only known pids are waited for, because
// libuv waits for its own; a process that ended before we knew its pid stays a zombie until asked for.
import { HostCallFailed } from "../../lib/errors.ts";
import { systemCall } from "./libc.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;

export class Reaper implements Disposable {
  readonly #waiting = new Map<number, (status: number) => void>();
  readonly #onChild = () => {
    for (const pid of this.#waiting.keys()) this.#collect(pid);
  };

  constructor() {
    systemCall("prctl", "prctl(PR_SET_CHILD_SUBREAPER)", [PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0]);
    process.on("SIGCHLD", this.#onChild);
  }

  /** Resolves with the exit code, or 128 + signal. */
  exitOf(pid: number): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting.set(pid, resolve);
      this.#collect(pid);
    });
  }

  [Symbol.dispose](): void {
    process.off("SIGCHLD", this.#onChild);
  }

  #collect(pid: number): void {
    const status = waitFor(pid);
    if (status === undefined) return;
    this.#waiting.get(pid)?.(status);
    this.#waiting.delete(pid);
  }
}

/** Undefined while the process runs; 255 for one that is not ours to wait for. */
function waitFor(pid: number): number | undefined {
  const word = Buffer.alloc(4);
  try {
    if (systemCall("waitpid", `waitpid(${pid})`, [pid, word, WNOHANG]) === 0) return undefined;
  } catch (error) {
    if (error instanceof HostCallFailed && error.errno === "ECHILD") return 255;
    throw error;
  }
  return decodeWaitStatus(word.readInt32LE(0));
}

/** wait(2) status word -> what a shell would report. */
export function decodeWaitStatus(word: number): number {
  const signal = word & 0x7f;
  return signal === 0 ? (word >> 8) & 0xff : 128 + signal;
}

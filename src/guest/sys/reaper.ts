// Exit codes of processes that are not our children by birth: `crun create` and `crun exec --detach`
// leave theirs behind, and as subreaper we inherit them. Orphans that nobody asked for are reaped too:
// the kernel keeps a pid namespace's first process from ending while one of its members is a zombie.
import { HostCallFailed } from "../../lib/errors.ts";
import { isLeftToLibuv } from "./children.ts";
import { systemCall } from "./libc.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const P_ALL = 0;
const SIGINFO = { size: 128, pid: 16 } as const;
/** libuv takes its own children within a turn or two */
const RETRY_MS = 10;

export class Reaper implements Disposable {
  readonly #waiting = new Map<number, (status: number) => void>();
  readonly #onChild = () => {
    for (const pid of this.#waiting.keys()) this.#collect(pid);
    this.#reapOrphans();
  };
  #holds = 0;

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

  /** Until disposed, unknown processes stay zombies, so that a pid learnt late still has its exit code. */
  hold(): Disposable {
    this.#holds += 1;
    return {
      [Symbol.dispose]: () => {
        this.#holds -= 1;
        this.#reapOrphans();
      },
    };
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

  #reapOrphans(): void {
    while (this.#holds === 0) {
      const pid = anyZombie();
      if (pid === undefined) return;
      if (isLeftToLibuv(pid)) {
        setTimeout(() => this.#reapOrphans(), RETRY_MS).unref();
        return;
      }
      if (this.#waiting.has(pid)) this.#collect(pid);
      else waitFor(pid);
    }
  }
}

/** Some child that has ended and was not waited for; it stays one. */
function anyZombie(): number | undefined {
  const info = Buffer.alloc(SIGINFO.size);
  try {
    systemCall("waitid", "waitid", [P_ALL, 0, info, WNOHANG | WEXITED | WNOWAIT]);
  } catch (error) {
    if (error instanceof HostCallFailed && error.errno === "ECHILD") return undefined;
    throw error;
  }
  return info.readInt32LE(SIGINFO.pid) || undefined;
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

// One process of a container, the first or an exec: its streams, its exit, and what was already told.

import { closeSync, readFileSync } from "node:fs";
import { errnoOf } from "../lib/errors.ts";
import type { ProcessStdio, StartedProcess } from "./runtime.ts";
import { failures } from "./status.ts";
import { PipeStreams, type ProcessStreams, TerminalStreams } from "./streams.ts";
import { makePipe } from "./sys/pipe.ts";

const SIGTERM = 15;
const SIGKILL = 9;

/** Both ends of a process's standard streams while it is being made. */
export interface StdioEnds {
  readonly child: ProcessStdio;
  /** Our ends, once the process stands. */
  open(started: StartedProcess): ProcessStreams;
  /** Closes the child's ends here; the process has its own by now. */
  handedOver(): void;
  /** The process never came to be. */
  abandon(): void;
}

export function makeStdio(terminal: boolean): StdioEnds {
  return terminal ? terminalEnds : pipeEnds();
}

const terminalEnds: StdioEnds = {
  child: { kind: "terminal" },
  open(started) {
    if (started.terminal === undefined) throw failures.noTerminal();
    return new TerminalStreams(started.terminal);
  },
  handedOver: () => undefined,
  abandon: () => undefined,
};

function pipeEnds(): StdioEnds {
  const [stdin, stdout, stderr] = [makePipe(), makePipe(), makePipe()];
  const theirs = [stdin.read, stdout.write, stderr.write];
  const ours = [stdin.write, stdout.read, stderr.read];
  const close = (fds: readonly number[]) => {
    for (const fd of fds) closeSync(fd);
  };
  return {
    child: { kind: "pipes", stdin: stdin.read, stdout: stdout.write, stderr: stderr.write },
    open: () => new PipeStreams({ stdin: stdin.write, stdout: stdout.read, stderr: stderr.read }),
    handedOver: () => close(theirs),
    abandon: () => close([...theirs, ...ours]),
  };
}

export class GuestProcess {
  readonly pid: number;
  readonly streams: ProcessStreams;
  /** resolves with the exit code or 128 + signal; never rejects */
  readonly exited: Promise<number>;
  #hasExited = false;
  #isReported = false;

  constructor(pid: number, streams: ProcessStreams, exited: Promise<number>) {
    this.pid = pid;
    this.streams = streams;
    this.exited = exited.then((status) => {
      this.#hasExited = true;
      streams.processExited();
      return status;
    });
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Whether a Wait has returned the exit code: it does so once (agent-protocol §7.1). */
  get isReported(): boolean {
    return this.#isReported;
  }

  async wait(): Promise<number> {
    const status = await this.exited;
    this.#isReported = true;
    return status;
  }

  /** The pid cannot have been recycled: it is ours to reap, and after that we never signal. */
  signal(number: number): void {
    if (this.#hasExited) throw failures.processGone();
    try {
      process.kill(this.pid, number === SIGTERM && !this.#handles(SIGTERM) ? SIGKILL : number);
    } catch (error) {
      if (errnoOf(error) === "ESRCH") throw failures.processGone();
      throw error;
    }
  }

  /** A pid namespace's first process never sees a signal it does not handle, so SIGTERM would do nothing. */
  #handles(signal: number): boolean {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const isFirst = /^NSpid:.*\t1$/m.test(status);
    const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
    return !isFirst || ((caught >> BigInt(signal - 1)) & 1n) === 1n;
  }
}

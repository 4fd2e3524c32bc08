// A process inside the fake agent: streams that block until there is data, as the agent's reads do,
// and input that may be taken in parts.

/** Bytes that somebody writes and the host reads, at most `limit` at a time; empty is the end. */
class FakeStream {
  #pending = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => undefined;

  write(text: string | Uint8Array): void {
    this.#pending = Buffer.concat([this.#pending, Buffer.from(text)]);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async next(limit: number): Promise<Uint8Array> {
    while (this.#pending.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#pending.subarray(0, limit);
    this.#pending = this.#pending.subarray(taken.length);
    return taken;
  }
}

export class FakeGuestProcess {
  readonly terminal: boolean;
  readonly stdout = new FakeStream();
  readonly stderr = new FakeStream();
  readonly signals: number[] = [];
  readonly sizes: string[] = [];
  inputClosed = false;
  input = Buffer.alloc(0);
  /** how much of one WriteStdin is taken */
  takesAtMost = Number.POSITIVE_INFINITY;
  readonly exited: Promise<number>;
  #started = false;
  #resolveExit: (status: number) => void = () => undefined;

  constructor(terminal: boolean) {
    this.terminal = terminal;
    this.exited = new Promise((resolve) => {
      this.#resolveExit = resolve;
    });
  }

  start(): void {
    if (this.#started) throw new Error("the exec fifo has no reader any more");
    this.#started = true;
  }

  take(data: Uint8Array): number {
    const taken = data.subarray(0, Math.min(data.length, this.takesAtMost));
    this.input = Buffer.concat([this.input, taken]);
    // empty data closes a pipe
    if (data.length === 0) this.inputClosed = true;
    return taken.length;
  }

  end(status: number): void {
    this.stdout.end();
    this.stderr.end();
    this.#resolveExit(status);
  }
}

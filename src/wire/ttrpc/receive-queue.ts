// Messages of one stream that arrived before anyone asked for them. A full queue holds the whole connection, since
// ttrpc cannot slow down a single stream; leaving the iteration early drops what is queued and lets go.

/** Bytes that may wait in one stream before the connection is held. */
const HIGH_WATER_BYTES = 1 << 20;

export interface Holdable {
  hold(): void;
  release(): void;
}

export class ReceiveQueue<T> implements AsyncIterable<T> {
  readonly #connection: Holdable;
  #items: { readonly value: T; readonly bytes: number }[] = [];
  #bytes = 0;
  #isHolding = false;
  #end: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;

  constructor(connection: Holdable) {
    this.#connection = connection;
  }

  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  /** What the queue ended with, if that was an error. */
  get error(): Error | undefined {
    return this.#end?.error;
  }

  push(value: T, bytes: number): void {
    if (this.#end !== undefined) return;
    this.#items.push({ value, bytes });
    this.#bytes += bytes;
    this.#rebalance();
    this.#wake?.();
  }

  /** No more messages; those queued are still delivered, then `error` is thrown, if any. */
  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#rebalance();
    this.#wake?.();
  }

  discard(): void {
    this.#items = [];
    this.#bytes = 0;
    this.#end ??= {};
    this.#rebalance();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    try {
      for (;;) {
        const item = this.#items.shift();
        if (item !== undefined) {
          this.#bytes -= item.bytes;
          this.#rebalance();
          yield item.value;
        } else if (this.#end !== undefined) {
          if (this.#end.error !== undefined) throw this.#end.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.discard();
    }
  }

  #rebalance(): void {
    const isFull = this.#end === undefined && this.#bytes > HIGH_WATER_BYTES;
    if (isFull === this.#isHolding) return;
    this.#isHolding = isFull;
    if (isFull) this.#connection.hold();
    else this.#connection.release();
  }
}

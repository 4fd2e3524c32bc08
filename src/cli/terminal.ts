// This process's own streams as a container's: bytes pass unchanged and no faster than they are
// taken; a terminal is put into raw mode and given back whatever happens.
import { errnoOf } from "../lib/errors.ts";
import type { ByteSink } from "../pod/ports.ts";

export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** What came out of a process, for a result that is printed as one document. */
export class Collected implements ByteSink {
  readonly #chunks: Buffer[] = [];
  #size = 0;

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#size >= maxCollectedBytes) return;
    const taken = Buffer.from(bytes).subarray(0, maxCollectedBytes - this.#size);
    this.#chunks.push(taken);
    this.#size += taken.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}

const maxCollectedBytes = 64 * 1024 * 1024;

/** Whoever read our output has enough (`| head`): an end, but no fault. */
export class ReaderGone extends Error {}

/** Rejects with ReaderGone once that is so. */
export function sinkOf(stream: NodeJS.WriteStream, onGone: () => void): ByteSink {
  const state = { isGone: false };
  stream.on("error", () => {
    state.isGone = true;
    onGone();
  });
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        const ended = (error: unknown) => reject(errnoOf(error) === "EPIPE" ? new ReaderGone() : error);
        if (state.isGone) reject(new ReaderGone());
        else stream.write(bytes, (error) => (error ? ended(error) : resolve()));
      }),
  };
}

/** stdin as bytes; ends when it does, or when `close` is called. */
export function openInput(stream: NodeJS.ReadStream): { readonly bytes: AsyncIterable<Uint8Array>; close(): void } {
  return {
    bytes: (async function* () {
      try {
        for await (const chunk of stream) yield chunk as Uint8Array;
      } catch {
        // closed under us: the same as its end
      }
    })(),
    close: () => void stream.destroy(),
  };
}

export async function* noInput(): AsyncGenerator<Uint8Array, void, void> {}

/** Raw mode for the lifetime of the result; nothing where stdin is no terminal. */
export function rawTerminal(stream: NodeJS.ReadStream): Disposable {
  if (!stream.isTTY) return { [Symbol.dispose]: () => undefined };
  const restore = () => void stream.setRawMode(false);
  stream.setRawMode(true);
  process.once("exit", restore);
  return {
    [Symbol.dispose]: () => {
      process.off("exit", restore);
      restore();
    },
  };
}

export function windowSize(stream: NodeJS.WriteStream): WindowSize | undefined {
  return stream.isTTY ? { rows: stream.rows, columns: stream.columns } : undefined;
}

/** Calls back with each new size of the terminal until disposed. */
export function onResize(stream: NodeJS.WriteStream, tell: (size: WindowSize) => void): Disposable {
  const listener = () => {
    const size = windowSize(stream);
    if (size !== undefined) tell(size);
  };
  stream.on("resize", listener);
  return { [Symbol.dispose]: () => void stream.off("resize", listener) };
}

const forwarded = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15 } as const;

/** Hands on the signals that this process gets, by number, until disposed. */
export function onSignals(tell: (signal: number) => void): Disposable {
  const listeners = Object.entries(forwarded).map(([name, number]) => {
    const listener = () => tell(number);
    process.on(name, listener);
    return [name, listener] as const;
  });
  return {
    [Symbol.dispose]: () => {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}

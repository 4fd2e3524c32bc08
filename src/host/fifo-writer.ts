// The shim's end of an output FIFO. Opening never blocks: without a reader an O_WRONLY|O_NONBLOCK
// open gives ENXIO, and is tried again. A spare read end keeps a full or readerless FIFO from
// raising EPIPE while containerd restarts; the price is that a full FIFO simply stops the writer.
import { closeSync, constants, openSync } from "node:fs";
import net from "node:net";
import { pause, withDeadline } from "../lib/deadline.ts";
import { Cancelled, errnoOf, HostCallFailed } from "../lib/errors.ts";
import { loadLibc } from "./libc.ts";

/** Where a guest process's output goes. */
export interface OutputSink extends AsyncDisposable {
  /** resolves once the receiver's kernel buffer took all bytes; calls keep their order */
  write(chunk: Uint8Array): Promise<void>;
  /** lets queued and buffered bytes out, within bounds, and closes every end; idempotent, never rejects for a slow reader */
  close(): Promise<void>;
}

export interface FifoWriterLimits {
  /** how long close waits for queued writes; default 5 s, so that close stays within containerd's 10 s for Delete */
  readonly drainMs?: number;
  /** how long close waits until the reader has taken what lies in the FIFO; default 3 s */
  readonly lingerMs?: number;
  /** how long close waits for a reader that never came and would have nothing to read; default 1 s */
  readonly greetMs?: number;
}

// asm-generic/ioctls.h
const fionread = 0x541b;
const retryMs = 20;
const lingerStepMs = 2;

export class FifoWriter implements OutputSink {
  readonly #path: string;
  readonly #limits: Required<FifoWriterLimits>;
  readonly #abandon = new AbortController();
  readonly #opened: Promise<net.Socket>;
  #spare: number | undefined;
  #last: Promise<void> = Promise.resolve();
  #queued = 0;
  #closing: Promise<void> | undefined;

  constructor(path: string, limits: FifoWriterLimits = {}) {
    this.#path = path;
    this.#limits = { drainMs: 5_000, lingerMs: 3_000, greetMs: 1_000, ...limits };
    const first = tryOpenWriter(path);
    this.#opened = first === undefined ? this.#openLater() : Promise.resolve(this.#attach(first));
    this.#opened.catch(() => undefined);
  }

  write(chunk: Uint8Array): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new Cancelled(`writing to ${this.#path}`));
    this.#queued += 1;
    const written = this.#last
      .then(() => this.#send(chunk))
      .finally(() => {
        this.#queued -= 1;
      });
    this.#last = written.catch(() => undefined);
    return written;
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #send(chunk: Uint8Array): Promise<void> {
    const socket = await this.#opened;
    await new Promise<void>((resolve, reject) => {
      const give = (error: Error) => reject(error);
      const onAbandon = () => give(new Cancelled(`writing to ${this.#path}`));
      if (this.#abandon.signal.aborted) return onAbandon();
      this.#abandon.signal.addEventListener("abort", onAbandon, { once: true });
      socket.write(chunk, (error) => {
        this.#abandon.signal.removeEventListener("abort", onAbandon);
        if (error) give(new HostCallFailed(`write ${this.#path}`, errnoOf(error) ?? "EUNKNOWN", { cause: error }));
        else resolve();
      });
    });
  }

  async #openLater(): Promise<net.Socket> {
    for (;;) {
      await pause(retryMs, this.#abandon.signal);
      this.#abandon.signal.throwIfAborted();
      const fd = tryOpenWriter(this.#path);
      if (fd !== undefined) return this.#attach(fd);
    }
  }

  #attach(fd: number): net.Socket {
    this.#spare = openSpare(this.#path);
    const socket = new net.Socket({ fd, readable: false, writable: true });
    socket.on("error", () => undefined);
    return socket;
  }

  async #finish(): Promise<void> {
    const greetMs = this.#queued > 0 ? this.#limits.lingerMs : this.#limits.greetMs;
    const everOpened = await settlesWithin(this.#opened, greetMs);
    const drained = everOpened && (await settlesWithin(this.#last, this.#limits.drainMs));
    this.#abandon.abort();
    if (!everOpened) {
      wakeReaders(this.#path);
      return;
    }
    const socket = await this.#opened;
    // A FIFO that was removed meanwhile ends the waiting, not the closing.
    if (drained) await this.#linger().catch(() => undefined);
    if (this.#spare !== undefined) closeSync(this.#spare);
    this.#spare = undefined;
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.destroy();
    await closed;
  }

  /**
   * Bytes in a FIFO die with its last descriptor, so a reader that is away gets a moment to come back;
   * and containerd 1.6 stops reading once it has heard of the exit, so a present one gets it, too.
   */
  async #linger(): Promise<void> {
    const end = performance.now() + this.#limits.lingerMs;
    while (performance.now() < end && (await this.#bytesWaiting()) > 0) await pause(lingerStepMs);
  }

  async #bytesWaiting(): Promise<number> {
    if (this.#spare === undefined) return 0;
    const libc = await loadLibc();
    const count = Buffer.alloc(8);
    return libc.ioctl(this.#spare, fionread, count) === 0 ? count.readInt32LE(0) : 0;
  }
}

/** Whether `work` succeeds in time. */
async function settlesWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  try {
    await withDeadline(work, { operation: "closing a FIFO", timeoutMs: limitMs });
    return true;
  } catch {
    return false;
  }
}

/** A write end, or undefined while nobody reads. A reader that is still blocked in its open counts. */
function tryOpenWriter(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const errno = errnoOf(cause) ?? "EUNKNOWN";
    if (errno === "ENXIO") return undefined;
    throw new HostCallFailed(`open ${path}`, errno, { cause });
  }
}

/** A read end that nobody reads from; undefined when the FIFO was already removed. */
function openSpare(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return undefined;
    throw new HostCallFailed(`open ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause });
  }
}

/** Opens and closes a write end once, so that a reader which blocks in open(2) sees end of file. */
function wakeReaders(path: string): void {
  const spare = openSpare(path);
  if (spare === undefined) return;
  const writer = tryOpenWriter(path);
  if (writer !== undefined) closeSync(writer);
  closeSync(spare);
}

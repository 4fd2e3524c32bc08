// The three streams of a container process as the agent protocol wants them: output is polled, so
// it is held in a bounded queue and the pipe is left unread while the queue is full; a workload that
// writes faster than the host reads blocks in its own write(2). Empty answer = end of output.
import { closeSync, readSync } from "node:fs";
import { Socket, type SocketConstructorOpts } from "node:net";
import { ReadStream } from "node:tty";
import { errnoOf } from "../lib/errors.ts";
import { bytesHeld } from "./sys/pipe.ts";
import { openSlave, resizeTerminal, type WindowSize } from "./sys/tty-master.ts";

/** bytes kept per stream before reading stops */
const QUEUE_LIMIT = 256 * 1024;
/** bytes asked of the kernel at a time */
const CHUNK = 64 * 1024;
/** pause between looks at a terminal that other processes still hold open, ms */
const TTY_POLL_MS = 20;
/** after the process is gone, silence this long on a stream that others still hold open ends it, ms */
const SILENCE_MS = 500;
/** and so does this long without any silence, once everything that the process itself wrote was read, ms */
const LINGER_MS = 2000;
/** more than a terminal holds between a writer and its master, bytes */
const TTY_HELD_MAX = 64 * 1024;

/** Output waiting to be polled. */
export class OutputQueue {
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #readers: (() => void)[] = [];
  #onSpace: () => void = () => undefined;

  get isFull(): boolean {
    return this.#size >= QUEUE_LIMIT;
  }

  /** Everything was taken and nothing can follow. */
  get isDrained(): boolean {
    return this.#ended && this.#size === 0;
  }

  /** `resume` is called whenever the queue was full and has room again. */
  onSpace(resume: () => void): void {
    this.#onSpace = resume;
  }

  push(chunk: Buffer): void {
    if (this.#ended) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#wakeAll();
  }

  end(): void {
    this.#ended = true;
    this.#wakeAll();
  }

  /** Waits for output; empty once everything was taken and nothing can follow. */
  async take(limit: number, signal?: AbortSignal): Promise<Buffer> {
    signal?.addEventListener("abort", this.#wakeAll, { once: true });
    while (this.#size === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#readers.push(resolve));
      // nobody is left to get the data: it must stay for the next caller
      signal?.throwIfAborted();
    }
    signal?.removeEventListener("abort", this.#wakeAll);
    const wasFull = this.isFull;
    const taken = this.#shift(Math.max(1, limit));
    if (wasFull && !this.isFull) this.#onSpace();
    return taken;
  }

  #shift(limit: number): Buffer {
    const parts: Buffer[] = [];
    let room = limit;
    for (let head = this.#chunks[0]; head !== undefined && room > 0; head = this.#chunks[0]) {
      const part = head.subarray(0, room);
      parts.push(part);
      room -= part.length;
      if (part.length === head.length) this.#chunks.shift();
      else this.#chunks[0] = head.subarray(part.length);
    }
    this.#size -= limit - room;
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  readonly #wakeAll = () => {
    const readers = this.#readers;
    this.#readers = [];
    for (const wake of readers) wake();
  };
}

export interface ProcessStreams {
  readonly stdout: OutputQueue;
  /** absent with a terminal: everything comes out of stdout */
  readonly stderr: OutputQueue | undefined;
  /** Resolves when more may be sent; false when stdin is closed. */
  write(data: Buffer): Promise<boolean>;
  closeStdin(): void;
  resize(size: WindowSize): boolean;
  /** The process is gone: whatever is left in the kernel still comes out, nothing more is waited for. */
  processExited(): void;
  /** Ends every reader now. */
  close(): void;
}

/** Parent ends of three pipes. */
export class PipeStreams implements ProcessStreams {
  readonly stdout: OutputQueue;
  readonly stderr: OutputQueue;
  readonly #stdin: Socket;
  readonly #outputs: readonly PipeOutput[];
  #stdinOpen = true;

  constructor(fds: { stdin: number; stdout: number; stderr: number }) {
    this.#stdin = new Socket({ fd: fds.stdin, readable: false, writable: true });
    // the workload may close its end at any time; that is not ours to report
    this.#stdin.on("error", () => this.closeStdin());
    this.#outputs = [fds.stdout, fds.stderr].map(pumpPipe);
    const [stdout, stderr] = this.#outputs.map((output) => output.queue);
    this.stdout = stdout ?? new OutputQueue();
    this.stderr = stderr ?? new OutputQueue();
  }

  write(data: Buffer): Promise<boolean> {
    if (!this.#stdinOpen) return Promise.resolve(false);
    return queueWrite(this.#stdin, data);
  }

  closeStdin(): void {
    this.#stdinOpen = false;
    this.#stdin.end();
  }

  resize(): boolean {
    return false;
  }

  processExited(): void {
    this.#stdinOpen = false;
    this.#stdin.destroy();
    const endsAt = performance.now() + LINGER_MS;
    for (const output of this.#outputs) lookLater(output, { endsAt });
  }

  close(): void {
    this.#stdinOpen = false;
    this.#stdin.destroy();
    for (const { socket, queue } of this.#outputs) {
      queue.end();
      socket.destroy();
    }
  }
}

/** Answers at once while little is queued, else when the workload has taken it. */
function queueWrite(socket: Socket, data: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    socket.write(data, (error) => resolve(!error));
    if (socket.writableLength <= QUEUE_LIMIT && !socket.destroyed) resolve(true);
  });
}

interface PipeOutput {
  readonly fd: number;
  readonly socket: Socket;
  readonly queue: OutputQueue;
}

/** What is known of the output of a process that is gone. */
interface Remains {
  /** when others' output ends it no later, on the clock of `performance` */
  readonly endsAt: number;
  /** bytes read once everything of the process's own was; unknown before the first look */
  readonly own?: number;
}

/**
 * A grandchild may hold the pipe open for ever, or write to it for ever; readers must not wait for it. In a turn of the
 * event loop timers come before reads: after a turn that took long, only what the reads of this one leave is silence.
 */
function lookLater(output: PipeOutput, remains: Remains): void {
  const seen = output.socket.bytesRead;
  setTimeout(() => setImmediate(endIfDone, output, remains, seen), SILENCE_MS).unref();
}

function endIfDone(output: PipeOutput, { endsAt, own }: Remains, seen: number): void {
  const { fd, socket, queue } = output;
  if (socket.destroyed) return;
  const isSilent = socket.bytesRead === seen && !queue.isFull;
  // a pipe keeps the order: what others write from now on comes after all that the process wrote
  const last = own ?? socket.bytesRead + bytesHeld(fd);
  if (!isSilent && (performance.now() < endsAt || socket.bytesRead < last)) {
    lookLater(output, { endsAt, own: last });
    return;
  }
  queue.end();
  socket.destroy();
}

function pumpPipe(fd: number): PipeOutput {
  const queue = new OutputQueue();
  const socket = new Socket({ fd, readable: true, writable: false, ...onread(queue) });
  queue.onSpace(() => socket.resume());
  socket.on("end", () => queue.end());
  socket.on("error", () => queue.end());
  socket.on("close", () => queue.end());
  socket.resume();
  return { fd, socket, queue };
}

/** Reads into one buffer and copies from it; returning false makes libuv stop reading. */
function onread(queue: OutputQueue): SocketConstructorOpts {
  const callback = (size: number, buffer: Uint8Array): boolean => {
    queue.push(Buffer.from(buffer.subarray(0, size)));
    return !queue.isFull;
  };
  return { onread: { buffer: Buffer.allocUnsafe(CHUNK), callback } } as SocketConstructorOpts;
}

/** A pty master. libuv takes a short read together with POLLHUP for the end, and every pty read is
 * short, so output would be cut: we hold the slave open until the process is gone, stop libuv, and
 * read the rest ourselves until EIO, which the kernel answers only when nothing is left. */
export class TerminalStreams implements ProcessStreams {
  readonly stdout = new OutputQueue();
  readonly stderr = undefined;
  readonly #master: number;
  readonly #stream: ReadStream;
  #slave: number | undefined;
  #draining = false;
  #closed = false;
  #silentMs = 0;
  /** on the clock of `performance`; from then on only what the terminal held when the process ended is waited for */
  #endsAt = Number.POSITIVE_INFINITY;
  #drainedBytes = 0;

  constructor(master: number) {
    this.#master = master;
    this.#slave = openSlave(master);
    this.#stream = new ReadStream(master, onread(this.stdout));
    this.#stream.on("error", () => undefined);
    this.stdout.onSpace(() => this.#resume());
    this.#stream.resume();
  }

  write(data: Buffer): Promise<boolean> {
    if (this.#closed || this.#draining) return Promise.resolve(false);
    return queueWrite(this.#stream, data);
  }

  /** A terminal has no half-close; end-of-file is typed (^D). */
  closeStdin(): void {
    void this.write(Buffer.from([4]));
  }

  resize(size: WindowSize): boolean {
    if (!this.#closed) resizeTerminal(this.#master, size);
    return true;
  }

  processExited(): void {
    if (this.#draining || this.#closed) return;
    this.#draining = true;
    this.#endsAt = performance.now() + LINGER_MS;
    this.#stream.pause();
    this.#closeSlave();
    this.#drain();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeSlave();
    this.stdout.end();
    this.#stream.destroy();
  }

  #resume(): void {
    if (this.#closed) return;
    if (this.#draining) this.#drain();
    else this.#stream.resume();
  }

  #drain(): void {
    const buffer = Buffer.allocUnsafe(CHUNK);
    while (!this.#closed && !this.stdout.isFull) {
      const step = this.#readOnce(buffer);
      if (step === "end") this.stdout.end();
      if (step === "later") setTimeout(() => this.#drain(), TTY_POLL_MS).unref();
      if (step !== "more") return;
    }
  }

  #readOnce(buffer: Buffer): "more" | "later" | "end" {
    try {
      const size = readSync(this.#master, buffer);
      if (size === 0) return "end";
      this.#silentMs = 0;
      this.#drainedBytes += size;
      this.stdout.push(Buffer.from(buffer.subarray(0, size)));
      return this.#isLate && this.#drainedBytes > TTY_HELD_MAX ? "end" : "more";
    } catch (error) {
      this.#silentMs += TTY_POLL_MS;
      const mayFollow = errnoOf(error) === "EAGAIN" && this.#silentMs <= SILENCE_MS && !this.#isLate;
      return mayFollow ? "later" : "end";
    }
  }

  get #isLate(): boolean {
    return performance.now() >= this.#endsAt;
  }

  #closeSlave(): void {
    if (this.#slave !== undefined) closeSync(this.#slave);
    this.#slave = undefined;
  }
}

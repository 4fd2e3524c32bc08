// A duplex stream that carries frames, for client and server alike. Header and payload leave in one write and the
// frames of one tick in one flush. Reading stops while anyone holds it, which is the only back-pressure ttrpc has:
// it stalls every stream of the connection, so holds must be short.
import type { Duplex } from "node:stream";
import { ConnectionLost, errorText } from "../../lib/errors.ts";
import { encodeHeader, type Frame, FrameDecoder, type FrameHead } from "./frame.ts";

/** Payloads up to this size are copied behind their header; larger ones are written as they are. */
const COPY_LIMIT_BYTES = 4096;
const END_LIMIT_MS = 1000;

export interface FrameHandlers {
  readonly onFrame: (frame: Frame) => void;
  /** called once, before `closed` resolves */
  readonly onClose: (cause: ConnectionLost) => void;
}

export class FrameConnection {
  /** Resolves, never rejects, with what ended the connection. */
  readonly closed: Promise<ConnectionLost>;
  readonly #duplex: Duplex;
  readonly #peer: string;
  readonly #handlers: FrameHandlers;
  readonly #decoder = new FrameDecoder();
  readonly #resolveClosed: (cause: ConnectionLost) => void;
  #cause: ConnectionLost | undefined;
  #holds = 0;
  #corked = false;

  constructor(duplex: Duplex, peer: string, handlers: FrameHandlers) {
    this.#duplex = duplex;
    this.#peer = peer;
    this.#handlers = handlers;
    let resolveClosed: (cause: ConnectionLost) => void = () => undefined;
    this.closed = new Promise((resolve) => {
      resolveClosed = resolve;
    });
    this.#resolveClosed = resolveClosed;
    duplex.on("data", (chunk: Buffer) => this.#receive(chunk));
    duplex.on("error", (error) => this.#close(errorText(error), error));
    duplex.on("end", () =>
      this.#close(this.#decoder.isMidFrame ? "the peer closed it inside a frame" : "the peer closed it"),
    );
    duplex.on("close", () => this.#close("it was closed"));
  }

  /** Why the connection ended, once it has. */
  get cause(): ConnectionLost | undefined {
    return this.#cause;
  }

  /** Whether writers should wait for `drained` first. */
  get isCongested(): boolean {
    return this.#cause === undefined && this.#duplex.writableNeedDrain;
  }

  /** Resolves when writing makes sense again, or at the connection's end. */
  async drained(): Promise<void> {
    if (!this.isCongested) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#duplex.off("drain", done);
        this.#duplex.off("close", done);
        resolve();
      };
      this.#duplex.on("drain", done);
      this.#duplex.on("close", done);
    });
  }

  /** Throws ConnectionLost after the end. The payload must not change until it is written. */
  send(head: FrameHead, payload: Uint8Array): void {
    if (this.#cause !== undefined) throw this.#cause;
    this.#corkForThisTick();
    if (payload.length <= COPY_LIMIT_BYTES) {
      const frame = encodeHeader(head, payload.length, payload.length);
      frame.set(payload, frame.length - payload.length);
      this.#duplex.write(frame);
      return;
    }
    this.#duplex.write(encodeHeader(head, payload.length));
    this.#duplex.write(payload);
  }

  /** Stops reading until as many `release` calls follow. */
  hold(): void {
    this.#holds += 1;
    if (this.#holds === 1) this.#duplex.pause();
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds === 0) this.#duplex.resume();
  }

  /** Writes what is queued, as far as the peer reads it within `END_LIMIT_MS`, then ends. */
  async end(): Promise<void> {
    if (this.#cause === undefined) {
      this.#duplex.end(() => this.#close("it was closed on this side"));
      const late = setTimeout(() => this.#close("it was closed on this side, its peer did not read"), END_LIMIT_MS);
      void this.closed.then(() => clearTimeout(late));
    }
    await this.closed;
  }

  /** Ends at once; what is queued is lost. */
  destroy(reason: string): void {
    this.#close(reason);
  }

  #receive(chunk: Buffer): void {
    for (const frame of this.#decoder.decode(chunk)) {
      if (this.#cause !== undefined) return;
      this.#handlers.onFrame(frame);
    }
  }

  #corkForThisTick(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#duplex.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#duplex.uncork();
    });
  }

  #close(reason: string, cause?: unknown): void {
    if (this.#cause !== undefined) return;
    this.#cause = new ConnectionLost(this.#peer, reason, { cause });
    this.#duplex.destroy();
    this.#handlers.onClose(this.#cause);
    this.#resolveClosed(this.#cause);
  }
}

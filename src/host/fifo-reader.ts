// The shim's end of a stdin FIFO. An own write end stays open beside it, so that an attach client
// that leaves does not end the process's stdin; giving that end up is what CloseIO means.
import { closeSync, constants, openSync } from "node:fs";
import net from "node:net";
import type { Readable } from "node:stream";
import { errnoOf, HostCallFailed } from "../lib/errors.ts";

/** What a guest process reads. */
export interface InputSource extends AsyncDisposable {
  /** pauses when not read; ends after closeAfterDrain, once every other writer is gone too */
  readonly stream: Readable;
  /** CloseIO: end of file follows the bytes that are already in the FIFO; idempotent */
  closeAfterDrain(): void;
  /** closes every end at once; idempotent */
  close(): Promise<void>;
}

export class FifoReader implements InputSource {
  readonly stream: Readable;
  #writeEnd: number | undefined;

  constructor(path: string) {
    // In this order neither open can block, nor fail for want of a peer.
    const readEnd = openEnd(path, constants.O_RDONLY);
    try {
      this.#writeEnd = openEnd(path, constants.O_WRONLY);
    } catch (error) {
      closeSync(readEnd);
      throw error;
    }
    this.stream = new net.Socket({ fd: readEnd, readable: true, writable: false });
    this.stream.on("error", () => undefined);
  }

  closeAfterDrain(): void {
    if (this.#writeEnd !== undefined) closeSync(this.#writeEnd);
    this.#writeEnd = undefined;
  }

  async close(): Promise<void> {
    this.closeAfterDrain();
    if (this.stream.closed) return;
    const closed = new Promise((resolve) => this.stream.once("close", resolve));
    this.stream.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function openEnd(path: string, mode: number): number {
  try {
    return openSync(path, mode | constants.O_NONBLOCK);
  } catch (cause) {
    throw new HostCallFailed(`open ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause });
  }
}

// The daemon's log lines go to the bundle's `log` FIFO, which containerd copies to its own log.
// containerd may be away: a line that cannot be written at once is dropped, never waited for.
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../lib/errors.ts";
import type { LogSink } from "../lib/logger.ts";

export class LogFifo implements LogSink {
  readonly #path: string;
  #fd: number | null = null;
  #torn = false;

  constructor(bundle: string) {
    this.#path = join(bundle, "log");
  }

  write(line: string): void {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        this.#fd ??= openSync(this.#path, constants.O_WRONLY | constants.O_NONBLOCK);
        const bytes = Buffer.from(`${this.#torn ? "\n" : ""}${line}\n`);
        // beyond PIPE_BUF the kernel may take a part: the next line then begins on its own
        this.#torn = writeSync(this.#fd, bytes) < bytes.length;
        return;
      } catch (error) {
        // the reader is slow: this line is lost, the next may pass
        if (errnoOf(error) === "EAGAIN") return;
        this.close();
        // a reader that was replaced shows as EPIPE once; without a FIFO there is nobody to tell
        if (errnoOf(error) !== "EPIPE") return;
      }
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
    this.#torn = false;
  }
}

// The last bytes of a stream, for error reports: bounded memory whatever the peer writes.
export class Tail {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(limitBytes = 8192) {
    this.#limit = limitBytes;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.subarray(Math.max(0, chunk.length - this.#limit)));
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    while (this.#size - (this.#chunks[0]?.length ?? 0) >= this.#limit) this.#size -= this.#chunks.shift()?.length ?? 0;
  }

  /** At most `limitBytes`, from the first whole line on when something was cut. */
  text(): string {
    const all = Buffer.concat(this.#chunks).subarray(-this.#limit).toString("utf8");
    return this.#size > this.#limit ? all.slice(all.indexOf("\n") + 1) : all;
  }
}

// The one way this folder reads untrusted bytes: every access is checked, and a refusal names
// format, offset and reason. Offsets in errors are absolute in the file, also for sub-readers.
import { KataError } from "../lib/errors.ts";

/** Bytes that are not what their format promises; nothing was changed or trusted. */
export class MalformedInput extends KataError {
  readonly code = "MalformedInput";
  /** what was being read, for example `IGVM file` */
  readonly format: string;
  /** byte offset in the whole input */
  readonly offset: number;
  readonly reason: string;

  constructor(format: string, offset: number, reason: string) {
    super(`${format}: ${reason} at offset 0x${offset.toString(16)}`);
    this.format = format;
    this.offset = offset;
    this.reason = reason;
  }
}

/**
 * A cursor over bytes. Returned byte ranges are views of the input, never copies.
 * 64-bit fields come as bigint (`u64le`) or, where they count bytes or items, as a safe number (`size64le`).
 */
export class ByteReader {
  readonly format: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  #position = 0;

  /** `base` is the offset of `bytes` in the whole input, used in errors only. */
  constructor(bytes: Uint8Array, format: string, base = 0) {
    this.format = format;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
  }

  /** position in these bytes, from 0 */
  get position(): number {
    return this.#position;
  }

  get length(): number {
    return this.#bytes.length;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  /** Refuses the input; without `position`, at the cursor. */
  fail(reason: string, position = this.#position): never {
    throw new MalformedInput(this.format, this.#base + position, reason);
  }

  seek(position: number): this {
    if (!Number.isSafeInteger(position) || position < 0 || position > this.#bytes.length) {
      this.fail(`position ${position} lies outside its ${this.#bytes.length} bytes`);
    }
    this.#position = position;
    return this;
  }

  skip(count: number): this {
    this.#take(count);
    return this;
  }

  bytes(count: number): Uint8Array {
    const start = this.#take(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** A reader over the next `count` bytes; this cursor moves past them. */
  sub(count: number, format = this.format): ByteReader {
    const start = this.#take(count);
    return new ByteReader(this.#bytes.subarray(start, start + count), format, this.#base + start);
  }

  /** A reader over `count` bytes at `position`; this cursor stays. */
  at(position: number, count: number, format = this.format): ByteReader {
    const back = this.#position;
    const reader = this.seek(position).sub(count, format);
    this.#position = back;
    return reader;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16le(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u16be(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32le(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u32be(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64le(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  u64be(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** A little-endian u64 that must be a safe integer. */
  size64le(): number {
    return this.#safe(this.u64le());
  }

  /** A big-endian u64 that must be a safe integer. */
  size64be(): number {
    return this.#safe(this.u64be());
  }

  #safe(value: bigint): number {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`${value} is too large`, this.#position - 8);
    return Number(value);
  }

  #take(count: number): number {
    if (!Number.isSafeInteger(count) || count < 0 || count > this.remaining) {
      this.fail(`needs ${count} bytes, has ${this.remaining}`);
    }
    const start = this.#position;
    this.#position += count;
    return start;
  }
}

/** Refuses input above a format's size limit before anything is read from it. */
export function limitSize(bytes: Uint8Array, limit: number, format: string): void {
  if (bytes.length > limit) throw new MalformedInput(format, limit, `${bytes.length} bytes, the limit is ${limit}`);
}

/** GUID text (8-4-4-4-12, lower case) of 16 bytes in the mixed-endian form of UEFI 2.10 appendix A. */
export function guidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  const swap = (start: number, end: number): string => (hex.slice(start, end).match(/../g) ?? []).reverse().join("");
  return `${swap(0, 8)}-${swap(8, 12)}-${swap(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** The 16 bytes of a GUID text, the inverse of `guidText`. */
export function guidBytes(text: string): Uint8Array {
  const [a = "", b = "", c = "", d = "", e = ""] = text.split("-");
  const swap = (part: string): Buffer => Buffer.from(part, "hex").reverse();
  return Buffer.concat([swap(a), swap(b), swap(c), Buffer.from(d + e, "hex")]);
}

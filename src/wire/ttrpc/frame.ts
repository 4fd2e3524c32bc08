// ttrpc frames without I/O (ttrpc PROTOCOL.md): u32 length, u32 stream id, u8 type, u8 flags, all big endian, then
// `length` bytes. A frame above 4 MiB is reported when its header arrives and its body is dropped as it streams in,
// so a peer cannot make us hold it.

export const HEADER_BYTES = 10;
/** ttrpc's messageLengthMax; counts the payload only. */
export const MAX_PAYLOAD_BYTES = 4 << 20;

export const MessageKind = { request: 1, response: 2, data: 3 } as const;

/** Stream flags; a unary exchange uses none. */
export const Flag = { remoteClosed: 1, remoteOpen: 2, noData: 4 } as const;

export interface FrameHead {
  readonly streamId: number;
  /** one of MessageKind; other values come from newer peers and are to be ignored */
  readonly kind: number;
  readonly flags: number;
}

export interface Frame extends FrameHead {
  /** may share memory with the chunk it came in */
  readonly payload: Buffer;
  /** set instead of a payload when the frame was too long and is being dropped */
  readonly oversizedBytes?: number;
}

const nothing = Buffer.alloc(0);

export class FrameDecoder {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerFilled = 0;
  #current: { readonly head: FrameHead; readonly body: Buffer; filled: number } | undefined;
  #dropping = 0;

  /** Whether the bytes so far end inside a frame. */
  get isMidFrame(): boolean {
    return this.#headerFilled > 0 || this.#current !== undefined || this.#dropping > 0;
  }

  decode(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#dropping > 0) {
        const dropped = Math.min(this.#dropping, chunk.length - at);
        this.#dropping -= dropped;
        at += dropped;
      } else if (this.#current !== undefined) at = this.#fillBody(chunk, at, frames);
      else at = this.#readHead(chunk, at, frames);
    }
    return frames;
  }

  #readHead(chunk: Buffer, at: number, frames: Frame[]): number {
    let header = chunk;
    let start = at;
    let next = at + HEADER_BYTES;
    if (this.#headerFilled > 0 || next > chunk.length) {
      const copied = chunk.copy(this.#header, this.#headerFilled, at, at + HEADER_BYTES - this.#headerFilled);
      this.#headerFilled += copied;
      if (this.#headerFilled < HEADER_BYTES) return at + copied;
      this.#headerFilled = 0;
      header = this.#header;
      start = 0;
      next = at + copied;
    }
    const length = header.readUInt32BE(start);
    const head = {
      streamId: header.readUInt32BE(start + 4),
      kind: header.readUInt8(start + 8),
      flags: header.readUInt8(start + 9),
    };
    return this.#beginBody(head, { length, chunk, at: next, frames });
  }

  #beginBody(head: FrameHead, from: { length: number; chunk: Buffer; at: number; frames: Frame[] }): number {
    const { length, chunk, at, frames } = from;
    if (length > MAX_PAYLOAD_BYTES) {
      this.#dropping = length;
      frames.push({ ...head, payload: nothing, oversizedBytes: length });
      return at;
    }
    if (at + length <= chunk.length) {
      frames.push({ ...head, payload: length === 0 ? nothing : chunk.subarray(at, at + length) });
      return at + length;
    }
    this.#current = { head, body: Buffer.allocUnsafe(length), filled: 0 };
    return at;
  }

  #fillBody(chunk: Buffer, at: number, frames: Frame[]): number {
    const current = this.#current;
    if (current === undefined) return at;
    const copied = chunk.copy(current.body, current.filled, at);
    current.filled += copied;
    if (current.filled === current.body.length) {
      this.#current = undefined;
      frames.push({ ...current.head, payload: current.body });
    }
    return at + copied;
  }
}

/** The header of a frame whose payload is `length` bytes, in a buffer with `room` bytes left behind it. */
export function encodeHeader(head: FrameHead, length: number, room = 0): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES + room);
  header.writeUInt32BE(length, 0);
  header.writeUInt32BE(head.streamId, 4);
  header.writeUInt8(head.kind, 8);
  header.writeUInt8(head.flags, 9);
  return header;
}

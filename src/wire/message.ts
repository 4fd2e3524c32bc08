// What the generated messages in gen/ stand on: protobufjs' Reader and Writer, typed. Decoded messages are
// plain objects with every default filled in; 64-bit fields are bigint, since rlimits and memory limits
// exceed 2^53 and protobufjs' own Long degrades silently to number when a bundle leaves `long` out.
import type { Reader, Writer } from "protobufjs/minimal.js";
import protobuf from "protobufjs/minimal.js";

/** What `encode` takes: every field may be left out, 64-bit fields may be numbers. */
export type Init<T> = T extends Uint8Array
  ? Uint8Array
  : T extends bigint
    ? bigint | number
    : T extends readonly (infer Item)[]
      ? readonly Init<Item>[]
      : T extends object
        ? { readonly [K in keyof T]?: Init<T[K]> | undefined }
        : T;

/** Codec of one message type. */
export interface MessageType<T> {
  /** full proto name, which is also its type URL in an Any */
  readonly typeName: string;
  encode(init: Init<T>): Uint8Array;
  decode(bytes: Uint8Array): T;
  /** a message with defaults for what `init` leaves out */
  create(init: Init<T>): T;
  write(init: Init<T>, writer: Writer): Writer;
  read(reader: Reader, length: number): T;
}

/** The generated half of a message type. `read` takes one field whose tag was just read. */
export interface MessageSpec<T> {
  readonly name: string;
  readonly empty: () => T;
  readonly write: (init: Init<T>, writer: Writer) => void;
  readonly read: (message: T, reader: Reader, tag: number) => void;
}

export function message<T>(spec: MessageSpec<T>): MessageType<T> {
  const read = (reader: Reader, length: number): T => {
    const end = reader.pos + length;
    if (end > reader.len) throw new RangeError(`${spec.name}: field runs past the end of its message`);
    const result = spec.empty();
    while (reader.pos < end) spec.read(result, reader, reader.tag());
    if (reader.pos !== end) throw new RangeError(`${spec.name}: last field runs past the end`);
    return result;
  };
  const encode = (init: Init<T>): Uint8Array => {
    const writer = protobuf.Writer.create();
    spec.write(init, writer);
    return writer.finish();
  };
  const decode = (bytes: Uint8Array): T => {
    const reader = protobuf.Reader.create(bytes);
    return read(reader, reader.len);
  };
  return {
    typeName: spec.name,
    encode,
    decode,
    read,
    create: (init) => decode(encode(init)),
    write(init, writer) {
      spec.write(init, writer);
      return writer;
    },
  };
}

/** Embedded message at the reader's position. */
export function readMessage<T>(type: MessageType<T>, reader: Reader): T {
  return type.read(reader, reader.uint32());
}

export function writeMessage<T>(type: MessageType<T>, init: Init<T>, writer: Writer): void {
  type.write(init, writer.fork()).ldelim();
}

/** Packed repeated scalars; `readItem` is called until the packed bytes are used up. */
export function readPacked(reader: Reader, readItem: () => void): void {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError("packed field runs past the end of its message");
  while (reader.pos < end) readItem();
}

/** One entry of a map with string keys: key is field 1, value is field 2 (protobuf encoding, "Maps"). */
export function readEntry<V>(into: Record<string, V>, initial: V, io: { reader: Reader; value: () => V }): void {
  const { reader } = io;
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError("map entry runs past the end of its message");
  let key = "";
  let value = initial;
  while (reader.pos < end) {
    const tag = reader.tag();
    if (tag >>> 3 === 1) key = reader.stringVerify();
    else if (tag >>> 3 === 2) value = io.value();
    else reader.skipType(tag & 7);
  }
  // A plain assignment to `__proto__` would replace the object's prototype.
  Object.defineProperty(into, key, { value, writable: true, enumerable: true, configurable: true });
}

export function readUint64(reader: Reader): bigint {
  const { low, high } = readVarint64(reader);
  return (BigInt(high) << 32n) | BigInt(low);
}

export function readInt64(reader: Reader): bigint {
  return BigInt.asIntN(64, readUint64(reader));
}

/** The value as protobufjs' Writer takes it. */
export function bits64(value: bigint | number): { low: number; high: number; unsigned: boolean } {
  const bits = BigInt.asUintN(64, BigInt(value));
  return { low: Number(bits & 0xffff_ffffn), high: Number(bits >> 32n), unsigned: true };
}

function readVarint64(reader: Reader): { low: number; high: number } {
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = reader.pos < reader.len ? reader.buf[reader.pos] : undefined;
    if (byte === undefined) throw new RangeError("varint runs past the end");
    reader.pos += 1;
    const septet = byte & 0x7f;
    if (shift < 28) low |= septet << shift;
    else if (shift === 28) {
      low |= septet << 28;
      high |= septet >> 4;
    } else if (shift < 63) high |= septet << (shift - 32);
    else high |= (septet & 1) << 31;
    if (byte < 0x80) return { low: low >>> 0, high: high >>> 0 };
  }
  throw new RangeError("varint is longer than ten bytes");
}

// Deterministic CBOR (RFC 8949 §4.2.1), the few types that CoRIM needs. Encoder only.
/** What can be encoded; map keys are text or integers. */
export type CborValue =
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<number | string, CborValue>
  | CborTag;

export class CborTag {
  readonly tag: number;
  readonly value: CborValue;

  constructor(tag: number, value: CborValue) {
    this.tag = tag;
    this.value = value;
  }
}

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6 } as const;

export function encodeCbor(value: CborValue): Buffer {
  if (typeof value === "number") return encodeInteger(value);
  if (typeof value === "string") return withLength(MAJOR.text, Buffer.from(value, "utf8"));
  if (value instanceof Uint8Array) return withLength(MAJOR.bytes, value);
  if (value instanceof CborTag) return Buffer.concat([head(MAJOR.tag, value.tag), encodeCbor(value.value)]);
  if (value instanceof Map) return encodeMap(value);
  return encodeArray(value as readonly CborValue[]);
}

function encodeInteger(value: number): Buffer {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no safe integer`);
  return value >= 0 ? head(MAJOR.unsigned, value) : head(MAJOR.negative, -1 - value);
}

function encodeArray(items: readonly CborValue[]): Buffer {
  return Buffer.concat([head(MAJOR.array, items.length), ...items.map(encodeCbor)]);
}

/** Keys stand in the order of their encoded bytes. */
function encodeMap(map: ReadonlyMap<number | string, CborValue>): Buffer {
  const pairs = [...map].map(([key, value]): readonly [Buffer, Buffer] => [encodeCbor(key), encodeCbor(value)]);
  pairs.sort(([a], [b]) => Buffer.compare(a, b));
  return Buffer.concat([head(MAJOR.map, pairs.length), ...pairs.flat()]);
}

function withLength(major: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([head(major, bytes.length), bytes]);
}

/** Major type and argument in its shortest form. */
function head(major: number, argument: number): Buffer {
  const type = major << 5;
  if (argument < 24) return Buffer.from([type | argument]);
  if (argument < 0x100) return Buffer.from([type | 24, argument]);
  const size = argument < 0x1_0000 ? 2 : argument < 0x1_0000_0000 ? 4 : 8;
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = type | { 2: 25, 4: 26, 8: 27 }[size];
  if (size === 8) bytes.writeBigUInt64BE(BigInt(argument), 1);
  else bytes.writeUIntBE(argument, 1, size);
  return bytes;
}

// Just enough DER (X.690) to read what node:crypto does not show of a certificate or CRL:
// validity, extensions, revoked serials. Definite lengths only; nothing here recurses.
import type { ByteReader } from "../reader.ts";

export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  context0: 0xa0,
  context3: 0xa3,
} as const;

export interface DerValue {
  readonly tag: number;
  /** tag, length and content */
  readonly whole: Uint8Array;
  readonly content: ByteReader;
}

/** The next value, of any tag. */
export function readDer(reader: ByteReader): DerValue {
  const start = reader.position;
  const tag = reader.u8();
  const first = reader.u8();
  const length = first < 0x80 ? first : longLength(reader, first & 0x7f);
  const content = reader.sub(length);
  const end = reader.position;
  const whole = reader.seek(start).bytes(end - start);
  return { tag, whole, content };
}

export function readTagged(reader: ByteReader, tag: number): DerValue {
  const at = reader.position;
  const value = readDer(reader);
  if (value.tag !== tag) reader.fail(`tag 0x${value.tag.toString(16)} where 0x${tag.toString(16)} belongs`, at);
  return value;
}

/** The next value if it has this tag; otherwise the cursor stays. */
export function readOptional(reader: ByteReader, tag: number): DerValue | undefined {
  if (reader.remaining === 0) return undefined;
  return reader.at(reader.position, 1).u8() === tag ? readDer(reader) : undefined;
}

export function readOid(reader: ByteReader): string {
  const at = reader.position;
  const bytes = restOf(readTagged(reader, TAG.oid).content);
  if (bytes.length === 0 || bytes.length > 32) reader.fail(`an OID of ${bytes.length} bytes`, at);
  const parts: number[] = [];
  let part = 0;
  for (const byte of bytes) {
    part = part * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      parts.push(part);
      part = 0;
    }
  }
  const [first = 0, ...rest] = parts;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join(".");
}

/** A non-negative integer that fits a number, such as a security version. */
export function readSmallInteger(reader: ByteReader): number {
  const at = reader.position;
  const bytes = restOf(readTagged(reader, TAG.integer).content);
  if (bytes.length === 0 || bytes.length > 5 || (bytes[0] ?? 0) >= 0x80) reader.fail("an integer out of range", at);
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** UTCTime or GeneralizedTime as `YYYY-MM-DDTHH:MM:SSZ`, which compares as text. */
export function readTime(reader: ByteReader): string {
  const at = reader.position;
  const { tag, content } = readDer(reader);
  const text = Buffer.from(restOf(content)).toString("latin1");
  const isUtc = tag === TAG.utcTime;
  const pattern = isUtc ? /^(\d{2})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
  const [, year, month, day, hour, minute, second] = pattern.exec(text) ?? reader.fail("is no time", at);
  const century = isUtc ? (Number(year) < 50 ? "20" : "19") : "";
  return `${century}${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}

export function restOf(reader: ByteReader): Uint8Array {
  return reader.bytes(reader.remaining);
}

function longLength(reader: ByteReader, count: number): number {
  if (count === 0 || count > 4) reader.fail(`a length of ${count} bytes`);
  return reader.bytes(count).reduce((value, byte) => value * 256 + byte, 0);
}

// Writes TCG2 crypto-agile event logs for tests (TCG PC Client Platform Firmware Profile §10.2).
import { createHash } from "node:crypto";

const ALGORITHMS = { sha1: 0x4, sha256: 0xb, sha384: 0xc } as const;
type Bank = keyof typeof ALGORITHMS;

export interface TestEvent {
  readonly index: number;
  readonly type: number;
  readonly data: Uint8Array;
  /** what was hashed, when it is not the data */
  readonly hashed?: Uint8Array;
}

export function buildTcgLog(banks: readonly Bank[], events: readonly TestEvent[]): Buffer {
  return Buffer.concat([header(banks), ...events.map((event) => record(banks, event))]);
}

function header(banks: readonly Bank[]): Buffer {
  const algorithms = banks.flatMap((bank) => [u16(ALGORITHMS[bank]), u16(createHash(bank).digest().length)]);
  const data = Buffer.concat([
    Buffer.from("Spec ID Event03\0", "latin1"),
    u32(0),
    Buffer.from([0, 2, 0, 2]),
    u32(banks.length),
    ...algorithms,
    Buffer.from([0]),
  ]);
  return Buffer.concat([u32(0), u32(3), Buffer.alloc(20), u32(data.length), data]);
}

function record(banks: readonly Bank[], { index, type, data, hashed = data }: TestEvent): Buffer {
  const isAction = type !== 3;
  const digests = banks.flatMap((bank) => {
    const digest = createHash(bank).update(hashed).digest();
    return [u16(ALGORITHMS[bank]), isAction ? digest : Buffer.alloc(digest.length)];
  });
  return Buffer.concat([u32(index), u32(type), u32(banks.length), ...digests, u32(data.length), data]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

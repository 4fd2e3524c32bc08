// Small firmware files with a GUIDed table, for tests and fuzz seeds: the vectors describe them by layout.
import { guidBytes } from "../../src/measure/reader.ts";

export type Section = readonly [gpa: number, size: number, type: number];

export interface FirmwareParts {
  readonly size?: number;
  /** entries from the footer backwards, payloads without header */
  readonly entries: readonly (readonly [guid: string, payload: Uint8Array])[];
  /** bytes to place: offset and contents */
  readonly patches?: readonly (readonly [offset: number, bytes: Uint8Array])[];
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}

/** `length` is written as given: files in the field carry 0 there. */
export function sevMetadata(sections: readonly Section[], length = 16 + 12 * sections.length): Buffer {
  return Buffer.concat([Buffer.from("ASEV"), u32(length, 1, sections.length), ...sections.map((one) => u32(...one))]);
}

export function firmwareImage({ size = 4096, entries, patches = [] }: FirmwareParts): Buffer {
  const image = Buffer.alloc(size);
  for (const [offset, bytes] of patches) image.set(bytes, offset);
  const blocks = entries.map(([guid, payload]) => Buffer.concat([payload, header(payload.length + 18, guid)]));
  const total = blocks.reduce((sum, block) => sum + block.length, 18);
  const table = Buffer.concat([...blocks.reverse(), header(total, "96b582de-1fb2-45f7-baea-a366c55a082d")]);
  image.set(table, size - 32 - table.length);
  return image;
}

function header(size: number, guid: string): Buffer {
  const bytes = Buffer.alloc(18);
  bytes.writeUInt16LE(size);
  bytes.set(guidBytes(guid), 2);
  return bytes;
}

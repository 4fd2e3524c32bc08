// A small firmware with the TDX sections of a standard OVMF and any configuration volume.
import { firmwareGuids, parseOvmf } from "../../src/measure/ovmf.ts";
import { parseTdvf, type TdvfSection } from "../../src/measure/tdx/tdvf.ts";
import { firmwareImage, u32 } from "./firmware-image.ts";

export type TdvfRow = readonly [
  dataOffset: number,
  rawBytes: number,
  address: number,
  memoryBytes: number,
  type: number,
  attributes: number,
];

/** Memory layout of OvmfPkgX64 and IntelTdx builds, edk2 2022 to 2024. */
export const standardMemory: readonly TdvfRow[] = [
  [0, 0, 0x810000, 0x10000, 3, 0],
  [0, 0, 0x80b000, 0x2000, 3, 0],
  [0, 0, 0x809000, 0x2000, 2, 0],
  [0, 0, 0x800000, 0x6000, 3, 0],
];

export function tdvfTable(rows: readonly TdvfRow[], { version = 1, count = rows.length } = {}): Buffer {
  return Buffer.concat([
    Buffer.from("TDVF"),
    u32(16 + 32 * rows.length, version, count),
    ...rows.map(([data, raw, address, memory, type, attributes]) =>
      u32(data, raw, address, 0, memory, 0, type, attributes),
    ),
  ]);
}

/** A file of 4 KiB for the tables, with `volume` before it as the CFV. */
export function tdvfImage(rows: readonly TdvfRow[], volume: Uint8Array = new Uint8Array()): Buffer {
  const size = volume.length + 4096;
  const at = volume.length;
  const patches: [number, Uint8Array][] = [
    [0, volume],
    [at, tdvfTable(rows)],
  ];
  return firmwareImage({ size, entries: [[firmwareGuids.tdxMetadata, u32(size - at)]], patches });
}

/** Sections of a standard build whose CFV is `volume`; without one, no CFV. */
export function standardSections(volume?: Uint8Array): readonly TdvfSection[] {
  if (!volume) return parseTdvf(parseOvmf(tdvfImage(standardMemory)));
  const cfv: TdvfRow = [0, volume.length, 0xffc00000, volume.length, 1, 0];
  return parseTdvf(parseOvmf(tdvfImage([cfv, ...standardMemory], volume)));
}

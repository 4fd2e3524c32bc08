// The list of memory that QEMU hands to a TDVF and that the TDVF measures into RTMR0 first: it makes RTMR0
// depend on the memory size (qemu hw/i386/tdvf-hob.c; HOB formats: PI 1.8 volume 3, 5.2 and 5.5).
// The end-of-list HOB is not part of the measured bytes.
import { InvalidRequest } from "../../lib/errors.ts";
import type { TdvfSection } from "./tdvf.ts";

const MIB = 1 << 20;
const FOUR_GIB = 0x1_0000_0000;
/** QEMU's q35 keeps 2 GiB below 4 GiB from this size on, and everything below it before. */
const SPLIT_FROM = 0xb000_0000;
const LOW_WHEN_SPLIT = 0x8000_0000;
const MAX_MEMORY_MIB = 64 << 20;

const PHIT_BYTES = 56;
const RESOURCE_BYTES = 48;
const END_BYTES = 8;
const TYPE_PHIT = 1;
const TYPE_RESOURCE = 3;
const PHIT_VERSION = 9;
/** present, initialised, tested */
const RESOURCE_ATTRIBUTES = 7;
const RESOURCE_SYSTEM_MEMORY = 0;
const RESOURCE_UNACCEPTED = 7;

export interface MemoryRange {
  readonly start: number;
  readonly bytes: number;
  /** already added at build time */
  readonly accepted: boolean;
}

/** What the guest finds as memory: the ranges that QEMU lists, lowest first. */
export function tdMemoryRanges(sections: readonly TdvfSection[], memoryMiB: number): readonly MemoryRange[] {
  if (!Number.isInteger(memoryMiB) || memoryMiB < 1 || memoryMiB > MAX_MEMORY_MIB) {
    throw new InvalidRequest("memory", `${memoryMiB} MiB is not between 1 and ${MAX_MEMORY_MIB}`);
  }
  const total = memoryMiB * MIB;
  const low = total >= SPLIT_FROM ? LOW_WHEN_SPLIT : total;
  const ranges: MemoryRange[] = [];
  let at = 0;
  for (const { address, memoryBytes } of acceptedSections(sections)) {
    if (address < at || address + memoryBytes > low) {
      throw new InvalidRequest(
        "memory",
        `${memoryMiB} MiB leave no room for the firmware's section at 0x${address.toString(16)}`,
      );
    }
    if (address > at) ranges.push({ start: at, bytes: address - at, accepted: false });
    ranges.push({ start: address, bytes: memoryBytes, accepted: true });
    at = address + memoryBytes;
  }
  if (low > at) ranges.push({ start: at, bytes: low - at, accepted: false });
  if (total > low) ranges.push({ start: FOUR_GIB, bytes: total - low, accepted: false });
  return ranges;
}

function acceptedSections(sections: readonly TdvfSection[]): readonly TdvfSection[] {
  return sections
    .filter(({ type, memoryBytes }) => (type === "TD_HOB" || type === "TempMem") && memoryBytes > 0)
    .sort((a, b) => a.address - b.address);
}

/** The measured bytes of the TD HOB; refuses firmware without a TD_HOB section. */
export function renderTdHob(sections: readonly TdvfSection[], memoryMiB: number): Buffer {
  const section = sections.find(({ type }) => type === "TD_HOB");
  if (!section) throw new InvalidRequest("ovmf", "the firmware's TDX metadata has no TD_HOB section");
  const ranges = tdMemoryRanges(sections, memoryMiB);
  const bytes = Buffer.alloc(PHIT_BYTES + ranges.length * RESOURCE_BYTES);
  writeHead(bytes, TYPE_PHIT, PHIT_BYTES);
  bytes.writeUInt32LE(PHIT_VERSION, 8);
  bytes.writeBigUInt64LE(BigInt(section.address + bytes.length + END_BYTES), 48);
  for (const [index, range] of ranges.entries()) {
    const hob = bytes.subarray(PHIT_BYTES + index * RESOURCE_BYTES);
    writeHead(hob, TYPE_RESOURCE, RESOURCE_BYTES);
    hob.writeUInt32LE(range.accepted ? RESOURCE_SYSTEM_MEMORY : RESOURCE_UNACCEPTED, 24);
    hob.writeUInt32LE(RESOURCE_ATTRIBUTES, 28);
    hob.writeBigUInt64LE(BigInt(range.start), 32);
    hob.writeBigUInt64LE(BigInt(range.bytes), 40);
  }
  return bytes;
}

function writeHead(hob: Buffer, type: number, length: number): void {
  hob.writeUInt16LE(type, 0);
  hob.writeUInt16LE(length, 2);
}

// What a firmware file says about itself: the GUIDed table that ends 32 bytes before its end, and the
// SEV metadata it points to (edk2 OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm, X64/OvmfSevMetadata.asm).
// Section order is the table's: it is the order of measurement, and it changed in edk2 2026.
import { ByteReader, guidText, limitSize } from "./reader.ts";

const FORMAT = "OVMF firmware";
const FOUR_GIB = 0x1_0000_0000;
/** Firmware above this is refused; QEMU itself maps at most 16 MiB below 4 GiB. */
export const MAX_FIRMWARE_BYTES = 64 << 20;
const TABLE_END_FROM_EOF = 32;
const ENTRY_HEADER_BYTES = 18;
const MAX_SEV_SECTIONS = 64;

/** Entries of the GUIDed table that we know. */
export const firmwareGuids = {
  footer: "96b582de-1fb2-45f7-baea-a366c55a082d",
  sevHashTable: "7255371f-3a3b-4b04-927b-1da6efa8d454",
  sevSecret: "4c2eb361-7d9b-4cc3-8081-127c90d3d294",
  sevEsReset: "00f771de-1a7e-4fcb-890e-68c77e2fb44e",
  sevMetadata: "dc886566-984a-4798-a75e-5585a7bf67cc",
  tdxMetadata: "e47a6535-984a-4798-865e-4685a7bf8ec2",
  svsmReset: "813d7b2c-9558-4d88-8b31-1427a85abe69",
  igvmParameters: "784fa70e-3176-4677-8a20-04b68699e374",
  svsmInfo: "a789a612-0597-4c4b-a49f-cbb1fe9d1ddd",
} as const;

/** Section types of the SEV metadata (edk2 OvmfSevMetadata.asm). */
export const sevSectionTypes = {
  1: "SEC_MEM",
  2: "SECRETS",
  3: "CPUID",
  4: "SVSM_CAA",
  16: "KERNEL_HASHES",
} as const;
export type SevSectionType = (typeof sevSectionTypes)[keyof typeof sevSectionTypes];

export interface SevSection {
  readonly gpa: number;
  /** bytes; some builds carry sections of size 0, which QEMU cannot launch */
  readonly size: number;
  readonly type: SevSectionType;
  /** file offset of the table entry */
  readonly offset: number;
}

export interface FirmwareEntry {
  /** file offset of the payload */
  readonly offset: number;
  readonly data: Uint8Array;
}

export interface OvmfFirmware {
  readonly bytes: Uint8Array;
  /** guest physical address of the first byte: the file ends at 4 GiB */
  readonly gpa: number;
  /** the GUIDed table by lower-case GUID; empty when the firmware has none */
  readonly entries: ReadonlyMap<string, FirmwareEntry>;
  /** undefined when the firmware has no SEV metadata */
  readonly sevSections: readonly SevSection[] | undefined;
  /** where the kernel hashes go; base 0 means that this build has no room for them */
  readonly hashTable: { readonly base: number; readonly size: number | undefined } | undefined;
  /** reset address of the application processors under SEV-ES and SNP */
  readonly apResetEip: number | undefined;
}

/** Reads the footer; refuses what is present but broken, leaves out what is absent. */
export function parseOvmf(bytes: Uint8Array): OvmfFirmware {
  limitSize(bytes, MAX_FIRMWARE_BYTES, FORMAT);
  const reader = new ByteReader(bytes, FORMAT);
  if (bytes.length === 0) reader.fail("the file is empty");
  const entries = readTable(reader);
  const metadata = entries.get(firmwareGuids.sevMetadata);
  return {
    bytes,
    gpa: FOUR_GIB - bytes.length,
    entries,
    sevSections: metadata && readSevMetadata(reader, metadata),
    hashTable: readHashTable(reader, entries.get(firmwareGuids.sevHashTable)),
    apResetEip: readU32(reader, entries.get(firmwareGuids.sevEsReset)),
  };
}

/** File offset that a table entry names by its distance from the end of the file. */
export function offsetFromEnd(reader: ByteReader, entry: FirmwareEntry): number {
  const distance = reader.at(entry.offset, Math.min(4, entry.data.length)).u32le();
  if (distance > reader.length) reader.fail(`points ${distance} bytes before the end of the file`, entry.offset);
  return reader.length - distance;
}

function readTable(reader: ByteReader): Map<string, FirmwareEntry> {
  const entries = new Map<string, FirmwareEntry>();
  let end = reader.length - TABLE_END_FROM_EOF;
  if (end < ENTRY_HEADER_BYTES) return entries;
  if (guidText(reader.seek(end - 16).bytes(16)) !== firmwareGuids.footer) return entries;
  const footer = readEntryHeader(reader, end);
  const start = end - footer.size;
  if (start < 0) reader.fail(`table of ${footer.size} bytes starts before the file`, end - ENTRY_HEADER_BYTES);
  end -= ENTRY_HEADER_BYTES;
  while (end - start >= ENTRY_HEADER_BYTES) {
    const { size, guid } = readEntryHeader(reader, end);
    if (size > end - start) reader.fail(`entry ${guid} of ${size} bytes leaves its table`, end - ENTRY_HEADER_BYTES);
    const offset = end - size;
    if (!entries.has(guid)) {
      entries.set(guid, { offset, data: reader.seek(offset).bytes(size - ENTRY_HEADER_BYTES) });
    }
    end = offset;
  }
  return entries;
}

function readEntryHeader(reader: ByteReader, end: number): { size: number; guid: string } {
  const header = reader.at(end - ENTRY_HEADER_BYTES, ENTRY_HEADER_BYTES);
  const size = header.u16le();
  if (size < ENTRY_HEADER_BYTES) header.fail(`entry size ${size} is below ${ENTRY_HEADER_BYTES}`, 0);
  return { size, guid: guidText(header.bytes(16)) };
}

function readSevMetadata(reader: ByteReader, entry: FirmwareEntry): SevSection[] {
  const start = offsetFromEnd(reader, entry);
  reader.seek(start);
  if (Buffer.from(reader.bytes(4)).toString("latin1") !== "ASEV")
    reader.fail("SEV metadata lacks its ASEV mark", start);
  reader.skip(4); // length: unused by QEMU, and zero in files seen in the field
  const version = reader.u32le();
  if (version !== 1) reader.fail(`SEV metadata version ${version}, only 1 is known`, start + 8);
  const count = reader.u32le();
  if (count > MAX_SEV_SECTIONS) reader.fail(`${count} SEV sections, the limit is ${MAX_SEV_SECTIONS}`, start + 12);
  return Array.from({ length: count }, () => readSevSection(reader));
}

function readSevSection(reader: ByteReader): SevSection {
  const offset = reader.position;
  const gpa = reader.u32le();
  const size = reader.u32le();
  const code = reader.u32le();
  const type = (sevSectionTypes as Readonly<Record<number, SevSectionType>>)[code];
  if (type === undefined) reader.fail(`unknown SEV section type ${code}`, offset + 8);
  return { gpa, size, type, offset };
}

function readHashTable(reader: ByteReader, entry: FirmwareEntry | undefined): OvmfFirmware["hashTable"] {
  if (!entry) return undefined;
  const payload = reader.at(entry.offset, entry.data.length);
  return { base: payload.u32le(), size: payload.remaining >= 4 ? payload.u32le() : undefined };
}

function readU32(reader: ByteReader, entry: FirmwareEntry | undefined): number | undefined {
  return entry && reader.at(entry.offset, entry.data.length).u32le();
}

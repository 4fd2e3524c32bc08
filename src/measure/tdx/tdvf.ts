// What a TDVF firmware wants loaded: the metadata table that its GUIDed footer points to
// (Intel TDX Virtual Firmware Design Guide, 11; edk2 OvmfPkg/ResetVector/X64/IntelTdxMetadata.asm).
import { firmwareGuids, MAX_FIRMWARE_BYTES, type OvmfFirmware, offsetFromEnd } from "../ovmf.ts";
import { ByteReader, MalformedInput } from "../reader.ts";

const TDVF = "TDVF firmware";
export const PAGE = 4096;
const MAX_SECTIONS = 64;
const SECTION_BYTES = 32;
const EXTENDMR = 1;
const PAGE_AUG = 2;
/** Sum of all pages added at build time; a TDVF needs some megabytes. */
const MAX_ADDED_BYTES = 2 * MAX_FIRMWARE_BYTES;

export const tdvfSectionTypes = ["BFV", "CFV", "TD_HOB", "TempMem", "PermMem", "Payload", "PayloadParam"] as const;
export type TdvfSectionType = (typeof tdvfSectionTypes)[number];

export interface TdvfSection {
  readonly type: TdvfSectionType;
  /** guest physical address */
  readonly address: number;
  /** bytes in guest memory, whole pages */
  readonly memoryBytes: number;
  /** contents from the file; shorter than the memory: zeros follow */
  readonly data: Uint8Array;
  /** contents are extended into MRTD, page by page */
  readonly extend: boolean;
  /** memory comes later by TDH.MEM.PAGE.AUG and is not measured */
  readonly augmented: boolean;
  /** file offset of the table entry */
  readonly offset: number;
}

/** The sections in table order; refuses firmware without TDX metadata. */
export function parseTdvf(firmware: OvmfFirmware): readonly TdvfSection[] {
  const reader = new ByteReader(firmware.bytes, TDVF);
  const entry = firmware.entries.get(firmwareGuids.tdxMetadata);
  if (!entry) return reader.fail("no TDX metadata: this build cannot start under TDX", firmware.bytes.length);
  const start = offsetFromEnd(reader, entry);
  const header = reader.seek(start);
  if (Buffer.from(header.bytes(4)).toString("latin1") !== "TDVF")
    reader.fail("TDX metadata lacks its TDVF mark", start);
  header.skip(4); // length
  const version = header.u32le();
  if (version !== 1) reader.fail(`TDX metadata version ${version}, only 1 is known`, start + 8);
  const count = header.u32le();
  if (count > MAX_SECTIONS) reader.fail(`${count} TDX sections, the limit is ${MAX_SECTIONS}`, start + 12);
  const first = header.position;
  const sections = Array.from({ length: count }, (_, index) => readSection(reader, first + index * SECTION_BYTES));
  checkTotal(sections);
  return sections;
}

function readSection(reader: ByteReader, offset: number): TdvfSection {
  const entry = reader.at(offset, SECTION_BYTES);
  const [dataOffset, rawBytes] = [entry.u32le(), entry.u32le()];
  const [address, memoryBytes] = [entry.size64le(), entry.size64le()];
  const [code, attributes] = [entry.u32le(), entry.u32le()];
  const type = tdvfSectionTypes[code];
  if (type === undefined) return entry.fail(`unknown TDX section type ${code}`, 24);
  if (address % PAGE !== 0 || memoryBytes % PAGE !== 0) entry.fail("TDX section is not made of whole pages", 8);
  if (!Number.isSafeInteger(address + memoryBytes)) entry.fail("TDX section leaves the address space", 8);
  if (rawBytes > memoryBytes && memoryBytes > 0)
    entry.fail(`${rawBytes} bytes of data for ${memoryBytes} of memory`, 4);
  const data = reader.at(rawBytes === 0 ? 0 : dataOffset, rawBytes).bytes(rawBytes);
  const [extend, augmented] = [(attributes & EXTENDMR) !== 0, (attributes & PAGE_AUG) !== 0];
  return { type, address, memoryBytes, data, extend, augmented, offset };
}

function checkTotal(sections: readonly TdvfSection[]): void {
  let total = 0;
  for (const { augmented, memoryBytes, offset } of sections) {
    if (!augmented) total += memoryBytes;
    if (total > MAX_ADDED_BYTES)
      throw new MalformedInput(TDVF, offset, `TDX sections add more than ${MAX_ADDED_BYTES} bytes`);
  }
}

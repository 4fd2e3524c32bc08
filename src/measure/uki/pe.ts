// PE/COFF headers and section table of an EFI application, as far as measurement needs them.
// A section's measured bytes are VirtualSize long, not the padded SizeOfRawData (systemd-stub).
// Offsets: Microsoft PE format, "Optional Header" and "Section Table".
import { ByteReader } from "../reader.ts";

const FORMAT = "PE image";
const MAX_SECTIONS = 96;
/** Zero-filled tails are made in memory and hashed; ukify makes none at all. */
const MAX_ZERO_FILL = 4 << 20;

export interface PeSection {
  /** at most 8 characters, as the stub compares them */
  readonly name: string;
  readonly virtualSize: number;
  readonly rawSize: number;
  readonly rawOffset: number;
}

export interface PeImage {
  readonly bytes: Uint8Array;
  /** 0x8664 x86-64, 0xaa64 aarch64, 0x14c i386 */
  readonly machine: number;
  readonly sizeOfHeaders: number;
  /** of the 4-byte CheckSum field, which Authenticode leaves out */
  readonly checksumOffset: number;
  /** of the 8-byte certificate directory entry, absent in images with fewer directories */
  readonly certificateEntryOffset: number | undefined;
  /** bytes of the attribute certificate table at the end of the file */
  readonly certificateSize: number;
  readonly sections: readonly PeSection[];
}

export function parsePe(bytes: Uint8Array): PeImage {
  const reader = new ByteReader(bytes, FORMAT);
  if (reader.u16le() !== 0x5a4d) reader.fail("no MZ signature", 0);
  const peOffset = reader.seek(0x3c).u32le();
  if (reader.seek(peOffset).u32le() !== 0x4550) reader.fail("no PE signature", peOffset);
  const machine = reader.u16le();
  const sectionCount = reader.u16le();
  if (sectionCount > MAX_SECTIONS) reader.fail(`${sectionCount} sections, at most ${MAX_SECTIONS}`, peOffset + 6);
  const optionalSize = reader.skip(12).u16le();
  const optionalOffset = reader.skip(2).position;
  const optional = readOptionalHeader(reader, optionalOffset, optionalSize);
  reader.seek(optionalOffset + optionalSize);
  const sections = Array.from({ length: sectionCount }, () => readSection(reader));
  if (sections.reduce((sum, { rawSize }) => sum + rawSize, 0) > bytes.length) {
    reader.fail("sections overlap in the file", optionalOffset + optionalSize);
  }
  if (reader.position > optional.sizeOfHeaders) {
    reader.fail(`SizeOfHeaders ${optional.sizeOfHeaders} ends inside the section table`, optionalOffset + 60);
  }
  return { bytes, machine, ...optional, sections };
}

/** The bytes the stub measures: VirtualSize long, zero filled past the raw data. */
export function sectionBytes(image: PeImage, section: PeSection): Uint8Array {
  const present = Math.min(section.virtualSize, section.rawSize);
  const raw = image.bytes.subarray(section.rawOffset, section.rawOffset + present);
  if (section.virtualSize <= section.rawSize) return raw;
  const filled = new Uint8Array(section.virtualSize);
  filled.set(raw);
  return filled;
}

/** The first section of that name, as the stub picks it. */
export function findSection(image: PeImage, name: string): Uint8Array | undefined {
  const section = image.sections.find((candidate) => candidate.name === name);
  return section === undefined ? undefined : sectionBytes(image, section);
}

function readOptionalHeader(reader: ByteReader, offset: number, size: number) {
  const header = reader.at(offset, size);
  const magic = header.u16le();
  if (magic !== 0x10b && magic !== 0x20b) header.fail(`optional header magic 0x${magic.toString(16)}`, 0);
  const directories = magic === 0x20b ? 112 : 96;
  const sizeOfHeaders = header.seek(60).u32le();
  if (sizeOfHeaders > reader.length || sizeOfHeaders < offset + size) {
    header.fail(`SizeOfHeaders ${sizeOfHeaders} is outside the file or cuts the headers`, 60);
  }
  const count = header.seek(directories - 4).u32le();
  const hasEntry = count > 4 && size >= directories + 40;
  const certificateSize = hasEntry ? readCertificateSize(header.seek(directories + 32), reader.length) : 0;
  return {
    sizeOfHeaders,
    checksumOffset: offset + 64,
    certificateEntryOffset: hasEntry ? offset + directories + 32 : undefined,
    certificateSize,
  };
}

/** Authenticode leaves the table out of the hash because it is the file's tail; anywhere else would hide bytes. */
function readCertificateSize(entry: ByteReader, fileSize: number): number {
  const at = entry.position;
  const offset = entry.u32le();
  const size = entry.u32le();
  if (size === 0) return 0;
  if (offset + size !== fileSize) entry.fail(`certificate table (${offset}, ${size}) is not the end of the file`, at);
  return size;
}

function readSection(reader: ByteReader): PeSection {
  const at = reader.position;
  const name = Buffer.from(reader.bytes(8)).toString("latin1").replace(/\0.*$/s, "");
  const virtualSize = reader.u32le();
  const rawSize = reader.skip(4).u32le();
  const rawOffset = reader.u32le();
  reader.skip(16);
  if (rawSize > 0 && rawOffset + rawSize > reader.length) {
    reader.fail(`section ${JSON.stringify(name)} ends at ${rawOffset + rawSize}, the file at ${reader.length}`, at);
  }
  if (virtualSize - rawSize > MAX_ZERO_FILL) {
    reader.fail(`section ${JSON.stringify(name)} is ${virtualSize} bytes, its data ${rawSize}`, at + 8);
  }
  return { name, virtualSize, rawSize, rawOffset };
}

// Small PE32+ images for tests: real headers, file alignment 512, VirtualSize set to the exact
// content length as ukify sets it.
export interface TestSection {
  readonly name: string;
  readonly content: Uint8Array;
  /** when it differs from the content's length */
  readonly virtualSize?: number;
}

const FILE_ALIGNMENT = 512;
const PE_OFFSET = 0x80;
const OPTIONAL_SIZE = 112 + 16 * 8;

export function buildPe(sections: readonly TestSection[], trailer: Uint8Array = new Uint8Array(0)): Buffer {
  const headersSize = align(PE_OFFSET + 24 + OPTIONAL_SIZE + sections.length * 40, FILE_ALIGNMENT);
  const headers = Buffer.alloc(headersSize);
  headers.write("MZ", 0, "latin1");
  headers.writeUInt32LE(PE_OFFSET, 0x3c);
  headers.write("PE\0\0", PE_OFFSET, "latin1");
  headers.writeUInt16LE(0x8664, PE_OFFSET + 4);
  headers.writeUInt16LE(sections.length, PE_OFFSET + 6);
  headers.writeUInt16LE(OPTIONAL_SIZE, PE_OFFSET + 20);
  headers.writeUInt16LE(0x206, PE_OFFSET + 22);
  writeOptionalHeader(headers, headersSize);
  const bodies: Buffer[] = [];
  let rawOffset = headersSize;
  let address = 0x1000;
  for (const [index, { name, content, virtualSize = content.length }] of sections.entries()) {
    const at = PE_OFFSET + 24 + OPTIONAL_SIZE + index * 40;
    const rawSize = align(content.length, FILE_ALIGNMENT);
    headers.write(name, at, 8, "latin1");
    headers.writeUInt32LE(virtualSize, at + 8);
    headers.writeUInt32LE(address, at + 12);
    headers.writeUInt32LE(rawSize, at + 16);
    headers.writeUInt32LE(rawOffset, at + 20);
    headers.writeUInt32LE(0x40000040, at + 36);
    bodies.push(Buffer.concat([content], rawSize));
    rawOffset += rawSize;
    address += align(virtualSize + 1, 0x1000);
  }
  headers.writeUInt32LE(address, PE_OFFSET + 24 + 56);
  return Buffer.concat([headers, ...bodies, trailer]);
}

function writeOptionalHeader(headers: Buffer, headersSize: number): void {
  const at = PE_OFFSET + 24;
  headers.writeUInt16LE(0x20b, at);
  headers.writeUInt32LE(0x1000, at + 16);
  headers.writeUInt32LE(0x1000, at + 32);
  headers.writeUInt32LE(FILE_ALIGNMENT, at + 36);
  headers.writeUInt32LE(headersSize, at + 60);
  headers.writeUInt32LE(0x12345678, at + 64);
  headers.writeUInt16LE(10, at + 68);
  headers.writeUInt32LE(16, at + 108);
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

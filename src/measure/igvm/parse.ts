// IGVM bytes -> headers in file order. Refuses whatever breaks the format itself (magic, checksum,
// order of sections, ranges, alignment); what a loader supports is judged in validate-for-qemu.ts.
import { ByteReader, limitSize } from "../reader.ts";
import {
  FIXED_HEADER_BYTES,
  HEADER_ALIGNMENT,
  headerChecksum,
  headerTypes,
  IGVM,
  type IgvmFile,
  type IgvmHeader,
  idBlockLayout,
  LARGE_PAGE,
  MAGIC,
  PAGE,
  pageDataTypes,
  pageFlags,
  parameterTypes,
  platformTypes,
} from "./format.ts";

export const MAX_IGVM_BYTES = 1 << 30;
const MAX_PARAMETER_AREA_BYTES = 16 << 20;
const LAST_PLATFORM_TYPE = 0x100;
const LAST_INITIALIZATION_TYPE = 0x200;

export function parseIgvm(bytes: Uint8Array): IgvmFile {
  limitSize(bytes, MAX_IGVM_BYTES, IGVM);
  const file: ByteReader = new ByteReader(bytes, IGVM);
  if (file.u32le() !== MAGIC) file.fail("the first four bytes are not IGVM", 0);
  const formatVersion = file.u32le();
  if (formatVersion !== 1 && formatVersion !== 2) file.fail(`format version ${formatVersion}, 1 and 2 are known`, 4);
  const [start, size] = [file.u32le(), file.u32le()];
  const total = file.u32le();
  const checksum = file.u32le();
  const fixed = FIXED_HEADER_BYTES[formatVersion];
  if (start < fixed || start % HEADER_ALIGNMENT !== 0) file.fail(`variable headers start at ${start}`, 8);
  if (total !== bytes.length) file.fail(`names ${total} bytes, the file has ${bytes.length}`, 16);
  const variable = file.at(start, size);
  const machine = formatVersion === 2 ? readMachine(file) : ({ architecture: "x64", pageSize: PAGE } as const);
  const covered = file.seek(0).bytes(start + size);
  if (headerChecksum(covered) !== checksum) file.fail("the checksum of the headers does not match", 20);
  const headers = readHeaders(file, variable, start);
  return { formatVersion, ...machine, headers };
}

function readMachine(file: ByteReader): Pick<IgvmFile, "architecture" | "pageSize"> {
  file.seek(24);
  const architecture = (["x64", "aarch64"] as const)[file.u32le()];
  if (!architecture) file.fail("unknown architecture", 24);
  const pageSize = file.u32le();
  if (pageSize !== PAGE) file.fail(`page size ${pageSize}, only 4096 is supported`, 28);
  return { architecture, pageSize };
}

function readHeaders(file: ByteReader, variable: ByteReader, start: number): IgvmHeader[] {
  const headers: IgvmHeader[] = [];
  let section = 0;
  while (variable.remaining > 0) {
    const at = variable.position;
    const type = variable.u32le();
    const body = variable.sub(variable.u32le());
    const padding = variable.bytes(
      Math.min((HEADER_ALIGNMENT - (body.length % HEADER_ALIGNMENT)) % HEADER_ALIGNMENT, variable.remaining),
    );
    if (padding.some((byte) => byte !== 0)) variable.fail("padding is not zero", variable.position - padding.length);
    const next = sectionOf(type);
    if (next < section) variable.fail(`header type ${hexType(type)} stands after a later section`, at);
    section = next;
    headers.push(readHeader({ file, body, type, offset: start + at }));
  }
  return headers;
}

function sectionOf(type: number): number {
  const plain = type & 0x7fff_ffff;
  if (plain <= LAST_PLATFORM_TYPE) return 0;
  return plain <= LAST_INITIALIZATION_TYPE ? 1 : 2;
}

export function hexType(type: number): string {
  return `0x${type.toString(16)}`;
}

interface Source {
  readonly file: ByteReader;
  readonly body: ByteReader;
  readonly type: number;
  readonly offset: number;
}

const readers: ReadonlyMap<number, (source: Source) => IgvmHeader> = new Map([
  [headerTypes.platform, readPlatform],
  [headerTypes.policy, readPolicy],
  [headerTypes.parameterArea, readParameterArea],
  [headerTypes.pageData, readPageData],
  [headerTypes.parameterInsert, readParameterInsert],
  [headerTypes.vpContext, readVpContext],
  [headerTypes.requiredMemory, readRequiredMemory],
  [headerTypes.idBlock, readIdBlock],
]);

function readHeader(source: Source): IgvmHeader {
  const { body, type, offset } = source;
  const parameter = (parameterTypes as Readonly<Record<number, (typeof parameterTypes)[keyof typeof parameterTypes]>>)[
    type
  ];
  if (parameter) {
    expectLength(body, 8);
    return { kind: "parameter", offset, parameter, index: body.u32le(), byteOffset: body.u32le() };
  }
  const read = readers.get(type);
  return read ? read(source) : { kind: "other", offset, type, bytes: body.bytes(body.length) };
}

function expectLength(body: ByteReader, length: number): void {
  if (body.length !== length) body.fail(`header of ${body.length} bytes, its type has ${length}`, 0);
}

function readPlatform({ body, offset }: Source): IgvmHeader {
  expectLength(body, 16);
  const mask = body.u32le();
  if (mask === 0 || (mask & (mask - 1)) !== 0) body.fail("a platform's mask has exactly one bit", 0);
  const highestVtl = body.u8();
  const code = body.u8();
  const platform = platformTypes[code];
  if (!platform) return body.fail(`unknown platform type ${code}`, 5);
  return {
    kind: "platform",
    offset,
    mask,
    highestVtl,
    platform,
    version: body.u16le(),
    sharedGpaBoundary: body.u64le(),
  };
}

function readPolicy({ body, offset }: Source): IgvmHeader {
  expectLength(body, 16);
  const header = { kind: "policy", offset, policy: body.u64le(), mask: body.u32le() } as const;
  expectZero(body, 4);
  return header;
}

/** libigvm, which QEMU reads with, refuses reserved fields that are set. */
function expectZero(body: ByteReader, count: number): void {
  const at = body.position;
  if (body.bytes(count).some((byte) => byte !== 0)) body.fail("a reserved field is not zero", at);
}

function readParameterArea({ file, body, offset }: Source): IgvmHeader {
  expectLength(body, 16);
  const bytes = body.size64le();
  if (bytes === 0 || bytes % PAGE !== 0 || bytes > MAX_PARAMETER_AREA_BYTES)
    body.fail(`parameter area of ${bytes} bytes`, 0);
  const index = body.u32le();
  const at = body.u32le();
  return { kind: "parameter-area", offset, bytes, index, data: at === 0 ? undefined : file.at(at, bytes).bytes(bytes) };
}

function readPageData({ file, body, offset }: Source): IgvmHeader {
  expectLength(body, 24);
  const gpa = body.size64le();
  const mask = body.u32le();
  const at = body.u32le();
  const flags = body.u32le();
  if ((flags & ~7) !== 0) body.fail(`unknown page flags 0x${flags.toString(16)}`, 16);
  const code = body.u16le();
  const type = pageDataTypes[code];
  if (!type) return body.fail(`unknown page type ${code}`, 20);
  expectZero(body, 2);
  const large = (flags & pageFlags.large) !== 0;
  if (gpa % (large ? LARGE_PAGE : PAGE) !== 0) {
    body.fail(`address 0x${gpa.toString(16)} is not aligned to its page`, 0);
  }
  const data = at === 0 ? undefined : file.at(at, PAGE).bytes(PAGE);
  const unmeasured = (flags & pageFlags.unmeasured) !== 0;
  return {
    kind: "page-data",
    offset,
    gpa,
    mask,
    type,
    large,
    unmeasured,
    shared: (flags & pageFlags.shared) !== 0,
    data,
  };
}

function readParameterInsert({ body, offset }: Source): IgvmHeader {
  expectLength(body, 16);
  const gpa = body.size64le();
  if (gpa % PAGE !== 0) body.fail(`address 0x${gpa.toString(16)} is not aligned to its page`, 0);
  return { kind: "parameter-insert", offset, gpa, mask: body.u32le(), index: body.u32le() };
}

function readVpContext({ file, body, offset }: Source): IgvmHeader {
  expectLength(body, 20);
  const gpa = body.size64le();
  const mask = body.u32le();
  const at = body.u32le();
  const vpIndex = body.u16le();
  expectZero(body, 2);
  if (gpa % PAGE !== 0) body.fail(`address 0x${gpa.toString(16)} is not aligned to its page`, 0);
  const bytes = Math.max(0, Math.min(PAGE, file.length - at)); // VSM contexts are shorter than a page
  return { kind: "vp-context", offset, gpa, mask, vpIndex, data: file.at(at, bytes).bytes(bytes) };
}

function readRequiredMemory({ body, offset }: Source): IgvmHeader {
  expectLength(body, 24);
  const gpa = body.size64le();
  const mask = body.u32le();
  const bytes = body.u32le();
  if (gpa % PAGE !== 0 || bytes % PAGE !== 0) body.fail("required memory is not made of whole pages", 0);
  return { kind: "required-memory", offset, gpa, mask, bytes };
}

/** The IGVM structure rearranged as the PSP's ID block and ID authentication; the policy is filled in later. */
function readIdBlock({ body, offset }: Source): IgvmHeader {
  expectLength(body, idBlockLayout.size);
  const idBlock = Buffer.alloc(96);
  const idAuth = Buffer.alloc(4096);
  const mask = body.u32le();
  const authorKeyEnabled = body.u8() !== 0;
  body.skip(3);
  idBlock.set(body.bytes(48 + 16 + 16), 0); // launch digest, family, image
  const version = body.u32le();
  if (version !== 1) body.fail(`ID block version ${version}, only 1 is known`, body.position - 4);
  idBlock.writeUInt32LE(version, 80);
  idBlock.writeUInt32LE(body.u32le(), 84); // guest SVN
  idAuth.writeUInt32LE(body.u32le(), 0);
  idAuth.writeUInt32LE(body.u32le(), 4);
  idAuth.set(body.bytes(idBlockLayout.signatureBytes), 0x40);
  idAuth.set(readKey(body), 0x240);
  idAuth.set(body.bytes(idBlockLayout.signatureBytes), 0x680);
  idAuth.set(readKey(body), 0x880);
  return { kind: "id-block", offset, mask, authorKeyEnabled, idBlock, idAuth };
}

/** The IGVM key has a reserved u32 after its curve that the PSP's key structure lacks. */
function readKey(body: ByteReader): Uint8Array {
  const curve = body.bytes(4);
  body.skip(4);
  return Buffer.concat([curve, body.bytes(2 * idBlockLayout.componentBytes)]);
}

// Headers -> IGVM bytes, for files that this repository makes itself: tests, and small firmware images.
// File data follows the headers at page boundaries, in header order; `parseIgvm` reads the result back.
import {
  CHECKSUM_AT,
  FIXED_HEADER_BYTES,
  HEADER_ALIGNMENT,
  headerChecksum,
  headerTypes,
  idBlockLayout,
  MAGIC,
  PAGE,
  type PageDataType,
  type ParameterKind,
  type PlatformType,
  pageDataTypes,
  pageFlags,
  parameterTypes,
  platformTypes,
} from "./format.ts";

/** A header to write; addresses and sizes in bytes, `mask` selects platforms. */
export type IgvmPart =
  | { readonly kind: "platform"; readonly platform: PlatformType; readonly mask: number; readonly version?: number }
  | { readonly kind: "policy"; readonly policy: bigint; readonly mask: number }
  | { readonly kind: "parameter-area"; readonly bytes: number; readonly index: number }
  | { readonly kind: "parameter-insert"; readonly gpa: number; readonly mask: number; readonly index: number }
  | {
      readonly kind: "parameter";
      readonly parameter: ParameterKind;
      readonly index: number;
      readonly byteOffset: number;
    }
  | {
      readonly kind: "page-data";
      readonly gpa: number;
      readonly mask: number;
      readonly type?: PageDataType;
      readonly unmeasured?: boolean;
      readonly shared?: boolean;
      readonly large?: boolean;
      /** shorter than 4096 bytes: padded with zeros; absent: a page of zeros without data */
      readonly data?: Uint8Array;
    }
  | {
      readonly kind: "vp-context";
      readonly gpa: number;
      readonly mask: number;
      readonly vpIndex?: number;
      readonly data: Uint8Array;
    }
  | { readonly kind: "required-memory"; readonly gpa: number; readonly mask: number; readonly bytes: number }
  | { readonly kind: "id-block"; readonly mask: number; readonly idBlock: Uint8Array; readonly idAuth: Uint8Array }
  | { readonly kind: "raw"; readonly type: number; readonly bytes: Uint8Array };

export interface IgvmWriteOptions {
  readonly formatVersion?: 1 | 2;
}

export function writeIgvm(parts: readonly IgvmPart[], { formatVersion = 1 }: IgvmWriteOptions = {}): Buffer {
  const fixedBytes = FIXED_HEADER_BYTES[formatVersion];
  const headers = parts.map((part) => renderPart(part));
  const variableBytes = headers.reduce(
    (sum, { body }) => sum + HEADER_ALIGNMENT + roundUp(body.length, HEADER_ALIGNMENT),
    0,
  );
  let end = fixedBytes + variableBytes;
  const chunks: Buffer[] = [];
  for (const { type, body, data, dataOffsetAt } of headers) {
    if (data && dataOffsetAt !== undefined) {
      end = roundUp(end, PAGE);
      body.writeUInt32LE(end, dataOffsetAt);
      end += data.length;
    }
    const head = Buffer.alloc(HEADER_ALIGNMENT);
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(body.length, 4);
    chunks.push(head, body, Buffer.alloc(roundUp(body.length, HEADER_ALIGNMENT) - body.length));
  }
  const file = Buffer.alloc(end);
  file.set(Buffer.concat(chunks), fixedBytes);
  for (const { body, data, dataOffsetAt } of headers) {
    if (data && dataOffsetAt !== undefined) file.set(data, body.readUInt32LE(dataOffsetAt));
  }
  writeFixedHeader(file, formatVersion, variableBytes);
  return file;
}

function writeFixedHeader(file: Buffer, formatVersion: 1 | 2, variableBytes: number): void {
  const fixedBytes = FIXED_HEADER_BYTES[formatVersion];
  for (const [index, value] of [MAGIC, formatVersion, fixedBytes, variableBytes, file.length].entries()) {
    file.writeUInt32LE(value, index * 4);
  }
  if (formatVersion === 2) file.writeUInt32LE(PAGE, 28);
  file.writeUInt32LE(headerChecksum(file.subarray(0, fixedBytes + variableBytes)), CHECKSUM_AT);
}

interface Rendered {
  readonly type: number;
  readonly body: Buffer;
  readonly data?: Uint8Array;
  /** where in the body the file offset of `data` goes */
  readonly dataOffsetAt?: number;
}

type Renderers = { readonly [K in IgvmPart["kind"]]: (part: Extract<IgvmPart, { kind: K }>) => Rendered };

const renderers: Renderers = {
  platform: (part) => {
    const body = fields(16, [
      [4, part.mask, 0],
      [2, part.version ?? 1, 6],
    ]);
    body[5] = platformTypes.indexOf(part.platform);
    return { type: headerTypes.platform, body };
  },
  policy: (part) => ({
    type: headerTypes.policy,
    body: fields(16, [
      [8, part.policy, 0],
      [4, part.mask, 8],
    ]),
  }),
  "parameter-area": (part) => ({
    type: headerTypes.parameterArea,
    body: fields(16, [
      [8, part.bytes, 0],
      [4, part.index, 8],
    ]),
  }),
  "parameter-insert": (part) => ({
    type: headerTypes.parameterInsert,
    body: fields(16, [
      [8, part.gpa, 0],
      [4, part.mask, 8],
      [4, part.index, 12],
    ]),
  }),
  parameter: (part) => ({
    type: parameterType(part.parameter),
    body: fields(8, [
      [4, part.index, 0],
      [4, part.byteOffset, 4],
    ]),
  }),
  "page-data": renderPage,
  "vp-context": (part) => {
    const body = fields(20, [
      [8, part.gpa, 0],
      [4, part.mask, 8],
      [2, part.vpIndex ?? 0, 16],
    ]);
    return { type: headerTypes.vpContext, body, data: padded(part.data, PAGE), dataOffsetAt: 12 };
  },
  "required-memory": (part) => ({
    type: headerTypes.requiredMemory,
    body: fields(24, [
      [8, part.gpa, 0],
      [4, part.mask, 8],
      [4, part.bytes, 12],
    ]),
  }),
  "id-block": (part) => ({ type: headerTypes.idBlock, body: renderIdBlock(part) }),
  raw: (part) => ({ type: part.type, body: Buffer.from(part.bytes) }),
};

function renderPart(part: IgvmPart): Rendered {
  const render = renderers[part.kind] as (part: IgvmPart) => Rendered;
  return render(part);
}

function renderPage(part: Extract<IgvmPart, { kind: "page-data" }>): Rendered {
  const flags =
    (part.large ? pageFlags.large : 0) |
    (part.unmeasured ? pageFlags.unmeasured : 0) |
    (part.shared ? pageFlags.shared : 0);
  const type = pageDataTypes.indexOf(part.type ?? "normal");
  const body = fields(24, [
    [8, part.gpa, 0],
    [4, part.mask, 8],
    [4, flags, 16],
    [2, type, 20],
  ]);
  if (!part.data) return { type: headerTypes.pageData, body };
  return { type: headerTypes.pageData, body, data: padded(part.data, PAGE), dataOffsetAt: 12 };
}

function renderIdBlock({ mask, idBlock, idAuth }: Extract<IgvmPart, { kind: "id-block" }>): Buffer {
  const { signatureBytes, componentBytes, size } = idBlockLayout;
  const slice = (at: number, length: number): Uint8Array => idAuth.subarray(at, at + length);
  const key = (at: number): Buffer => Buffer.concat([slice(at, 4), Buffer.alloc(4), slice(at + 4, 2 * componentBytes)]);
  const authorEnabled = slice(4, 4).some((byte) => byte !== 0) ? 1 : 0;
  const body = Buffer.concat([
    fields(8, [
      [4, mask, 0],
      [2, authorEnabled, 4],
    ]),
    idBlock.subarray(0, 88), // all but the policy
    slice(0, 8),
    slice(0x40, signatureBytes),
    key(0x240),
    slice(0x680, signatureBytes),
    key(0x880),
  ]);
  if (body.length !== size) throw new RangeError(`ID block of ${body.length} bytes`);
  return body;
}

type Field = readonly [width: 2 | 4 | 8, value: number | bigint, at: number];

function fields(size: number, list: readonly Field[]): Buffer {
  const body = Buffer.alloc(size);
  for (const [width, value, at] of list) {
    if (width === 8) body.writeBigUInt64LE(BigInt(value), at);
    else body.writeUIntLE(Number(value), at, width);
  }
  return body;
}

function padded(data: Uint8Array, size: number): Uint8Array {
  if (data.length > size) throw new RangeError(`${data.length} bytes of page data for a page of ${size}`);
  const page = new Uint8Array(size);
  page.set(data);
  return page;
}

function parameterType(kind: ParameterKind): number {
  const found = Object.entries(parameterTypes).find(([, name]) => name === kind);
  return Number(found?.[0]);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

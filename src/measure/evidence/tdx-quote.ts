// Intel TDX quote, versions 4 and 5, with ECDSA P-256 attestation key. The quote's header and body
// are what is signed. Layout: Intel TDX DCAP Quoting Library API, appendix A.3 and A.4; integers
// little endian, ECDSA numbers big endian.
import { ByteReader, limitSize } from "../reader.ts";

const FORMAT = "TDX quote";
const MAX_QUOTE = 1 << 20;
const HEADER_SIZE = 48;
const ECDSA_P256 = 2;
const TEE_TDX = 0x81;
const BODY_SIZES = new Map<number, number>([
  [2, 584],
  [3, 648],
]);
const CERTIFICATION_QE_REPORT = 6;
const CERTIFICATION_PCK_CHAIN = 5;

export interface TdReport {
  readonly teeTcbSvn: Uint8Array;
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  readonly seamAttributes: Uint8Array;
  readonly tdAttributes: bigint;
  readonly xfam: bigint;
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmrs: readonly Uint8Array[];
  readonly reportData: Uint8Array;
  /** TDX 1.5 bodies only */
  readonly mrServiceTd: Uint8Array | undefined;
}

export interface QeReport {
  readonly bytes: Uint8Array;
  readonly miscSelect: number;
  readonly attributes: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly reportData: Uint8Array;
}

export interface TdxQuote {
  readonly version: number;
  readonly report: TdReport;
  readonly signedBytes: Uint8Array;
  /** r || s */
  readonly signature: Uint8Array;
  /** x || y on P-256 */
  readonly attestationKey: Uint8Array;
  readonly qe: QeReport;
  readonly qeSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  /** PEM: PCK leaf, intermediate, root */
  readonly pckChain: Uint8Array;
}

export function parseTdxQuote(bytes: Uint8Array): TdxQuote {
  limitSize(bytes, MAX_QUOTE, FORMAT);
  const reader = new ByteReader(bytes, FORMAT);
  const version = readHeader(reader);
  const bodySize = version === 4 ? 584 : readBodyDescriptor(reader);
  const body = reader.sub(bodySize);
  const signedBytes = bytes.subarray(0, reader.position);
  const report = readTdReport(body);
  const signatures = reader.sub(reader.u32le());
  const signature = signatures.bytes(64);
  const attestationKey = signatures.bytes(64);
  const certification = readCertification(signatures, CERTIFICATION_QE_REPORT);
  const qe = readQeReport(certification);
  const qeSignature = certification.bytes(64);
  const qeAuthData = certification.bytes(certification.u16le());
  const chain = readCertification(certification, CERTIFICATION_PCK_CHAIN);
  const pckChain = chain.bytes(chain.remaining);
  return { version, report, signedBytes, signature, attestationKey, qe, qeSignature, qeAuthData, pckChain };
}

/** ATTRIBUTES of the TDX module ABI: each bit of its lowest byte puts the TD under debug, not DEBUG alone. */
export function tdAttributes(attributes: bigint) {
  return { isUnderDebug: (attributes & 0xffn) !== 0n, isMigratable: ((attributes >> 29n) & 1n) === 1n };
}

function readHeader(reader: ByteReader): number {
  const version = reader.u16le();
  if (version !== 4 && version !== 5) reader.fail(`version ${version}, known are 4 and 5`, 0);
  const keyType = reader.u16le();
  if (keyType !== ECDSA_P256) reader.fail(`attestation key type ${keyType}, known is 2 (ECDSA P-256)`, 2);
  const tee = reader.u32le();
  if (tee !== TEE_TDX) reader.fail(`TEE type 0x${tee.toString(16)}, known is 0x81 (TDX)`, 4);
  reader.seek(HEADER_SIZE);
  return version;
}

function readBodyDescriptor(reader: ByteReader): number {
  const at = reader.position;
  const type = reader.u16le();
  const size = reader.u32le();
  if (BODY_SIZES.get(type) !== size) reader.fail(`body type ${type} of ${size} bytes`, at);
  return size;
}

function readTdReport(body: ByteReader): TdReport {
  const field = (offset: number, size: number): Uint8Array => body.seek(offset).bytes(size);
  return {
    teeTcbSvn: field(0, 16),
    mrSeam: field(16, 48),
    mrSignerSeam: field(64, 48),
    seamAttributes: field(112, 8),
    tdAttributes: body.seek(120).u64le(),
    xfam: body.seek(128).u64le(),
    mrTd: field(136, 48),
    mrConfigId: field(184, 48),
    mrOwner: field(232, 48),
    mrOwnerConfig: field(280, 48),
    rtmrs: [0, 1, 2, 3].map((index) => field(328 + 48 * index, 48)),
    reportData: field(520, 64),
    mrServiceTd: body.length === 648 ? field(600, 48) : undefined,
  };
}

function readCertification(reader: ByteReader, expected: number): ByteReader {
  const at = reader.position;
  const type = reader.u16le();
  if (type !== expected) reader.fail(`certification data type ${type}, expected ${expected}`, at);
  return reader.sub(reader.u32le());
}

/** SGX REPORT body, 384 bytes (Intel SDM volume 3D, "REPORT"). */
function readQeReport(reader: ByteReader): QeReport {
  const body = reader.sub(384);
  const field = (offset: number, size: number): Uint8Array => body.seek(offset).bytes(size);
  return {
    bytes: field(0, 384),
    miscSelect: body.seek(16).u32le(),
    attributes: field(48, 16),
    mrSigner: field(128, 32),
    isvProdId: body.seek(256).u16le(),
    isvSvn: body.seek(258).u16le(),
    reportData: field(320, 64),
  };
}

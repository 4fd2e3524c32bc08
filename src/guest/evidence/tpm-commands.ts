// The few TPM commands that evidence needs, as bytes: an attestation key, a quote, register values. Written
// here because each tpm2-tools program costs an emulated guest a third of a second, and four would be needed.
// Layouts: TPM 2.0 Library Part 3 (commands) and Part 2 (structures); all big endian.
import { ByteReader, MalformedInput } from "../../measure/reader.ts";
import { readTpm2b } from "../../measure/tpm/attest.ts";
import { type PcrSelection, parsePcrSelections, renderPcrSelections } from "../../measure/tpm/pcr-selection.ts";

const TPM_ST_NO_SESSIONS = 0x8001;
const TPM_ST_SESSIONS = 0x8002;
const TPM_CC_CREATE_PRIMARY = 0x131;
const TPM_CC_QUOTE = 0x158;
const TPM_CC_FLUSH_CONTEXT = 0x165;
const TPM_CC_PCR_READ = 0x17e;
const TPM_RH_ENDORSEMENT = 0x4000000b;
const TPM_RS_PW = 0x40000009;
const TPM_ALG_NULL = 0x0010;
const HEADER_BYTES = 10;
const FORMAT = "TPM response";

/** Longest TPM2B_DATA that every TPM takes: as long as a SHA-512 digest. */
export const MAX_NONCE_BYTES = 64;

const u8 = (value: number): Buffer => Buffer.of(value);
const u16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff);
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
const sized = (bytes: Uint8Array): Buffer => Buffer.concat([u16(bytes.length), bytes]);

function command(tag: number, code: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u16(tag), u32(HEADER_BYTES + body.length), u32(code), body]);
}

/** A password session with the empty password, the start value of every hierarchy. */
const emptyAuth = (() => {
  const area = Buffer.concat([u32(TPM_RS_PW), u16(0), u8(0), u16(0)]);
  return Buffer.concat([u32(area.length), area]);
})();

/**
 * TPMT_PUBLIC of the attestation key: ECDSA on P-256 with SHA-256; fixedTPM, fixedParent,
 * sensitiveDataOrigin, userWithAuth, restricted, sign. As a primary key it is the same at every boot of a TPM.
 */
const attestationKeyTemplate = Buffer.concat([
  ...[u16(0x0023), u16(0x000b), u32(0x0005_0072), u16(0)],
  ...[u16(TPM_ALG_NULL), u16(0x0018), u16(0x000b), u16(0x0003), u16(TPM_ALG_NULL)],
  ...[u16(0), u16(0)],
]);

export function renderCreateAttestationKey(): Buffer {
  const sensitive = sized(Buffer.concat([u16(0), u16(0)]));
  const rest = [sensitive, sized(attestationKeyTemplate), u16(0), u32(0)];
  return command(TPM_ST_SESSIONS, TPM_CC_CREATE_PRIMARY, u32(TPM_RH_ENDORSEMENT), emptyAuth, ...rest);
}

export interface CreatedKey {
  readonly handle: number;
  /** TPM2B_PUBLIC */
  readonly publicArea: Uint8Array;
}

export function parseCreateAttestationKey(response: Uint8Array): CreatedKey {
  const body = openResponse(response, "create the attestation key");
  const handle = body.u32be();
  body.skip(4);
  return { handle, publicArea: sized(readTpm2b(body)) };
}

export function renderQuote(handle: number, nonce: Uint8Array, selection: PcrSelection): Buffer {
  const parts = [u32(handle), emptyAuth, sized(nonce), u16(TPM_ALG_NULL), renderPcrSelections([selection])];
  return command(TPM_ST_SESSIONS, TPM_CC_QUOTE, ...parts);
}

export interface SignedQuote {
  /** TPMS_ATTEST */
  readonly quote: Uint8Array;
  /** TPMT_SIGNATURE */
  readonly signature: Uint8Array;
}

export function parseQuote(response: Uint8Array): SignedQuote {
  const body = openResponse(response, "quote");
  const parameters = body.sub(body.u32be());
  const quote = readTpm2b(parameters);
  return { quote, signature: parameters.bytes(parameters.remaining) };
}

export function renderPcrRead(selection: PcrSelection): Buffer {
  return command(TPM_ST_NO_SESSIONS, TPM_CC_PCR_READ, renderPcrSelections([selection]));
}

/** A TPM answers with at most eight registers; which ones it says itself. */
export function parsePcrRead(response: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const body = openResponse(response, "read registers");
  body.skip(4);
  const registers = parsePcrSelections(body)[0]?.registers ?? [];
  const count = body.u32be();
  if (count !== registers.length) body.fail(`${count} values for ${registers.length} registers`);
  return new Map(registers.map((register) => [register, readTpm2b(body)]));
}

export function renderFlush(handle: number): Buffer {
  return command(TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT, u32(handle));
}

function openResponse(response: Uint8Array, operation: string): ByteReader {
  const reader = new ByteReader(response, FORMAT);
  reader.skip(2);
  const size = reader.u32be();
  if (size !== response.length) reader.fail(`says ${size} bytes, has ${response.length}`, 2);
  const code = reader.u32be();
  if (code !== 0) throw new MalformedInput(FORMAT, 6, `refused to ${operation}: 0x${code.toString(16)}`);
  return reader;
}

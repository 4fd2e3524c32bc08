// A TPM key's public area, TPMT_PUBLIC (TPM 2.0 Library Part 2 §12.2.4): the key itself and what
// the TPM promises about it. Its name, hash of the area, is what credentials and reports bind.
import { createPublicKey, type KeyObject } from "node:crypto";
import { ByteReader, MalformedInput } from "../reader.ts";
import { readTpm2b } from "./attest.ts";
import { bankOf, digestOf, type PcrBank } from "./pcr.ts";

const FORMAT = "TPMT_PUBLIC";
const TPM_ALG_RSA = 0x0001;
const TPM_ALG_ECC = 0x0023;
const TPM_ALG_NULL = 0x0010;
/** TPM_ECC_NIST_P256, P384, P521 */
const CURVES = new Map<number, readonly [string, number]>([
  [3, ["P-256", 32]],
  [4, ["P-384", 48]],
  [5, ["P-521", 66]],
]);

/** TPMA_OBJECT bits, Part 2 §8.3.2 */
const FIXED_TPM = 1 << 1;
const SENSITIVE_DATA_ORIGIN = 1 << 5;
const RESTRICTED = 1 << 16;
const DECRYPT = 1 << 17;
const SIGN = 1 << 18;

export interface TpmPublic {
  /** the TPMT_PUBLIC bytes, without a TPM2B size */
  readonly bytes: Uint8Array;
  readonly nameAlgorithm: PcrBank;
  readonly attributes: number;
  readonly key: KeyObject;
  /** name algorithm id and digest of the area */
  readonly name: Buffer;
}

/** Takes a TPMT_PUBLIC or the TPM2B_PUBLIC around it, as tpm2-tools write it. */
export function parseTpmPublic(bytes: Uint8Array): TpmPublic {
  const whole = new ByteReader(bytes, FORMAT);
  const hasSize = bytes.length > 2 && whole.u16be() === bytes.length - 2;
  const area = hasSize ? bytes.subarray(2) : bytes;
  const reader = new ByteReader(area, FORMAT, bytes.length - area.length);
  const type = reader.u16be();
  const nameId = reader.u16be();
  const nameAlgorithm = bankOf(nameId) ?? reader.fail(`unknown name algorithm 0x${nameId.toString(16)}`, 2);
  const attributes = reader.u32be();
  readTpm2b(reader);
  const key = readKey(reader, type);
  if (reader.remaining > 0) reader.fail(`${reader.remaining} bytes after the area`);
  const name = Buffer.concat([area.subarray(2, 4), digestOf(nameAlgorithm, area)]);
  return { bytes: area, nameAlgorithm, attributes, key, name };
}

/** Why the key may not be trusted as an attestation key, or undefined when it may. */
export function attestationKeyFault({ attributes }: TpmPublic): string | undefined {
  if ((attributes & FIXED_TPM) === 0) return "is not fixed to its TPM";
  if ((attributes & SENSITIVE_DATA_ORIGIN) === 0) return "was not made by the TPM";
  if ((attributes & RESTRICTED) === 0) return "is not restricted, so it may sign foreign data";
  if ((attributes & SIGN) === 0) return "is no signing key";
  if ((attributes & DECRYPT) !== 0) return "also decrypts";
  return undefined;
}

function readKey(reader: ByteReader, type: number): KeyObject {
  if (type === TPM_ALG_RSA) return readRsa(reader);
  if (type === TPM_ALG_ECC) return readEcc(reader);
  return reader.fail(`key type 0x${type.toString(16)}`, 0);
}

function readRsa(reader: ByteReader): KeyObject {
  skipSymmetric(reader);
  skipScheme(reader);
  reader.skip(2);
  const exponent = reader.u32be() || 65537;
  const modulus = readTpm2b(reader);
  const e = Buffer.alloc(4);
  e.writeUInt32BE(exponent);
  return importKey(reader, { kty: "RSA", n: base64url(modulus), e: base64url(e) });
}

function readEcc(reader: ByteReader): KeyObject {
  skipSymmetric(reader);
  skipScheme(reader);
  const at = reader.position;
  const curveId = reader.u16be();
  const [crv, size] = CURVES.get(curveId) ?? reader.fail(`unknown curve ${curveId}`, at);
  skipScheme(reader);
  const coordinate = (): string => base64url(leftPad(reader, readTpm2b(reader), size));
  return importKey(reader, { kty: "EC", crv, x: coordinate(), y: coordinate() });
}

/** TPMT_SYM_DEF_OBJECT: nothing more for the null algorithm, else key bits and mode. */
function skipSymmetric(reader: ByteReader): void {
  if (reader.u16be() !== TPM_ALG_NULL) reader.skip(4);
}

/** TPMT_RSA_SCHEME, TPMT_ECC_SCHEME, TPMT_KDF_SCHEME: nothing more for null, else a hash. */
function skipScheme(reader: ByteReader): void {
  if (reader.u16be() !== TPM_ALG_NULL) reader.skip(2);
}

function importKey(reader: ByteReader, key: Record<string, string>): KeyObject {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch (error) {
    throw new MalformedInput(FORMAT, reader.position, `is no key that can be used: ${String(error)}`);
  }
}

function leftPad(reader: ByteReader, bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length > size) return reader.fail(`a coordinate of ${bytes.length} bytes`);
  return Buffer.concat([Buffer.alloc(size - bytes.length), bytes]);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

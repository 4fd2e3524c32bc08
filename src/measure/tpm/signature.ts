// TPMT_SIGNATURE (TPM 2.0 Library Part 2 §11.3.4) and its check with node:crypto.
import { constants, type KeyObject, verify } from "node:crypto";
import { ByteReader } from "../reader.ts";
import { readTpm2b } from "./attest.ts";
import { bankOf, type PcrBank } from "./pcr.ts";

const SCHEMES = new Map<number, "rsassa" | "rsapss" | "ecdsa">([
  [0x0014, "rsassa"],
  [0x0016, "rsapss"],
  [0x0018, "ecdsa"],
]);

export interface TpmSignature {
  readonly scheme: "rsassa" | "rsapss" | "ecdsa";
  readonly hash: PcrBank;
  /** RSA: the signature */
  readonly rsa: Uint8Array;
  /** ECDSA: r and s without leading zeros or padding, as the TPM writes them */
  readonly ecdsa: { readonly r: Uint8Array; readonly s: Uint8Array };
}

export function parseTpmSignature(bytes: Uint8Array): TpmSignature {
  const reader = new ByteReader(bytes, "TPMT_SIGNATURE");
  const schemeId = reader.u16be();
  const scheme = SCHEMES.get(schemeId) ?? reader.fail(`unknown scheme 0x${schemeId.toString(16)}`, 0);
  const hashId = reader.u16be();
  const hash = bankOf(hashId) ?? reader.fail(`unknown hash 0x${hashId.toString(16)}`, 2);
  const none = new Uint8Array(0);
  const rsa = scheme === "ecdsa" ? none : readTpm2b(reader);
  const ecdsa = scheme === "ecdsa" ? { r: readTpm2b(reader), s: readTpm2b(reader) } : { r: none, s: none };
  if (reader.remaining > 0) reader.fail(`${reader.remaining} bytes after the signature`);
  return { scheme, hash, rsa, ecdsa };
}

/**
 * False also for a key of the wrong kind: the statement is not signed by that key. And for SHA-1: whoever can make
 * two register values of one digest has a quote for both.
 */
export function verifyTpmSignature(message: Uint8Array, signature: TpmSignature, key: KeyObject): boolean {
  if (signature.hash === "sha1") return false;
  const isEc = key.asymmetricKeyType === "ec";
  if (isEc !== (signature.scheme === "ecdsa") || (!isEc && key.asymmetricKeyType !== "rsa")) return false;
  if (isEc) return verifyEcdsa(message, signature, key);
  const padding = signature.scheme === "rsassa" ? constants.RSA_PKCS1_PADDING : constants.RSA_PKCS1_PSS_PADDING;
  return verify(signature.hash, message, { key, padding }, signature.rsa);
}

function verifyEcdsa(message: Uint8Array, { hash, ecdsa }: TpmSignature, key: KeyObject): boolean {
  const size = Math.ceil(curveBits(key) / 8);
  const raw = Buffer.alloc(size * 2);
  if (ecdsa.r.length > size || ecdsa.s.length > size) return false;
  raw.set(ecdsa.r, size - ecdsa.r.length);
  raw.set(ecdsa.s, 2 * size - ecdsa.s.length);
  return verify(hash, message, { key, dsaEncoding: "ieee-p1363" }, raw);
}

function curveBits(key: KeyObject): number {
  const bits: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 };
  return bits[key.asymmetricKeyDetails?.namedCurve ?? ""] ?? 0;
}

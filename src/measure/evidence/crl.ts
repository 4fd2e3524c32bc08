// Certificate revocation lists (RFC 5280 §5.1), which node:crypto does not read: signature by the
// issuer, time window, and whether a serial stands in it.
import { constants, type KeyObject, verify } from "node:crypto";
import { ByteReader, limitSize } from "../reader.ts";
import { pemBlocks } from "./certificate.ts";
import { readOid, readOptional, readTagged, readTime, restOf, TAG } from "./der.ts";

const FORMAT = "CRL";
const MAX_CRL = 16 << 20;
const ECDSA_SHA256 = "1.2.840.10045.4.3.2";
const ECDSA_SHA384 = "1.2.840.10045.4.3.3";
const RSA_SHA256 = "1.2.840.113549.1.1.11";
const RSA_SHA384 = "1.2.840.113549.1.1.12";
const RSA_PSS = "1.2.840.113549.1.1.10";

export interface RevocationList {
  readonly issuerDer: Uint8Array;
  readonly thisUpdate: string;
  /** absent when the list does not say */
  readonly nextUpdate: string | undefined;
  /** hex serials */
  readonly revoked: ReadonlySet<string>;
  readonly signedBytes: Uint8Array;
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

/** Takes DER, PEM, or the bare hex in which Intel's service returns root CRLs. */
export function parseCrl(bytes: Uint8Array): RevocationList {
  limitSize(bytes, MAX_CRL, FORMAT);
  const reader = new ByteReader(toDer(bytes), FORMAT);
  const outer = readTagged(reader, TAG.sequence).content;
  const list = readTagged(outer, TAG.sequence);
  const algorithm = readOid(readTagged(outer, TAG.sequence).content);
  const bits = readTagged(outer, TAG.bitString).content;
  bits.skip(1);
  const tbs = list.content;
  readOptional(tbs, TAG.integer);
  readTagged(tbs, TAG.sequence);
  const issuerDer = readTagged(tbs, TAG.sequence).whole;
  const thisUpdate = readTime(tbs);
  const nextUpdate = nextIsTime(tbs) ? readTime(tbs) : undefined;
  const revoked = readRevoked(tbs);
  return { issuerDer, thisUpdate, nextUpdate, revoked, signedBytes: list.whole, algorithm, signature: restOf(bits) };
}

export function isCrlSignedBy(crl: RevocationList, key: KeyObject): boolean {
  const { signedBytes, signature, algorithm } = crl;
  if (key.asymmetricKeyType === "ec") {
    const hash = { [ECDSA_SHA256]: "sha256", [ECDSA_SHA384]: "sha384" }[algorithm];
    return hash !== undefined && verify(hash, signedBytes, { key, dsaEncoding: "der" }, signature);
  }
  if (key.asymmetricKeyType !== "rsa") return false;
  // AMD signs its lists as it signs its certificates: PSS with SHA-384 (SEV-SNP VCEK specification §3.2).
  if (algorithm === RSA_PSS) {
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    return verify("sha384", signedBytes, pss, signature);
  }
  const hash = { [RSA_SHA256]: "sha256", [RSA_SHA384]: "sha384" }[algorithm];
  return hash !== undefined && verify(hash, signedBytes, key, signature);
}

function readRevoked(tbs: ByteReader): Set<string> {
  const revoked = new Set<string>();
  const entries = readOptional(tbs, TAG.sequence)?.content;
  while (entries !== undefined && entries.remaining > 0) {
    const entry = readTagged(entries, TAG.sequence).content;
    revoked.add(Buffer.from(restOf(readTagged(entry, TAG.integer).content)).toString("hex"));
  }
  return revoked;
}

function nextIsTime(tbs: ByteReader): boolean {
  if (tbs.remaining === 0) return false;
  const tag = tbs.at(tbs.position, 1).u8();
  return tag === TAG.utcTime || tag === TAG.generalizedTime;
}

function toDer(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === TAG.sequence && (bytes[1] ?? 0) >= 0x80) return bytes;
  const [pem] = pemBlocks(bytes, "X509 CRL");
  if (pem !== undefined) return pem;
  const text = Buffer.from(bytes).toString("latin1").trim();
  return /^[0-9a-fA-F]+$/.test(text) ? Buffer.from(text, "hex") : bytes;
}

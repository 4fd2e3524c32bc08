// X.509 certificates as evidence needs them: node:crypto checks signatures and names, this adds
// validity as comparable text and the vendors' extensions (RFC 5280 §4.1).
import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import { ByteReader, limitSize, MalformedInput } from "../reader.ts";
import { readOid, readOptional, readTagged, readTime, restOf, TAG } from "./der.ts";

const FORMAT = "certificate";
const MAX_INPUT = 1 << 20;
const MAX_CERTIFICATES = 32;

export interface Certificate {
  readonly x509: X509Certificate;
  readonly publicKey: KeyObject;
  readonly commonName: string;
  readonly issuerName: string;
  /** `YYYY-MM-DDTHH:MM:SSZ` */
  readonly notBefore: string;
  readonly notAfter: string;
  /** hex, as a CRL lists it */
  readonly serial: string;
  /** DER of the name, for comparing with a CRL's issuer */
  readonly subjectDer: Uint8Array;
  readonly issuerDer: Uint8Array;
  /** content of the extension's octet string, by OID */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
}

/** One DER certificate or any number of PEM ones, in order. */
export function parseCertificates(bytes: Uint8Array): Certificate[] {
  limitSize(bytes, MAX_INPUT, FORMAT);
  if (bytes[0] === TAG.sequence) return [parseCertificate(bytes)];
  const blocks = pemBlocks(bytes, "CERTIFICATE");
  if (blocks.length === 0) throw new MalformedInput(FORMAT, 0, "is neither DER nor PEM");
  if (blocks.length > MAX_CERTIFICATES) throw new MalformedInput(FORMAT, 0, `${blocks.length} certificates`);
  return blocks.map(parseCertificate);
}

function parseCertificate(der: Uint8Array): Certificate {
  const reader = new ByteReader(der, FORMAT);
  const tbs = readTagged(readTagged(reader, TAG.sequence).content, TAG.sequence).content;
  readOptional(tbs, TAG.context0);
  const serial = Buffer.from(restOf(readTagged(tbs, TAG.integer).content)).toString("hex");
  readTagged(tbs, TAG.sequence);
  const issuerDer = readTagged(tbs, TAG.sequence).whole;
  const validity = readTagged(tbs, TAG.sequence).content;
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  const subjectDer = readTagged(tbs, TAG.sequence).whole;
  readTagged(tbs, TAG.sequence);
  const extensions = readExtensions(tbs);
  return { ...openCertificate(der), serial, issuerDer, subjectDer, notBefore, notAfter, extensions };
}

/** Contents of all PEM blocks of that label. */
export function pemBlocks(bytes: Uint8Array, label: string): Buffer[] {
  const text = Buffer.from(bytes).toString("latin1");
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, "g");
  return [...text.matchAll(pattern)].map((match) => Buffer.from(match[1] ?? "", "base64"));
}

/** SHA-256 of the SubjectPublicKeyInfo, hex: what a trust anchor is pinned by. */
export function keyFingerprint(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
}

function openCertificate(der: Uint8Array) {
  try {
    const x509 = new X509Certificate(der);
    const publicKey = x509.publicKey;
    return { x509, publicKey, commonName: commonName(x509.subject), issuerName: commonName(x509.issuer) };
  } catch (error) {
    throw new MalformedInput(FORMAT, 0, `is not one that can be used: ${String(error)}`);
  }
}

function commonName(name: string): string {
  return /^CN=(.*)$/m.exec(name)?.[1] ?? name.replaceAll("\n", ", ");
}

function readExtensions(tbs: ByteReader): Map<string, Uint8Array> {
  const extensions = new Map<string, Uint8Array>();
  while (tbs.remaining > 0) {
    const wrapped = readOptional(tbs, TAG.context3);
    if (wrapped === undefined) {
      // issuerUniqueID or subjectUniqueID: rare, and of no use here
      tbs.skip(tbs.remaining);
      break;
    }
    const list = readTagged(wrapped.content, TAG.sequence).content;
    while (list.remaining > 0) readExtension(readTagged(list, TAG.sequence).content, extensions);
  }
  return extensions;
}

function readExtension(entry: ByteReader, extensions: Map<string, Uint8Array>): void {
  const oid = readOid(entry);
  readOptional(entry, 0x01);
  extensions.set(oid, restOf(readTagged(entry, TAG.octetString).content));
}

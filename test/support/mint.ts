// Mints certificates, CRLs and hardware statements for tests where no sample exists: real keys and
// signatures, a root of our own. DER per X.690, structures per RFC 5280.
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export interface TestKey {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface TestCertificate {
  readonly subject: string;
  readonly key: TestKey;
  /** absent: signs itself */
  readonly issuer?: TestCertificate;
  readonly isCa?: boolean;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly serial?: number;
  readonly extensions?: readonly (readonly [string, Uint8Array])[];
}

export function ecKey(namedCurve: "P-256" | "P-384"): TestKey {
  return generateKeyPairSync("ec", { namedCurve });
}

export function mintCertificate(certificate: TestCertificate): Buffer {
  const { subject, key, issuer = certificate, isCa = false, serial = 1, extensions = [] } = certificate;
  const { notBefore = "250101000000Z", notAfter = "350101000000Z" } = certificate;
  const basic: readonly [string, Uint8Array] = ["2.5.29.19", der(0x30, isCa ? der(0x01, Buffer.from([0xff])) : EMPTY)];
  const tbs = der(
    0x30,
    der(0xa0, integer(2)),
    integer(serial),
    algorithm(issuer.key),
    name(issuer.subject),
    der(0x30, time(notBefore), time(notAfter)),
    name(subject),
    key.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(0x30, ...[basic, ...extensions].map(extension))),
  );
  return signed(tbs, issuer.key);
}

export function mintCrl(issuer: TestCertificate, options: { revoked: readonly number[]; nextUpdate?: string }): Buffer {
  const entries = options.revoked.map((serial) => der(0x30, integer(serial), time("250601000000Z")));
  const tbs = der(
    0x30,
    integer(1),
    algorithm(issuer.key),
    name(issuer.subject),
    time("250601000000Z"),
    time(options.nextUpdate ?? "350101000000Z"),
    ...(entries.length > 0 ? [der(0x30, ...entries)] : []),
  );
  return signed(tbs, issuer.key);
}

/** SHA-256 of the SubjectPublicKeyInfo, as trust anchors are named. */
export function fingerprint({ publicKey }: TestKey): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

export function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** DER INTEGER of a small non-negative number. */
export function integer(value: number): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  return der(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.from(content.length.toString(16).padStart(content.length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

const EMPTY = Buffer.alloc(0);

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}

function signed(tbs: Buffer, key: TestKey): Buffer {
  const signature = sign(hashOf(key), tbs, key.privateKey);
  return der(0x30, tbs, algorithm(key), der(0x03, Buffer.alloc(1), signature));
}

function hashOf({ publicKey }: TestKey): "sha256" | "sha384" {
  return publicKey.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : "sha256";
}

/** ecdsa-with-SHA256 or ecdsa-with-SHA384 */
function algorithm(key: TestKey): Buffer {
  return der(0x30, oid(hashOf(key) === "sha384" ? "1.2.840.10045.4.3.3" : "1.2.840.10045.4.3.2"));
}

function name(commonName: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid("2.5.4.3"), der(0x0c, Buffer.from(commonName)))));
}

function time(text: string): Buffer {
  return der(text.length === 13 ? 0x17 : 0x18, Buffer.from(text));
}

function extension([id, content]: readonly [string, Uint8Array]): Buffer {
  return der(0x30, oid(id), der(0x04, content));
}

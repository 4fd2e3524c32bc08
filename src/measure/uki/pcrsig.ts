// Checks a UKI's `.pcrsig`: for every expected value of PCR 11, a policy signed by the `.pcrpkey`
// key. Format: systemd-measure(1) "sign"; the signed data is the SHA-256 policy
// digest, hashed for the signature by the bank's own algorithm (systemd 257).
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { trimNuls } from "../hex.ts";
import { MalformedInput } from "../reader.ts";
import { BANK_SIZES, type PcrBank } from "../tpm/pcr.ts";
import { pcrPolicyDigest } from "../tpm/pcr-policy.ts";

const FORMAT = ".pcrsig";

export interface PolicySignature {
  readonly bank: PcrBank;
  readonly pcrs: readonly number[];
  /** SHA-256 of the bare public key (RSA: PKCS #1 DER; EC: uncompressed point), hex */
  readonly keyFingerprint: string;
  /** policy digest, hex */
  readonly policy: string;
  readonly signature: Buffer;
}

export interface PolicyCheck {
  readonly phase: string;
  readonly ok: boolean;
  readonly detail: string;
}

export function parsePcrSignatures(bytes: Uint8Array): PolicySignature[] {
  const root = parseJson(trimNuls(Buffer.from(bytes).toString("utf8")));
  if (!isRecord(root)) throw malformed("is no JSON object");
  return Object.entries(root).flatMap(([bank, entries]) => {
    if (!Object.hasOwn(BANK_SIZES, bank) || !Array.isArray(entries)) throw malformed(`has no bank "${bank}"`);
    return entries.map((entry: unknown) => parseEntry(bank as PcrBank, entry));
  });
}

/** One check per expected value: signed for exactly PCR 11, by that key, with a valid signature. */
export function checkPcrSignatures(
  signatures: readonly PolicySignature[],
  publicKey: Uint8Array,
  expected: { readonly bank: PcrBank; readonly values: readonly { phase: string; value: Uint8Array }[] },
): PolicyCheck[] {
  const key = readKey(publicKey);
  const fingerprint = createHash("sha256").update(rawPublicKey(key)).digest("hex");
  return expected.values.map(({ phase, value }) => {
    const policy = pcrPolicyDigest(expected.bank, new Map([[11, value]]));
    const entry = signatures.find(
      (one) => one.bank === expected.bank && one.policy === policy.toString("hex") && one.pcrs.join() === "11",
    );
    if (entry === undefined) return { phase, ok: false, detail: `no signature for policy ${policy.toString("hex")}` };
    if (entry.keyFingerprint !== fingerprint) return { phase, ok: false, detail: `signed by ${entry.keyFingerprint}` };
    const ok = verify(expected.bank, policy, key, entry.signature);
    return { phase, ok, detail: ok ? `signed by ${fingerprint}` : "the signature does not verify" };
  });
}

function readKey(pem: Uint8Array): KeyObject {
  try {
    return createPublicKey(trimNuls(Buffer.from(pem).toString("latin1")));
  } catch {
    throw new MalformedInput(".pcrpkey", 0, "is no PEM public key");
  }
}

function rawPublicKey(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === "rsa") return key.export({ type: "pkcs1", format: "der" });
  const { x, y } = key.export({ format: "jwk" });
  if (x === undefined || y === undefined) throw new MalformedInput(".pcrpkey", 0, "is neither an RSA nor an EC key");
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
}

function parseEntry(bank: PcrBank, entry: unknown): PolicySignature {
  if (!isRecord(entry)) throw malformed("has an entry that is no object");
  const { pcrs, pkfp, pol, sig } = entry;
  if (!Array.isArray(pcrs) || !pcrs.every((n): n is number => Number.isInteger(n))) throw malformed("lacks pcrs");
  if (typeof pkfp !== "string" || typeof pol !== "string" || typeof sig !== "string") {
    throw malformed("lacks pkfp, pol or sig");
  }
  return {
    bank,
    pcrs,
    keyFingerprint: pkfp.toLowerCase(),
    policy: pol.toLowerCase(),
    signature: Buffer.from(sig, "base64"),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("is no JSON");
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(reason: string): MalformedInput {
  return new MalformedInput(FORMAT, 0, reason);
}

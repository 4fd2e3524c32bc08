// Initdata: the per-pod configuration that a launch binds by its digest over the raw document,
// byte for byte. Format: Confidential Containers initdata specification, version 0.1.0.
import { createHash } from "node:crypto";
import { parse } from "smol-toml";
import { errorText } from "../../lib/errors.ts";
import { limitSize, MalformedInput } from "../reader.ts";
import { extendAll } from "../tpm/pcr.ts";

const FORMAT = "initdata";
/** The specification sets none; the annotation it arrives in cannot be larger. */
const MAX_INITDATA = 4 << 20;

const INITDATA_ALGORITHMS = ["sha256", "sha384", "sha512"] as const;
export type InitdataAlgorithm = (typeof INITDATA_ALGORITHMS)[number];

export interface Initdata {
  readonly version: string;
  readonly algorithm: InitdataAlgorithm;
  /** `aa.toml`, `cdh.toml`, `policy.rego` and others */
  readonly data: ReadonlyMap<string, string>;
}

/** What each platform's field or register must hold for this document. */
export interface InitdataBinding {
  readonly algorithm: InitdataAlgorithm;
  readonly digest: Buffer;
  /** SNP HOST_DATA, 32 bytes */
  readonly snpHostData: Buffer;
  /** TDX MRCONFIGID, 48 bytes */
  readonly tdxMrConfigId: Buffer;
  /** PCR 8, sha256 bank, after exactly one extend with the first 32 bytes of the digest */
  readonly pcr8: Buffer;
}

export function parseInitdata(bytes: Uint8Array): Initdata {
  limitSize(bytes, MAX_INITDATA, FORMAT);
  const { version, algorithm, data = {} } = parseToml(bytes);
  if (typeof version !== "string") throw malformed("lacks a version string");
  if (version !== "0.1.0") throw malformed(`version ${JSON.stringify(version)}, known is 0.1.0`);
  const known = INITDATA_ALGORITHMS.find((name) => name === algorithm);
  if (known === undefined) throw malformed(`algorithm is not one of ${INITDATA_ALGORITHMS.join(", ")}`);
  if (typeof data !== "object" || data === null || Array.isArray(data)) throw malformed("data is no table");
  const entries = Object.entries(data).map(([key, value]): [string, string] => {
    if (typeof value !== "string") throw malformed(`data.${JSON.stringify(key)} is no string`);
    return [key, value];
  });
  return { version, algorithm: known, data: new Map(entries) };
}

/** Digest by the document's own algorithm and what follows from it. */
export function measureInitdata(bytes: Uint8Array): InitdataBinding {
  const { algorithm } = parseInitdata(bytes);
  const digest = createHash(algorithm).update(bytes).digest();
  return {
    algorithm,
    digest,
    snpHostData: fitDigest(digest, 32),
    tdxMrConfigId: fitDigest(digest, 48),
    pcr8: measurePcr8(digest),
  };
}

/** Cuts the tail of a longer digest, pads a shorter one with zeros at the end. */
export function fitDigest(digest: Uint8Array, size: number): Buffer {
  return Buffer.concat([digest], size);
}

function parseToml(bytes: Uint8Array): Record<string, unknown> {
  const text = decodeUtf8(bytes);
  try {
    return parse(text);
  } catch (error) {
    throw malformed(`is no TOML: ${errorText(error)}`);
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed("is not UTF-8");
  }
}

function malformed(reason: string): MalformedInput {
  return new MalformedInput(FORMAT, 0, reason);
}

/** What the guest extends PCR 8 by when it gets no initdata, so that nobody can pretend some later. */
const NO_INITDATA_WORD = "kata-cvm:no-initdata";

/** PCR 8 of the sha256 bank for an initdata digest, or for a guest without initdata. */
export function measurePcr8(digest: Uint8Array | undefined): Buffer {
  const extended =
    digest === undefined ? createHash("sha256").update(NO_INITDATA_WORD).digest() : fitDigest(digest, 32);
  return extendAll("sha256", [extended]);
}

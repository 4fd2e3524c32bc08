// The evidence document of a pod: whatever its platform can prove, with the logs that explain it.
// Ours is `kata-cvm-evidence/1`; the evidence of the CoCo `tpm` attester is understood too.
import { createPublicKey, type KeyObject } from "node:crypto";
import { limitSize, MalformedInput } from "../reader.ts";
import type { PcrValues } from "../tpm/check-quote.ts";
import { BANK_SIZES, PCR_COUNT, type PcrBank } from "../tpm/pcr.ts";
import { parseTpmPublic, type TpmPublic } from "../tpm/public-area.ts";
import { JsonObject } from "./json.ts";
import type { SvsmEvidence } from "./svsm.ts";

const FORMAT = "evidence";
const MAX_EVIDENCE = 64 << 20;
const EVIDENCE_FORMAT = "kata-cvm-evidence/1";

export interface SnpEvidence {
  readonly report: Uint8Array;
  /** PEM, when the host handed them to the guest */
  readonly certificates: Uint8Array | undefined;
  readonly svsm: SvsmEvidence | undefined;
}

export interface TdxEvidence {
  readonly quote: Uint8Array;
  readonly eventLog: Uint8Array | undefined;
}

export interface TpmEvidence {
  /** TPMS_ATTEST */
  readonly quote: Uint8Array;
  /** TPMT_SIGNATURE */
  readonly signature: Uint8Array;
  readonly key: KeyObject;
  /** absent when only the bare key was given, which says nothing about its attributes */
  readonly keyArea: TpmPublic | undefined;
  readonly pcrs: PcrValues;
  readonly eventLog: Uint8Array | undefined;
  readonly userspaceLog: Uint8Array | undefined;
}

export interface EvidenceBundle {
  /** what the verifier sent, as the guest says */
  readonly nonce: Uint8Array | undefined;
  readonly snp: SnpEvidence | undefined;
  readonly tdx: TdxEvidence | undefined;
  readonly tpm: TpmEvidence | undefined;
  readonly initdata: Uint8Array | undefined;
}

export function parseEvidence(bytes: Uint8Array): EvidenceBundle {
  limitSize(bytes, MAX_EVIDENCE, FORMAT);
  const root = JsonObject.parse(FORMAT, Buffer.from(bytes).toString("utf8"));
  if (root.has("tpm_quote")) return parseCocoTpm(root);
  const format = root.string("format");
  if (format !== EVIDENCE_FORMAT) root.fail("format", `is ${JSON.stringify(format)}, known is "${EVIDENCE_FORMAT}"`);
  const initdata = root.optionalString("initdata");
  const bundle = {
    nonce: root.has("nonce") ? root.hex("nonce") : undefined,
    snp: parseSnp(root.optionalObject("snp")),
    tdx: parseTdx(root.optionalObject("tdx")),
    tpm: parseTpm(root.optionalObject("tpm")),
    initdata: initdata === undefined ? undefined : Buffer.from(initdata),
  };
  if (bundle.snp === undefined && bundle.tdx === undefined && bundle.tpm === undefined) {
    throw new MalformedInput(FORMAT, 0, "has none of snp, tdx, tpm");
  }
  return bundle;
}

function parseSnp(snp: JsonObject | undefined): SnpEvidence | undefined {
  if (snp === undefined) return undefined;
  const certificates = snp.optionalString("certificates");
  const svsm = snp.optionalObject("svsm");
  return {
    report: snp.base64("report"),
    certificates: certificates === undefined ? undefined : Buffer.from(certificates),
    svsm: svsm === undefined ? undefined : { nonce: svsm.base64("nonce"), manifest: svsm.base64("manifest") },
  };
}

function parseTdx(tdx: JsonObject | undefined): TdxEvidence | undefined {
  return tdx === undefined ? undefined : { quote: tdx.base64("quote"), eventLog: tdx.optionalBase64("ccel") };
}

function parseTpm(tpm: JsonObject | undefined): TpmEvidence | undefined {
  if (tpm === undefined) return undefined;
  const keyArea = parseTpmPublic(tpm.base64("ak"));
  const pcrs = tpm.object("pcrs");
  return {
    quote: tpm.base64("quote"),
    signature: tpm.base64("signature"),
    key: keyArea.key,
    keyArea,
    pcrs: new Map(pcrs.keys().map((bank) => [parseBank(pcrs, bank), parseRegisters(pcrs.object(bank))])),
    eventLog: tpm.optionalBase64("eventLog"),
    userspaceLog: tpm.optionalBase64("userspaceLog"),
  };
}

/** `{ak_public: SPKI, tpm_quote: {message, signature, pcrs: 24 × hex}}`, sha256 bank (guest-components `tpm`). */
function parseCocoTpm(root: JsonObject): EvidenceBundle {
  const quote = root.object("tpm_quote");
  const values = quote.strings("pcrs").map((text, index): [number, Buffer] => {
    return /^[0-9a-fA-F]{64}$/.test(text)
      ? [index, Buffer.from(text, "hex")]
      : quote.fail("pcrs", `[${index}] is no digest`);
  });
  const tpm = {
    quote: quote.base64("message"),
    signature: quote.base64("signature"),
    key: readSpki(root.base64("ak_public")),
    keyArea: undefined,
    pcrs: new Map<PcrBank, Map<number, Buffer>>([["sha256", new Map(values)]]),
    eventLog: undefined,
    userspaceLog: undefined,
  };
  return { nonce: undefined, snp: undefined, tdx: undefined, tpm, initdata: undefined };
}

function readSpki(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: "der", type: "spki" });
  } catch {
    throw new MalformedInput(FORMAT, 0, "ak_public is no SubjectPublicKeyInfo");
  }
}

function parseBank(pcrs: JsonObject, name: string): PcrBank {
  return Object.hasOwn(BANK_SIZES, name) ? (name as PcrBank) : pcrs.fail(name, "is no known bank");
}

function parseRegisters(values: JsonObject): Map<number, Buffer> {
  return new Map(
    values.keys().map((key): [number, Buffer] => {
      const index = /^\d{1,2}$/.test(key) ? Number(key) : PCR_COUNT;
      return index < PCR_COUNT ? [index, values.hex(key)] : values.fail(key, "is no register number");
    }),
  );
}

// Evidence that an SVSM vouches for its vTPM: report_data is SHA-512(nonce || manifest) and the
// manifest is, or holds, the endorsement key's public area. The report comes from VMPL 0, where
// only the SVSM runs. Facts: Secure VM Service Module specification (58019) §7, COCONUT-SVSM attest protocol 1.

import { createHash } from "node:crypto";
import { toHex } from "../hex.ts";
import { ByteReader, guidText } from "../reader.ts";
import { parseTpmPublic, type TpmPublic } from "../tpm/public-area.ts";
import type { SnpReport } from "./snp-report.ts";
import type { Checks } from "./verdict.ts";

const FORMAT = "SVSM manifest";
const SERVICES_MANIFEST = "63849ebb-3d92-4670-a1ff-58f9c94b87bb";
const VTPM_SERVICE = "c476f1eb-0123-45a5-9641-b4e7dde5bfe3";
const MAX_SERVICES = 64;
const NONCE_SIZE = 64;
/** TPMA_OBJECT restricted and decrypt: what an endorsement key is and a signing key is not */
const RESTRICTED_DECRYPT = (1 << 16) | (1 << 17);

export interface SvsmEvidence {
  /** the 64 bytes given to the SVSM */
  readonly nonce: Uint8Array;
  /** all services' manifest, or the vTPM's alone */
  readonly manifest: Uint8Array;
}

/** The vTPM's endorsement key, from either form of manifest. */
export function parseVtpmManifest(manifest: Uint8Array): TpmPublic {
  const reader = new ByteReader(manifest, FORMAT);
  const isTable = manifest.length >= 24 && guidText(reader.at(0, 16).bytes(16)) === SERVICES_MANIFEST;
  return parseTpmPublic(isTable ? findService(reader, VTPM_SERVICE) : manifest);
}

/** The endorsement key when report, manifest and key agree. */
export function checkSvsm(checks: Checks, report: SnpReport, evidence: SvsmEvidence): TpmPublic | undefined {
  const expected = createHash("sha512").update(evidence.nonce).update(evidence.manifest).digest();
  const isNonce = checks.check(
    "svsm.nonce",
    evidence.nonce.length === NONCE_SIZE,
    `${evidence.nonce.length} bytes where the protocol has ${NONCE_SIZE}`,
  );
  const isBound = checks.equal("svsm.reportData", expected, report.reportData);
  const key = parseVtpmManifest(evidence.manifest);
  const isEndorsementKey = (key.attributes & RESTRICTED_DECRYPT) === RESTRICTED_DECRYPT;
  checks.check("svsm.endorsementKey", isEndorsementKey, `name ${toHex(key.name)}`);
  return isNonce && isBound && isEndorsementKey ? key : undefined;
}

function findService(reader: ByteReader, wanted: string): Uint8Array {
  const size = reader.seek(16).u32le();
  const count = reader.u32le();
  if (size > reader.length || count > MAX_SERVICES) reader.fail(`a table of ${count} services in ${size} bytes`, 16);
  for (let index = 0; index < count; index++) {
    const guid = guidText(reader.bytes(16));
    const offset = reader.u32le();
    const length = reader.u32le();
    if (guid === wanted) return reader.at(offset, length).bytes(length);
  }
  return reader.fail("has no vTPM service", 0);
}

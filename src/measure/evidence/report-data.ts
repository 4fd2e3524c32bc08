// What a TEE report must hold for a nonce. With a TPM beside the TEE, its attestation key is bound too:
// otherwise a genuine report could vouch for the quote of any other TPM.
import { createHash } from "node:crypto";
import { fitDigest } from "../initdata/initdata.ts";

/** 64 bytes; `attestationKeyArea` is the TPMT_PUBLIC. */
export function expectedReportData(nonce: Uint8Array, attestationKeyArea: Uint8Array | undefined): Buffer {
  if (attestationKeyArea === undefined) return fitDigest(nonce, 64);
  return createHash("sha512").update(nonce).update(attestationKeyArea).digest();
}

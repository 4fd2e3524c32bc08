// The digest of a TPM2_PolicyPCR policy over given register values, as systemd signs it:
// a SHA-256 policy session whatever the bank (TPM 2.0 Library Part 3 §23.7).
import { digestOf, type PcrBank } from "./pcr.ts";
import { renderPcrSelections } from "./pcr-selection.ts";

/** TPM_CC_PolicyPCR */
const POLICY_PCR = Buffer.from([0x00, 0x00, 0x01, 0x7f]);

export function pcrPolicyDigest(bank: PcrBank, values: ReadonlyMap<number, Uint8Array>): Buffer {
  const registers = [...values.keys()].sort((a, b) => a - b);
  const pcrDigest = digestOf("sha256", ...registers.map((n) => values.get(n) ?? new Uint8Array(0)));
  return digestOf("sha256", Buffer.alloc(32), POLICY_PCR, renderPcrSelections([{ bank, registers }]), pcrDigest);
}

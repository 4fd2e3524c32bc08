// Checks a TPM quote against a key, a nonce and the register values that came with it. Only the
// values that the quote's digest covers are trusted; those are returned.

import type { KeyObject } from "node:crypto";
import type { Checks } from "../evidence/verdict.ts";
import { toHex } from "../hex.ts";
import type { TpmQuote } from "./attest.ts";
import { digestOf, type PcrBank } from "./pcr.ts";
import { selectionText } from "./pcr-selection.ts";
import { type TpmSignature, verifyTpmSignature } from "./signature.ts";

/** Values of one bank by register. */
export type PcrValues = ReadonlyMap<PcrBank, ReadonlyMap<number, Uint8Array>>;

export interface QuoteInputs {
  readonly quote: TpmQuote;
  readonly signature: TpmSignature;
  readonly key: KeyObject;
  /** what the verifier asked for; absent when it asked nothing */
  readonly nonce?: Uint8Array | undefined;
  readonly pcrs: PcrValues;
}

/** The proven values: empty when signature or digest fail. */
export function checkTpmQuote(checks: Checks, inputs: QuoteInputs): PcrValues {
  const { quote, signature, key, nonce, pcrs } = inputs;
  const signed = checks.check(
    "tpm.signature",
    verifyTpmSignature(quote.bytes, signature, key),
    `${signature.scheme} with ${signature.hash} by the attestation key`,
  );
  if (nonce === undefined) checks.skip("tpm.nonce", "no nonce given, so the quote may be old");
  else checks.equal("tpm.nonce", padEnd(nonce, quote.extraData.length), quote.extraData);
  const covered = checkDigest(checks, quote, { pcrs, hash: signature.hash });
  return signed ? covered : new Map();
}

function checkDigest(checks: Checks, quote: TpmQuote, given: { pcrs: PcrValues; hash: PcrBank }): PcrValues {
  const covered = new Map<PcrBank, Map<number, Uint8Array>>();
  const inOrder: Uint8Array[] = [];
  for (const { bank, registers } of quote.selections) {
    for (const register of registers) {
      const value = given.pcrs.get(bank)?.get(register);
      if (value === undefined) {
        checks.check("tpm.pcrDigest", false, `PCR ${register} of ${bank} is quoted, its value was not given`);
        return new Map();
      }
      inOrder.push(value);
      covered.set(bank, (covered.get(bank) ?? new Map<number, Uint8Array>()).set(register, value));
    }
  }
  const digest = digestOf(given.hash, ...inOrder);
  const ok = digest.equals(quote.pcrDigest);
  const selection = selectionText(quote.selections);
  checks.check(
    "tpm.pcrDigest",
    ok,
    ok
      ? `the given values of ${selection} are the quoted ones`
      : `${selection} hash to ${toHex(digest)}, quoted ${toHex(quote.pcrDigest)}`,
  );
  return ok ? covered : new Map();
}

/** Attesters pad the nonce with zeros to the size of their field. */
function padEnd(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.length >= size ? bytes : Buffer.concat([bytes], size);
}

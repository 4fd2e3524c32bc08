// Platform configuration registers as arithmetic: a register only ever becomes H(old || digest).
// Algorithm ids: TCG Algorithm Registry. Start values: PC Client Platform TPM Profile §4.6.
import { createHash } from "node:crypto";

export const PCR_COUNT = 24;

export type PcrBank = "sha1" | "sha256" | "sha384" | "sha512";

export const BANK_SIZES: Readonly<Record<PcrBank, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

/** TPM_ALG_ID of each hash that a log, quote or policy may name. */
export const ALG_ID: Readonly<Record<PcrBank, number>> = { sha1: 0x4, sha256: 0xb, sha384: 0xc, sha512: 0xd };

const BANK_OF = new Map<number, PcrBank>(Object.entries(ALG_ID).map(([bank, id]) => [id, bank as PcrBank]));

/** The bank of a TPM_ALG_ID, or undefined for one we do not know. */
export function bankOf(algorithmId: number): PcrBank | undefined {
  return BANK_OF.get(algorithmId);
}

export function digestOf(bank: PcrBank, ...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash(bank);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** H(register || digest). */
export function extend(bank: PcrBank, register: Uint8Array, digest: Uint8Array): Buffer {
  return digestOf(bank, register, digest);
}

/** What a register holds after the TPM started: zeros, for the DRTM registers 17 to 22 ones. */
export function initialRegister(bank: PcrBank, index: number): Buffer {
  return Buffer.alloc(BANK_SIZES[bank], index >= 17 && index <= 22 ? 0xff : 0);
}

/** The value after these digests, from the start value of an ordinary register (0 to 16 and 23). */
export function extendAll(bank: PcrBank, digests: Iterable<Uint8Array>): Buffer {
  let register: Buffer = initialRegister(bank, 0);
  for (const digest of digests) register = extend(bank, register, digest);
  return register;
}

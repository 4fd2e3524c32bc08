// Which registers of which bank: TPML_PCR_SELECTION, TPM 2.0 Library Part 2 §10.6.2 and §10.9.7.
// PCR n is bit n % 8 of byte n / 8. Big endian.
import type { ByteReader } from "../reader.ts";
import { ALG_ID, bankOf, PCR_COUNT, type PcrBank } from "./pcr.ts";

/** TPM2_NUM_PCR_BANKS: no TPM has more. */
const MAX_BANKS = 16;

export interface PcrSelection {
  readonly bank: PcrBank;
  /** ascending register numbers */
  readonly registers: readonly number[];
}

export function parsePcrSelections(reader: ByteReader): PcrSelection[] {
  const at = reader.position;
  const count = reader.u32be();
  if (count > MAX_BANKS) reader.fail(`${count} PCR selections, at most ${MAX_BANKS}`, at);
  return Array.from({ length: count }, () => parseSelection(reader));
}

export function renderPcrSelections(selections: readonly PcrSelection[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(selections.length);
  return Buffer.concat([count, ...selections.map(renderSelection)]);
}

/** `sha256:0,4,11` as tpm2-tools write it, banks joined by "+". */
export function selectionText(selections: readonly PcrSelection[]): string {
  return selections.map(({ bank, registers }) => `${bank}:${registers.join(",")}`).join("+");
}

function parseSelection(reader: ByteReader): PcrSelection {
  const at = reader.position;
  const algorithm = reader.u16be();
  const bank = bankOf(algorithm) ?? reader.fail(`unknown PCR bank 0x${algorithm.toString(16)}`, at);
  const bitmap = reader.bytes(reader.u8());
  const registers: number[] = [];
  for (let n = 0; n < bitmap.length * 8; n++) {
    if (((bitmap[n >> 3] ?? 0) & (1 << (n % 8))) !== 0) registers.push(n);
  }
  if ((registers.at(-1) ?? 0) >= PCR_COUNT) reader.fail(`selects PCR ${registers.at(-1)}`, at);
  return { bank, registers };
}

function renderSelection({ bank, registers }: PcrSelection): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(ALG_ID[bank]);
  bytes.writeUInt8(3, 2);
  for (const n of registers) bytes[3 + (n >> 3)] = (bytes[3 + (n >> 3)] ?? 0) | (1 << (n % 8));
  return bytes;
}

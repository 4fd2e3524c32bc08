// Event logs in the TCG2 crypto-agile form: firmware's TPM log and TDX's CCEL. The log is
// untrusted until its replay equals quoted registers. Layout: TCG PC Client Platform Firmware
// Profile §10.2; for CCEL the index field names a measurement register (UEFI 2.10 §38.4.1).
import { ByteReader, limitSize } from "../reader.ts";
import { BANK_SIZES, bankOf, type PcrBank } from "../tpm/pcr.ts";
import { EV_NO_ACTION } from "./event-types.ts";

const FORMAT = "event log";
const SIGNATURE = "Spec ID Event03\0";
const MAX_LOG = 64 << 20;
const MAX_EVENTS = 100_000;
const MAX_ALGORITHMS = 16;
/** Unwritten space behind the last event: zero in TPM logs, all ones in CCEL areas. */
const ERASED = 0xff_ff_ff_ff;

export interface TcgDigest {
  readonly algorithmId: number;
  /** undefined for an algorithm that is sized by the log's header but unknown here */
  readonly bank: PcrBank | undefined;
  readonly bytes: Uint8Array;
}

export interface TcgEvent {
  /** byte offset of the record in the log */
  readonly offset: number;
  /** PCR, or measurement register index in a CCEL */
  readonly index: number;
  readonly type: number;
  readonly digests: readonly TcgDigest[];
  readonly data: Uint8Array;
}

export interface TcgLog {
  /** banks the log's header promises a digest for */
  readonly banks: readonly PcrBank[];
  /** the header record is not among them */
  readonly events: readonly TcgEvent[];
  /** bytes read; what follows is unwritten space */
  readonly size: number;
}

export function parseTcgLog(bytes: Uint8Array): TcgLog {
  limitSize(bytes, MAX_LOG, FORMAT);
  const reader = new ByteReader(bytes, FORMAT);
  const sizes = readHeader(reader);
  const events: TcgEvent[] = [];
  while (!atEnd(reader)) {
    if (events.length === MAX_EVENTS) reader.fail(`more than ${MAX_EVENTS} events`);
    events.push(readEvent(reader, sizes));
  }
  const banks = [...sizes.keys()].map(bankOf).filter((bank) => bank !== undefined);
  return { banks, events, size: reader.position };
}

/** The first record has the TCG 1.2 form. Its index is 0 in TPM logs; OVMF writes 1 in a CCEL. */
function readHeader(reader: ByteReader): Map<number, number> {
  if (reader.skip(4).u32le() !== EV_NO_ACTION) reader.fail("the first record is not EV_NO_ACTION", 4);
  reader.skip(20);
  const data = reader.sub(reader.u32le());
  const signature = Buffer.from(data.bytes(16)).toString("latin1");
  if (signature !== SIGNATURE) data.fail("is not crypto-agile (no Spec ID Event03)", 0);
  data.skip(8);
  const at = data.position;
  const count = data.u32le();
  if (count === 0 || count > MAX_ALGORITHMS) data.fail(`${count} digest algorithms`, at);
  const sizes = new Map<number, number>();
  for (let i = 0; i < count; i++) readAlgorithm(data, sizes);
  data.skip(data.u8());
  return sizes;
}

function readAlgorithm(data: ByteReader, sizes: Map<number, number>): void {
  const at = data.position;
  const id = data.u16le();
  const size = data.u16le();
  const bank = bankOf(id);
  if (bank !== undefined && BANK_SIZES[bank] !== size) data.fail(`${bank} digests of ${size} bytes`, at);
  if (size > 64) data.fail(`digests of ${size} bytes`, at);
  if (sizes.has(id)) data.fail(`algorithm 0x${id.toString(16)} twice`, at);
  sizes.set(id, size);
}

/** Less than a record's head, or a head that no event has, ends the log. */
function atEnd(reader: ByteReader): boolean {
  if (reader.remaining < 8) return true;
  const head = reader.at(reader.position, 8);
  const index = head.u32le();
  const type = head.u32le();
  return (index === 0 && type === 0) || (index === ERASED && type === ERASED);
}

function readEvent(reader: ByteReader, sizes: ReadonlyMap<number, number>): TcgEvent {
  const offset = reader.position;
  const index = reader.u32le();
  const type = reader.u32le();
  const at = reader.position;
  const count = reader.u32le();
  if (count > sizes.size) reader.fail(`${count} digests, the header names ${sizes.size} algorithms`, at);
  const digests = Array.from({ length: count }, () => readDigest(reader, sizes));
  if (new Set(digests.map((digest) => digest.algorithmId)).size !== count) reader.fail("two digests of one bank", at);
  const data = reader.bytes(reader.u32le());
  return { offset, index, type, digests, data };
}

function readDigest(reader: ByteReader, sizes: ReadonlyMap<number, number>): TcgDigest {
  const at = reader.position;
  const algorithmId = reader.u16le();
  const size = sizes.get(algorithmId);
  if (size === undefined) return reader.fail(`digest of undeclared algorithm 0x${algorithmId.toString(16)}`, at);
  return { algorithmId, bank: bankOf(algorithmId), bytes: reader.bytes(size) };
}

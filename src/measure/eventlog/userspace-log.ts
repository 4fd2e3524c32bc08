// systemd's log of what userspace extended: /run/log/systemd/tpm2-measure.log, a JSON text
// sequence (RFC 7464). Firmware's log and then this one replay to the live registers.
import { MalformedInput } from "../reader.ts";
import { BANK_SIZES, digestOf, extend, initialRegister, PCR_COUNT, type PcrBank } from "../tpm/pcr.ts";

const FORMAT = "userspace measurement log";
const RECORD_SEPARATOR = "\x1e";
const MAX_LOG = 16 << 20;

export interface UserspaceRecord {
  readonly pcr: number;
  readonly digests: ReadonlyMap<PcrBank, Buffer>;
  /** `phase`, `machine-id`, `filesystem` and others, as the writer names it */
  readonly eventType: string;
  /** what was hashed, where the log says so */
  readonly text: string;
}

export function parseUserspaceLog(bytes: Uint8Array): UserspaceRecord[] {
  if (bytes.length > MAX_LOG) throw new MalformedInput(FORMAT, MAX_LOG, `is longer than ${MAX_LOG} bytes`);
  const text = Buffer.from(bytes).toString("utf8");
  if (text.trim() === "") return [];
  if (!text.startsWith(RECORD_SEPARATOR)) throw new MalformedInput(FORMAT, 0, "does not start with a record separator");
  let offset = 0;
  return text
    .slice(1)
    .split(RECORD_SEPARATOR)
    .map((record) => {
      const at = offset;
      offset += Buffer.byteLength(record) + 1;
      return parseRecord(record, at);
    });
}

/** Types whose text is the very bytes that were hashed; others escape it, or log a word for a digest made elsewhere. */
const HASHED_TEXT: ReadonlySet<string> = new Set(["phase", "container"]);

/** Whether the text gives every digest; undefined where the type does not say so. */
export function explainsDigests({ eventType, text, digests }: UserspaceRecord): boolean | undefined {
  if (!HASHED_TEXT.has(eventType)) return undefined;
  const bytes = Buffer.from(text, "utf8");
  return digests.size > 0 && [...digests].every(([bank, digest]) => digestOf(bank, bytes).equals(digest));
}

/**
 * Continues `registers` (of one bank) by the log's records; registers nothing extended stay absent. A TPM extends
 * the banks that a command names and no others, so a record without this bank leaves it alone.
 */
export function replayUserspaceLog(
  records: readonly UserspaceRecord[],
  bank: PcrBank,
  registers: ReadonlyMap<number, Buffer>,
): Map<number, Buffer> {
  const after = new Map(registers);
  for (const { pcr, digests } of records) {
    const digest = digests.get(bank);
    if (digest === undefined) continue;
    after.set(pcr, extend(bank, after.get(pcr) ?? initialRegister(bank, pcr), digest));
  }
  return after;
}

function parseRecord(text: string, offset: number): UserspaceRecord {
  const fail = (reason: string): never => {
    throw new MalformedInput(FORMAT, offset, reason);
  };
  const record = parseObject(text) ?? fail("a record is no JSON object");
  const { pcr, digests, content } = record;
  if (typeof pcr !== "number" || !Number.isInteger(pcr) || pcr < 0 || pcr >= PCR_COUNT)
    return fail("a record lacks pcr");
  if (!Array.isArray(digests)) return fail("a record lacks digests");
  const known = digests.map(parseDigest).filter((one) => one !== undefined);
  const { string = "", eventType = "" } = isRecord(content) ? content : {};
  return { pcr, digests: new Map(known), eventType: String(eventType), text: String(string) };
}

/** Digests of algorithms we do not know are left out: no bank of ours needs them. */
function parseDigest(entry: unknown): [PcrBank, Buffer] | undefined {
  if (!isRecord(entry)) return undefined;
  const { hashAlg, digest } = entry;
  if (typeof hashAlg !== "string" || typeof digest !== "string" || !Object.hasOwn(BANK_SIZES, hashAlg))
    return undefined;
  const bank = hashAlg as PcrBank;
  const bytes = Buffer.from(digest, "hex");
  return bytes.length === BANK_SIZES[bank] ? [bank, bytes] : undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

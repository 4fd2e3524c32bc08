// Replays an event log: what the registers must hold if the log is complete and true. Only the
// digests count here; whether an event's text explains its digest is event-meaning.ts's question.
import { MalformedInput } from "../reader.ts";
import { extend, initialRegister, PCR_COUNT, type PcrBank } from "../tpm/pcr.ts";
import { EV_NO_ACTION } from "./event-types.ts";
import type { TcgEvent, TcgLog } from "./tcg-log.ts";

const RTMR_COUNT = 4;
const STARTUP_LOCALITY = Buffer.from("StartupLocality\0", "latin1");

/** Register values after the log, by register number; registers nothing extended are absent. */
export function replayPcrs(log: TcgLog, bank: PcrBank): Map<number, Buffer> {
  const registers = new Map<number, Buffer>();
  const locality = startupLocality(log);
  if (locality !== undefined) {
    const first = initialRegister(bank, 0);
    first[first.length - 1] = locality;
    registers.set(0, first);
  }
  for (const event of log.events) {
    if (event.type === EV_NO_ACTION) continue;
    if (event.index >= PCR_COUNT) throw malformed(event, `extends PCR ${event.index}`);
    const register = registers.get(event.index) ?? initialRegister(bank, event.index);
    registers.set(event.index, extend(bank, register, digestIn(event, bank)));
  }
  return registers;
}

/** RTMR 0 to 3 after a CCEL. Its index 0 is MRTD, which no event extends; index n is RTMR n - 1. */
export function replayRtmrs(log: TcgLog): Buffer[] {
  const rtmrs: Buffer[] = Array.from({ length: RTMR_COUNT }, () => Buffer.alloc(48));
  for (const event of log.events) {
    if (event.type === EV_NO_ACTION) continue;
    const before = rtmrs[event.index - 1];
    if (before === undefined) throw malformed(event, `extends measurement register ${event.index}`);
    rtmrs[event.index - 1] = extend("sha384", before, digestIn(event, "sha384"));
  }
  return rtmrs;
}

/** PCR 0 does not start at zero when the TPM was started from another locality. */
function startupLocality(log: TcgLog): number | undefined {
  const event = log.events.find(
    ({ type, data }) => type === EV_NO_ACTION && data.length === 17 && STARTUP_LOCALITY.equals(data.subarray(0, 16)),
  );
  return event?.data[16];
}

function digestIn(event: TcgEvent, bank: PcrBank): Uint8Array {
  const digest = event.digests.find((one) => one.bank === bank);
  if (digest === undefined) throw malformed(event, `has no ${bank} digest`);
  return digest.bytes;
}

function malformed(event: TcgEvent, reason: string): MalformedInput {
  return new MalformedInput("event log", event.offset, reason);
}

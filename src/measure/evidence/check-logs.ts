// Compares event logs with the registers that evidence proved: a log that replays to them is
// complete and in order; one that does not explains nothing.

import { explainEvent } from "../eventlog/event-meaning.ts";
import { replayPcrs, replayRtmrs } from "../eventlog/replay.ts";
import { parseTcgLog, type TcgLog } from "../eventlog/tcg-log.ts";
import { parseUserspaceLog, replayUserspaceLog, type UserspaceRecord } from "../eventlog/userspace-log.ts";
import { toHex } from "../hex.ts";
import type { PcrValues } from "../tpm/check-quote.ts";
import { digestOf, initialRegister, type PcrBank } from "../tpm/pcr.ts";
import type { TpmEvidence } from "./bundle.ts";
import type { Checks } from "./verdict.ts";

/** IMA's log is not ours to replay, and registers from 16 on are resettable or DRTM's. */
const IMA_PCR = 10;
const LAST_LOGGED_PCR = 15;
/** where our guest measures containers, and how its log calls that */
const CONTAINER_PCR = 14;
const CONTAINER_EVENT = "container";

/** What the guest measured of its containers, in the order in which they were made; empty unless the logs prove it. */
export function checkTpmLogs(checks: Checks, tpm: TpmEvidence, proven: PcrValues): readonly string[] {
  if (tpm.eventLog === undefined) {
    checks.skip("tpm.eventLog", "no log given: register values stand without explanation");
    return [];
  }
  const log = parseTcgLog(tpm.eventLog);
  const records = parseUserspaceLog(tpm.userspaceLog ?? new Uint8Array(0));
  const replays = [...proven].map(([bank, registers]) => {
    if (!log.banks.includes(bank)) {
      checks.skip(`tpm.eventLog.${bank}`, "the firmware's log has no such bank");
      return false;
    }
    const replayed = replayUserspaceLog(records, bank, replayPcrs(log, bank));
    return checkRegisters(checks, { bank, replayed, registers });
  });
  checkMeanings(checks, "tpm.eventLog.meaning", log);
  const containers = checkContainers(checks, records);
  return replays.includes(true) && !replays.includes(false) ? containers : [];
}

/** A container's text is what the guest hashed: one that does not give its digest tells of another container. */
function checkContainers(checks: Checks, records: readonly UserspaceRecord[]): readonly string[] {
  const containers = records.filter((record) => record.eventType === CONTAINER_EVENT);
  if (containers.length === 0) return [];
  const lying = containers.findIndex(
    ({ text, digests, pcr }) =>
      pcr !== CONTAINER_PCR || digests.get("sha256")?.equals(digestOf("sha256", Buffer.from(text, "utf8"))) !== true,
  );
  const detail =
    lying === -1
      ? `${containers.length} described as measured`
      : `the text of container ${lying} is not what was measured`;
  checks.check("tpm.containers", lying === -1, detail);
  return lying === -1 ? containers.map(({ text }) => text) : [];
}

export function checkCcel(checks: Checks, bytes: Uint8Array, rtmrs: readonly Uint8Array[]): void {
  const log = parseTcgLog(bytes);
  const replayed = replayRtmrs(log);
  const differing = rtmrs.findIndex((rtmr, index) => replayed[index]?.equals(rtmr) !== true);
  const detail =
    differing === -1
      ? `${log.events.length} events give the quoted RTMR 0 to 3`
      : `RTMR${differing} replays to ${toHex(replayed[differing] ?? new Uint8Array(0))}, quoted ${toHex(rtmrs[differing] ?? new Uint8Array(0))}`;
  checks.check("tdx.eventLog", differing === -1, detail);
  checkMeanings(checks, "tdx.eventLog.meaning", log);
}

function checkRegisters(
  checks: Checks,
  {
    bank,
    replayed,
    registers,
  }: { bank: PcrBank; replayed: ReadonlyMap<number, Buffer>; registers: ReadonlyMap<number, Uint8Array> },
): boolean {
  const logged = [...registers].filter(([index]) => index <= LAST_LOGGED_PCR && index !== IMA_PCR);
  const differing = logged.filter(([index, value]) => {
    return Buffer.compare(replayed.get(index) ?? initialRegister(bank, index), value) !== 0;
  });
  const [first] = differing;
  const detail =
    first === undefined
      ? `replays to all ${logged.length} quoted registers`
      : `PCR ${differing.map(([index]) => index).join(", ")} differ; PCR ${first[0]} replays to ${toHex(replayed.get(first[0]) ?? new Uint8Array(0)) || "nothing"}, quoted ${toHex(first[1])}`;
  checks.check(`tpm.eventLog.${bank}`, first === undefined, detail);
  return first === undefined;
}

/** Events whose data should hash to their digest and does not: the log's text is not to be believed. */
function checkMeanings(checks: Checks, name: string, log: TcgLog): void {
  const lying = log.events.filter((event) => explainEvent(event).explained === false);
  const [first] = lying;
  const detail =
    first === undefined
      ? "event data explains its digest wherever it can"
      : `${lying.length} events do not hash to their digest, the first at offset ${first.offset}`;
  checks.check(name, first === undefined, detail);
}

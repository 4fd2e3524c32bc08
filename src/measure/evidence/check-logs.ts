// Compares event logs with the registers that evidence proved: a log that replays to them is
// complete and in order; one that does not explains nothing.

import { explainEvent } from "../eventlog/event-meaning.ts";
import { EV_NO_ACTION } from "../eventlog/event-types.ts";
import { replayPcrs, replayRtmrs } from "../eventlog/replay.ts";
import { parseTcgLog, type TcgLog } from "../eventlog/tcg-log.ts";
import {
  explainsDigests,
  parseUserspaceLog,
  replayUserspaceLog,
  type UserspaceRecord,
} from "../eventlog/userspace-log.ts";
import { toHex } from "../hex.ts";
import type { PcrValues } from "../tpm/check-quote.ts";
import { initialRegister, type PcrBank } from "../tpm/pcr.ts";
import type { TpmEvidence } from "./bundle.ts";
import type { Checks } from "./verdict.ts";

/** IMA's log is not ours to replay, and registers from 16 on are resettable or DRTM's. */
const IMA_PCR = 10;
const LAST_LOGGED_PCR = 15;
/** where our guest measures containers, and how its log calls that */
const CONTAINER_PCR = 14;
const CONTAINER_BANK = "sha256";
const CONTAINER_EVENT = "container";

type TpmLogs = Pick<TpmEvidence, "eventLog" | "userspaceLog">;

/** What the guest measured of its containers, in the order in which they were made; absent unless that is proven. */
export function checkTpmLogs(checks: Checks, tpm: TpmLogs, proven: PcrValues): readonly string[] | undefined {
  if (tpm.eventLog === undefined) {
    checks.skip("tpm.eventLog", "no log given: register values stand without explanation");
    return undefined;
  }
  const log = parseTcgLog(tpm.eventLog);
  const records = parseUserspaceLog(tpm.userspaceLog ?? new Uint8Array(0));
  const replayed = new Set<PcrBank>();
  for (const [bank, registers] of proven) {
    if (!log.banks.includes(bank)) checks.skip(`tpm.eventLog.${bank}`, "the firmware's log has no such bank");
    else {
      const values = replayUserspaceLog(records, bank, replayPcrs(log, bank));
      if (checkRegisters(checks, { bank, replayed: values, registers })) replayed.add(bank);
    }
  }
  checkMeanings(checks, "tpm.eventLog.meaning", log);
  checkRecords(checks, records);
  const isQuoted = replayed.has(CONTAINER_BANK) && proven.get(CONTAINER_BANK)?.has(CONTAINER_PCR) === true;
  return checkContainers(checks, { log, records, isQuoted });
}

/**
 * A container's text is what the guest hashed, and its record alone says that it is one. So nothing else may extend
 * the register: a host that renames a record, or moves it into the firmware's log, would hide a container.
 */
function checkContainers(
  checks: Checks,
  { log, records, isQuoted }: { log: TcgLog; records: readonly UserspaceRecord[]; isQuoted: boolean },
): readonly string[] | undefined {
  const containers = records.filter(({ eventType }) => eventType === CONTAINER_EVENT);
  const others = [
    ...log.events.filter(({ index, type }) => index === CONTAINER_PCR && type !== EV_NO_ACTION),
    ...records.filter(({ pcr, eventType }) => pcr === CONTAINER_PCR && eventType !== CONTAINER_EVENT),
  ];
  if (!isQuoted) {
    checks.skip("tpm.containers", `no quote proves the log of PCR ${CONTAINER_PCR}: which containers ran is unknown`);
    return undefined;
  }
  if (containers.length + others.length === 0) return [];
  const lying = containers.findIndex(
    (record) => record.pcr !== CONTAINER_PCR || !record.digests.has(CONTAINER_BANK) || explainsDigests(record) !== true,
  );
  const detail =
    lying !== -1
      ? `the text of container ${lying} is not what was measured`
      : others.length > 0
        ? `PCR ${CONTAINER_PCR} was extended ${others.length} times by what the logs do not call a container`
        : `${containers.length} described as measured`;
  const ok = checks.check("tpm.containers", lying === -1 && others.length === 0, detail);
  return ok ? containers.map(({ text }) => text) : undefined;
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

/** Records of systemd and of our guest whose text is what was hashed; containers have a check of their own. */
function checkRecords(checks: Checks, records: readonly UserspaceRecord[]): void {
  const told = records.filter((one) => one.eventType !== CONTAINER_EVENT && explainsDigests(one) !== undefined);
  if (told.length === 0) return;
  const lying = told.find((one) => explainsDigests(one) === false);
  const detail =
    lying === undefined
      ? `${told.length} records hash to their digests`
      : `${lying.eventType} ${JSON.stringify(lying.text.slice(0, 64))} does not hash to its digest`;
  checks.check("tpm.userspaceLog.meaning", lying === undefined, detail);
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

// RTMR values from events: RTMR = SHA384(RTMR || digest). A register is only given when every event that
// moves it is known. A CCEL fills in what no file determines and says where each event really fell;
// what can be computed is computed even then, so the log is checked and not believed.
import { createHash } from "node:crypto";
import { eventTypeName } from "../eventlog/event-types.ts";
import type { TcgEvent, TcgLog } from "../eventlog/tcg-log.ts";
import { toHex, trimNuls } from "../hex.ts";
import { ByteReader, MalformedInput } from "../reader.ts";
import type { Step, Trail } from "../trail.ts";
import { eventKeys, type RtmrEvent, type RtmrIndex } from "./rtmr-events.ts";

const DIGEST_BYTES = 48;
const COUNT = 4;
const TYPES = {
  noAction: 0x3,
  separator: 0x4,
  tag: 0x6,
  configFlags: 0xa,
  ipl: 0xd,
  variableDriver: 0x8000_0001,
  variableBoot: 0x8000_0002,
  application: 0x8000_0003,
  action: 0x8000_0007,
  firmwareBlob2: 0x8000_000a,
  handoffTables2: 0x8000_000b,
} as const;

export interface RtmrPrediction {
  /** the value and its history; undefined while an event is unknown */
  readonly trail: Trail | undefined;
  /** events that no input determines */
  readonly missing: readonly string[];
}

/** The four registers after these events. */
export function replayRtmrEvents(events: readonly RtmrEvent[]): readonly RtmrPrediction[] {
  return Array.from({ length: COUNT }, (_, index) => {
    const own = events.filter((event) => event.rtmr === index);
    const missing = own.filter((event) => !event.digest).map((event) => event.what);
    return { trail: missing.length > 0 ? undefined : trailOf(index, own), missing };
  });
}

function trailOf(index: number, events: readonly RtmrEvent[]): Trail {
  let value: Buffer = Buffer.alloc(DIGEST_BYTES);
  const initial = toHex(value);
  const steps: Step[] = events.map(({ what, setting, digest = new Uint8Array() }) => {
    value = createHash("sha384").update(value).update(digest).digest();
    return {
      label: what,
      setting,
      event: "RTMR.EXTEND",
      bytes: digest.length,
      digest: toHex(digest),
      running: toHex(value),
    };
  });
  return { register: `rtmr${index}`, algorithm: "sha384", initial, steps, value: toHex(value) };
}

export interface LogDisagreement {
  readonly what: string;
  readonly computed: string;
  readonly logged: string;
}

export interface Reconciled {
  /** the log's events in its order, digests computed where inputs determine them */
  readonly events: readonly RtmrEvent[];
  /** computed digests that the log contradicts */
  readonly disagreements: readonly LogDisagreement[];
  /** predicted events that the log does not have */
  readonly absent: readonly string[];
}

/** Lays a prediction over a CCEL of the same machine shape. */
export function reconcileWithLog(predicted: readonly RtmrEvent[], log: TcgLog): Reconciled {
  const queues = new Map<string, RtmrEvent[]>();
  for (const event of predicted) queues.set(event.key, [...(queues.get(event.key) ?? []), event]);
  const disagreements: LogDisagreement[] = [];
  const events: RtmrEvent[] = [];
  for (const logged of log.events) {
    if (logged.type === TYPES.noAction) continue;
    const rtmr = registerOf(logged);
    const key = logKey(logged);
    const own = queues.get(key)?.shift();
    const digest = sha384Of(logged);
    if (own?.digest) {
      if (!Buffer.from(own.digest).equals(digest)) {
        disagreements.push({ what: own.what, computed: toHex(own.digest), logged: toHex(digest) });
      }
      events.push({ ...own, rtmr });
    } else {
      events.push({ rtmr, key, what: own?.what ?? key, setting: "--eventlog", digest });
    }
  }
  const left = [...queues.values()].flat();
  const absent = left.filter((event) => event.digest).map((event) => event.what);
  return { events, disagreements, absent };
}

/** Index n of a CCEL is RTMR n - 1 (Intel GHCI for TDX, event log). */
function registerOf(event: TcgEvent): RtmrIndex {
  const rtmr = event.index - 1;
  if (rtmr !== 0 && rtmr !== 1 && rtmr !== 2 && rtmr !== 3) {
    throw new MalformedInput("event log", event.offset, `extends measurement register ${event.index}`);
  }
  return rtmr;
}

function sha384Of(event: TcgEvent): Uint8Array {
  const digest = event.digests.find(({ bank }) => bank === "sha384");
  if (!digest) throw new MalformedInput("event log", event.offset, "has no sha384 digest");
  return digest.bytes;
}

/** The key under which the prediction would list this event. */
function logKey({ type, data }: TcgEvent): string {
  switch (type) {
    case TYPES.handoffTables2:
      return eventKeys.tdHob;
    case TYPES.firmwareBlob2:
      return eventKeys.cfv;
    case TYPES.configFlags:
      return eventKeys.acpi;
    case TYPES.application:
      return eventKeys.application;
    case TYPES.separator:
      return eventKeys.separator;
    case TYPES.action:
      return eventKeys.action(text(data, "latin1"));
    case TYPES.ipl:
      return eventKeys.section(text(data, data[1] === 0 ? "utf16le" : "latin1"));
    case TYPES.variableDriver:
    case TYPES.variableBoot:
      return eventKeys.variable(variableName(data));
    case TYPES.tag:
      return tagKey(text(data.subarray(8), "latin1"));
    default:
      return eventTypeName(type);
  }
}

function tagKey(description: string): string {
  return description.startsWith("LOADED_IMAGE::LoadOptions") ? eventKeys.loadOptions : description;
}

function text(data: Uint8Array, encoding: "latin1" | "utf16le"): string {
  return trimNuls(Buffer.from(data.subarray(0, 256)).toString(encoding)).replace(/[^\x20-\x7e]/g, "?");
}

function variableName(data: Uint8Array): string {
  if (data.length < 32) return "(unnamed)";
  const length = new ByteReader(data, "event data").skip(16).u64le();
  return text(data.subarray(32, 32 + Number(BigInt.asUintN(16, length)) * 2), "utf16le");
}

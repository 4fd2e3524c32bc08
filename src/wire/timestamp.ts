// google.protobuf.Timestamp and Date. Nanoseconds below a millisecond are lost in a Date.
import type { Timestamp } from "./gen/google/protobuf/timestamp.ts";

export function timestampOf(date: Date): Timestamp {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1_000_000 };
}

/** The zero time of Go and an absent timestamp are both undefined. */
export function dateOf(timestamp: Timestamp | undefined): Date | undefined {
  if (timestamp === undefined) return undefined;
  const ms = Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1_000_000);
  return ms === goZeroTimeMs ? undefined : new Date(ms);
}

/** 0001-01-01T00:00:00Z, which Go sends for a time that was never set. */
const goZeroTimeMs = -62_135_596_800_000;

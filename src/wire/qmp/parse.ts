// QMP's fixed message shapes, checked member by member: greeting, error, event (QEMU docs/interop/qmp-spec).
import { ProtocolViolation } from "../../lib/errors.ts";
import type { QemuVersion } from "./commands.ts";
import { isObject, type QmpMessage } from "./decoder.ts";
import type { QmpEvent } from "./events.ts";
import { QmpError } from "./qmp-error.ts";

export interface QmpGreeting {
  readonly version: QemuVersion;
  readonly capabilities: readonly string[];
}

export function parseGreeting(value: unknown): QmpGreeting {
  const version = isObject(value) ? value["version"] : undefined;
  const qemu = isObject(version) ? version["qemu"] : undefined;
  if (!isObject(value) || !isObject(version) || !isObject(qemu) || typeof qemu["major"] !== "number")
    throw new ProtocolViolation("QMP", "the greeting names no version");
  const { major, minor = 0, micro = 0 } = qemu;
  const capabilities = Array.isArray(value["capabilities"])
    ? value["capabilities"].filter((c) => typeof c === "string")
    : [];
  return {
    version: { qemu: { major, minor: Number(minor), micro: Number(micro) }, package: String(version["package"] ?? "") },
    capabilities,
  };
}

export function parseError(command: string, value: unknown): QmpError {
  const error = isObject(value) ? value : {};
  return new QmpError(command, String(error["class"] ?? "GenericError"), String(error["desc"] ?? "no description"));
}

export function parseEvent(message: QmpMessage): QmpEvent {
  const { event, data, timestamp } = message;
  if (typeof event !== "string") throw new ProtocolViolation("QMP", "an event has no name");
  return { event, data: isObject(data) ? data : {}, atMicros: microsOf(timestamp) };
}

/** QEMU sends -1 for both members when it cannot read its clock. */
function microsOf(timestamp: unknown): number | undefined {
  if (!isObject(timestamp)) return undefined;
  const { seconds, microseconds } = timestamp;
  if (typeof seconds !== "number" || typeof microseconds !== "number" || seconds < 0) return undefined;
  return seconds * 1_000_000 + microseconds;
}

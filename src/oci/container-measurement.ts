// What of a container is measured before it runs: its layers' verity root hashes and what decides what they may do.
// The guest extends PCR 14 by the SHA-256 of this text and logs the text, so that a verifier can read, and anyone
// can predict, what ran. Names that differ from pod to pod (ids, host names, paths of the host) are not in it.
// PCR 14 is shim's (MOK) on machines with a boot loader, which these guests lack; unlike 16 and 23 nobody can reset
// it, and unlike 11 and 15 nothing else in the guest extends it (measured-boot.md §1).
import { createHash } from "node:crypto";
import type { Capabilities, Process } from "./types.ts";

export const CONTAINER_PCR = 14;
/** event type in the userspace log */
export const CONTAINER_EVENT = "container";

export interface MeasuredContainer {
  /** verity root hashes in hex, from the topmost layer to the lowest */
  readonly layers: readonly string[];
  readonly process: Process;
  readonly readonlyRoot: boolean;
  /** destinations of the mounts */
  readonly mounts: readonly string[];
}

/** The measured text: JSON with its members in this order. Secrets in the environment stay out; its hash does not. */
export function renderContainerMeasurement({ layers, process, readonlyRoot, mounts }: MeasuredContainer): string {
  const { user, capabilities = {} } = process;
  return JSON.stringify({
    format: "kata-cvm-container/1",
    layers,
    args: process.args ?? [],
    cwd: process.cwd,
    environment: sha256(JSON.stringify(process.env ?? [])).toString("hex"),
    user: { uid: user.uid, gid: user.gid, additionalGids: [...(user.additionalGids ?? [])].sort((a, b) => a - b) },
    capabilities: Object.fromEntries(capabilitySets.map((set) => [set, [...(capabilities[set] ?? [])].sort()])),
    noNewPrivileges: process.noNewPrivileges ?? false,
    readonlyRoot,
    mounts: [...new Set(mounts)].sort(),
  });
}

/** What PCR 14 is extended by for one container. */
export function digestContainerMeasurement(text: string): Buffer {
  return sha256(text);
}

const capabilitySets = [
  "bounding",
  "effective",
  "inheritable",
  "permitted",
  "ambient",
] as const satisfies readonly (keyof Capabilities)[];

function sha256(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}

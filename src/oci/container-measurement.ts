// What of a container is measured before it runs: its layers' verity root hashes and what decides what they may do.
// The guest extends PCR 14 by the SHA-256 of this text and logs the text, so that a verifier can read, and anyone
// can predict, what ran. Names that differ from pod to pod (ids, host names, paths of the host) are not in it.
// PCR 14 is shim's (MOK) on machines with a boot loader, which these guests lack; unlike 16 and 23 nobody can reset
// it, and unlike 11 and 15 nothing else in the guest extends it (measured-boot.md §1).
import { createHash } from "node:crypto";
import type { Capabilities, Device, Linux, Process, Seccomp } from "./types.ts";

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
  /** what else decides what its files say and its system calls do */
  readonly linux: Pick<Linux, "devices" | "gidMappings" | "maskedPaths" | "namespaces" | "seccomp" | "uidMappings">;
}

/** The measured text: JSON with its members in this order. Secrets in the environment stay out; its hash does not. */
export function renderContainerMeasurement(container: MeasuredContainer): string {
  const { layers, process, readonlyRoot, mounts, linux } = container;
  const { user, capabilities = {} } = process;
  return JSON.stringify({
    format: "kata-cvm-container/2",
    layers,
    args: process.args ?? [],
    cwd: process.cwd,
    environment: sha256(JSON.stringify(process.env ?? [])).toString("hex"),
    user: { uid: user.uid, gid: user.gid, additionalGids: [...(user.additionalGids ?? [])].sort((a, b) => a - b) },
    userNamespace: hasOwnIds(linux),
    capabilities: Object.fromEntries(capabilitySets.map((set) => [set, [...(capabilities[set] ?? [])].sort()])),
    noNewPrivileges: process.noNewPrivileges ?? false,
    readonlyRoot,
    mounts: [...new Set(mounts)].sort(),
    maskedPaths: [...new Set(linux.maskedPaths)].sort(),
    devices: (linux.devices ?? []).map(nameDevice).sort(),
    seccomp: linux.seccomp === undefined ? null : sha256(renderSeccomp(linux.seccomp)).toString("hex"),
  });
}

/** Whether its root is nobody in the guest. The ids differ from pod to pod; a namespace that maps the guest's root is none. */
function hasOwnIds({ namespaces = [], uidMappings = [], gidMappings = [] }: MeasuredContainer["linux"]): boolean {
  const isNamespaced = namespaces.some(({ type }) => type === "user");
  return (
    isNamespaced && [uidMappings, gidMappings].every((ids) => ids.length > 0 && ids.every(({ hostID }) => hostID > 0))
  );
}

/** A disk has other numbers in each guest, and a FIFO none. */
function nameDevice({ type, path, major = 0, minor = 0 }: Device): string {
  return type === "c" || type === "u" ? `${type} ${major}:${minor} ${path}` : `${type} ${path}`;
}

/** What the agent protocol carries of it, each rule as it stands: a rule can make a system call lie about its success. */
function renderSeccomp({ defaultAction, architectures = [], flags = [], syscalls = [] }: Seccomp): string {
  const rules = syscalls.map(({ names, action, errnoRet = null, args = [] }) => ({
    names,
    action,
    errnoRet,
    args: args.map(({ index, value, valueTwo = 0, op }) => [index, String(value), String(valueTwo), op]),
  }));
  return JSON.stringify({ defaultAction, architectures, flags, syscalls: rules });
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

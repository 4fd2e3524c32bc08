// The cases of critest by what they ask of a runtime that is a virtual machine, and the file of
// those that cannot pass, each with its reason.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export type CaseClass = "A" | "B" | "C" | "D" | "E" | "F";

export const classMeaning: Readonly<Record<CaseClass, string>> = {
  A: "containerd alone: no task of the runtime, or its mere start",
  B: "the shim and the guest: pods, containers, exec, logs, stats, OOM, security context",
  C: "a host directory in the guest: shared, copied or made a disk",
  D: "the host's namespaces or mounts: refused with a clear error",
  E: "not on this host: AppArmor, SELinux",
  F: "only when the shim's -info declares it: user namespaces, recursive read-only mounts",
};

// The first pattern that matches "Container > … > leaf" decides.
const rules: readonly (readonly [CaseClass, RegExp])[] = [
  ["E", /^AppArmor|^SELinux/],
  ["D", /runtime should support HostPID$|HostIpc is true$|HostNetwork is true$|portforward in host network$/],
  ["D", /Mount Propagation .*('rshared'|'rslave')/],
  ["F", /UserNamespaces|^Container Mount Readonly .*(?<!non-)recursive readonly/],
  [
    "A",
    /^Image (Manager|Consistency|Identifier)|^Idempotence > RemoveImage|^Runtime info|returning metrics descriptors/,
  ],
  ["A", /^Idempotence > .*should not return an error if not found|^NRI > plugin synchronization/],
  ["A", /RunAsGroup is set without RunAsUser|Image Volume .*(Readonly set to false|subPath does not exist)/],
  ["C", /starting container with volume|Mount Propagation .*rprivate|non-recursive readonly mounts|^Image Volume/],
];

export function classOf(name: string): CaseClass {
  return rules.find(([, pattern]) => pattern.test(name))?.[0] ?? "B";
}

/** A case that is not expected to pass: `name` is a regular expression over the case's full name. */
export interface CritestException {
  readonly name: string;
  readonly reason: string;
  /** left out: every version; else prefixes such as "1.6" */
  readonly containerd?: readonly string[];
  /** left out: every handler; else only those that begin so */
  readonly handler?: string;
  /** true: do not even start it; else it runs, and passing is reported as news */
  readonly leaveOut?: boolean;
}

const file = join(dirname(fileURLToPath(import.meta.url)), "critest-exceptions.json");

export function exceptionsFor(where: { containerd: string; handler: string }): readonly CritestException[] {
  const all = JSON.parse(readFileSync(file, "utf8")) as readonly CritestException[];
  return all.filter(
    (entry) =>
      (entry.containerd?.some((prefix) => where.containerd.startsWith(prefix)) ?? true) &&
      where.handler.startsWith(entry.handler ?? ""),
  );
}

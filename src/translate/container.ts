// A container as containerd wants it -> what the guest must do for it: the only entry of this folder
// that the pod uses. All decisions, no effects.
import { Unsupported } from "../lib/errors.ts";
import type { SandboxRole } from "../oci/cri-annotations.ts";
import type { ContainerSpec, SandboxSpec } from "../oci/types.ts";
import {
  type CopyIn,
  type HostShare,
  type SourceFacts,
  translateMounts,
  type VolumeRules,
  volumeDisks,
} from "./mounts.ts";
import { type GuestFeatures, joinsSandboxPids, translateSpec } from "./spec.ts";
import { type GuestLayer, type GuestStorage, translateRootfs } from "./storages.ts";
import { copiedTerminationLog, nameTerminationLog } from "./termination-log.ts";
import { refuseMappings, translateUserNamespace } from "./user-namespace.ts";
import type { DiskAddress, VolumeDisk } from "./volume-disks.ts";

export interface ContainerInput {
  readonly containerId: string;
  readonly podId: string;
  readonly bundle: string;
  readonly role: SandboxRole["role"];
  readonly spec: ContainerSpec;
  readonly layers: readonly GuestLayer[];
  readonly guest: GuestFeatures;
  readonly rules: VolumeRules;
  /** addresses of the disks that `containerDisks` named, by volume */
  readonly volumeDisks: ReadonlyMap<string, DiskAddress>;
  readonly sources: ReadonlyMap<string, SourceFacts>;
}

export interface ContainerPlan {
  readonly spec: ContainerSpec;
  readonly storages: readonly GuestStorage[];
  readonly copies: readonly CopyIn[];
  readonly shares: readonly HostShare[];
  readonly sandboxPidns: boolean;
  /** host file that gets what the container wrote to its copy */
  readonly terminationLog?: string;
}

const noSource: SourceFacts = { kind: "missing", mode: 0, submounts: [] };

export function translateContainer(input: ContainerInput): ContainerPlan {
  const { containerId, podId, bundle, role, guest, sources } = input;
  const spec = translateUserNamespace(input.spec, input);
  const { mounts, copies, shares, storages } = translateMounts(spec.mounts ?? [], {
    containerId,
    podId,
    rules: input.rules,
    diskOf: (volume) => input.volumeDisks.get(volume),
    sourceFacts: (path) => sources.get(path) ?? noSource,
  });
  const netns = role === "container" ? undefined : networkNamespacePath(spec);
  const log = copiedTerminationLog(spec, copies);
  // policies of other agents count the annotations
  const named = log === undefined || !guest.verityLayers ? spec : nameTerminationLog(spec, log);
  return {
    spec: translateSpec(named, { containerId, bundle, role, mounts, guest, ...(netns === undefined ? {} : { netns }) }),
    storages: [...translateRootfs(containerId, input.layers, guest), ...storages],
    copies,
    shares,
    sandboxPidns: role === "container" && joinsSandboxPids(spec),
    ...(log === undefined ? {} : { terminationLog: log.hostPath }),
  };
}

/** The volumes that must be plugged as disks before the container is translated. */
export function containerDisks(
  spec: ContainerSpec,
  { sources, rules }: Pick<ContainerInput, "sources" | "rules">,
): readonly VolumeDisk[] {
  return volumeDisks(spec.mounts ?? [], { rules, sourceFacts: (path) => sources.get(path) ?? noSource });
}

/** The pod's network namespace, as CNI left it; undefined when the spec asks for a new, empty one. */
export function networkNamespacePath(spec: SandboxSpec): string | undefined {
  const path = spec.linux.namespaces?.find((namespace) => namespace.type === "network")?.path;
  return path === "" ? undefined : path;
}

/** A missing entry means "the host's own": there is no such thing inside a virtual machine. */
export function refuseHostNamespaces(spec: SandboxSpec): void {
  const asked = [
    ["network", "hostNetwork"],
    ["ipc", "hostIPC"],
    ["pid", "hostPID"],
  ] as const;
  for (const [type, name] of asked) {
    if (spec.linux.namespaces?.some((namespace) => namespace.type === type)) continue;
    throw new Unsupported(
      `${name} (linux.security_context.namespace_options.${type}: NODE)`,
      `a pod in a virtual machine cannot join the host's ${type} namespace`,
    );
  }
  refuseMappings(spec);
}

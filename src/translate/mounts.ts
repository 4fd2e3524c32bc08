// What becomes of each mount of a container's spec. A confidential guest shares nothing with its host: it
// would have to trust every byte. So a mount is kept as it is, made inside the guest (shared memory,
// emptyDir), or its host source is copied in; only a development guest may get the source itself.
import { join, resolve } from "node:path";
import { Unsupported } from "../lib/errors.ts";
import type { Mount } from "../oci/types.ts";
import { type EmptyDirFacts, translateEmptyDir } from "./empty-dirs.ts";
import { guestCopyPath, guestHostShare, guestSandboxShm, volumeName } from "./guest-paths.ts";
import type { GuestStorage } from "./storages.ts";
import {
  type DirectVolume,
  type DiskAddress,
  directVolumeDisk,
  emptyDirDiskOf,
  mountedDisk,
  type VolumeDisk,
} from "./volume-disks.ts";

/** What stands at a host path, as probed by the caller. */
export type SourceKind = "file" | "directory" | "socket" | "fifo" | "device" | "missing";

export interface SourceFacts {
  readonly kind: SourceKind;
  /** permission bits */
  readonly mode: number;
  /** the path shows an emptyDir volume or a part of it */
  readonly emptyDir?: EmptyDirFacts;
  /** somebody recorded that the guest shall mount this volume's disk by itself */
  readonly directVolume?: DirectVolume;
  /** mounts below the path, by their path relative to it, outer ones first */
  readonly submounts: readonly { readonly path: string; readonly isReadonly: boolean }[];
}

/** What the operator chose for volumes, as far as the guest can do it. */
export interface VolumeRules {
  readonly hostPaths: "copy" | "share";
  /** those without a medium */
  readonly emptyDirs: "plain" | "block-encrypted";
  readonly emptyDirBytes: number;
}

/** A file or directory tree that must be in the guest before the container is created. */
export interface CopyIn {
  readonly hostPath: string;
  readonly guestPath: string;
  /** the kubelet replaces its content (config map, secret, projected, downward API): send it again then */
  readonly follow: boolean;
}

/** A host file or directory that must appear in the guest's share before the container is created. */
export interface HostShare {
  readonly hostPath: string;
  /** its name in the share */
  readonly name: string;
  readonly readonly: boolean;
}

export interface MountPlan {
  readonly mounts: readonly Mount[];
  readonly copies: readonly CopyIn[];
  readonly shares: readonly HostShare[];
  /** directories made in the guest, for the containers of the pod to share */
  readonly storages: readonly GuestStorage[];
}

export interface MountContext {
  readonly containerId: string;
  readonly podId: string;
  readonly rules: VolumeRules;
  readonly sourceFacts: (hostPath: string) => SourceFacts;
  /** of what `volumeDisks` named */
  readonly diskOf: (volume: string) => DiskAddress | undefined;
}

export function translateMounts(mounts: readonly Mount[], context: MountContext): MountPlan {
  const lastAt = new Map(mounts.map(({ destination }, index) => [resolve("/", destination), index]));
  const parts = mounts.map((mount, index) =>
    translateMount(mount, { ...context, isCovered: (destination) => (lastAt.get(destination) ?? -1) > index }),
  );
  return {
    mounts: parts.flatMap((part) => part.mounts),
    copies: parts.flatMap((part) => part.copies ?? []),
    shares: parts.flatMap((part) => part.shares ?? []),
    storages: parts.flatMap((part) => part.storages ?? []),
  };
}

/** The host paths whose facts `translateMounts` will ask for. */
export function hostSources(mounts: readonly Mount[]): readonly string[] {
  return mounts.filter(comesFromHost).map((mount) => mount.source ?? "");
}

/** What must be plugged before `translateMounts`. */
export function volumeDisks(
  mounts: readonly Mount[],
  { sourceFacts, rules }: Pick<MountContext, "sourceFacts" | "rules">,
): readonly VolumeDisk[] {
  return hostSources(mounts).flatMap((source) => {
    const { emptyDir, directVolume } = sourceFacts(source);
    if (directVolume !== undefined) return [directVolumeDisk(source, directVolume)];
    if (emptyDir === undefined || emptyDir.isTmpfs || rules.emptyDirs === "plain") return [];
    return [emptyDirDiskOf(emptyDir.path, rules.emptyDirBytes)];
  });
}

interface Part {
  readonly mounts: readonly Mount[];
  readonly copies?: readonly CopyIn[];
  readonly shares?: readonly HostShare[];
  readonly storages?: readonly GuestStorage[];
}

interface PartContext extends MountContext {
  /** a later mount of the spec goes to this very place */
  readonly isCovered: (destination: string) => boolean;
}

function translateMount(given: Mount, context: PartContext): Part {
  const mount = withoutHostOptions(given);
  if (!isBind(mount)) return { mounts: [mount] };
  if (mount.destination === "/dev/shm") {
    return { mounts: [{ destination: "/dev/shm", type: "bind", source: guestSandboxShm, options: ["rbind"] }] };
  }
  if (!comesFromHost(mount)) return { mounts: [mount] };
  refusePropagation(mount);
  const facts = context.sourceFacts(mount.source ?? "");
  if (facts.kind !== "file" && facts.kind !== "directory") return refuseKind(mount, facts.kind);
  const storages = guestVolume(mount, facts, context);
  if (storages !== undefined) return bindStorages(mount, storages);
  return isShared(mount, context.rules) ? shareTree(mount, facts, context) : copyTree(mount, facts, context);
}

/** What the guest makes or mounts by itself; undefined for what comes from the host as files. */
function guestVolume(mount: Mount, facts: SourceFacts, context: MountContext): readonly GuestStorage[] | undefined {
  const { emptyDir, directVolume } = facts;
  const { podId, diskOf } = context;
  if (directVolume !== undefined) {
    const disk = diskOf(mount.source ?? "");
    return disk && [mountedDisk(disk, directVolume)];
  }
  return emptyDir && translateEmptyDir(emptyDir, { podId, mode: facts.mode, disk: diskOf(emptyDir.path) });
}

/** The container gets what the last storage makes. */
function bindStorages(mount: Mount, storages: readonly GuestStorage[]): Part {
  return { mounts: [{ ...mount, type: "bind", source: storages.at(-1)?.mount_point ?? "" }], storages };
}

function isBind(mount: Mount): boolean {
  return mount.type === "bind" || (mount.options ?? []).some((option) => option === "bind" || option === "rbind");
}

/** Sources below /proc and /sys are the guest's own. */
function comesFromHost(mount: Mount): boolean {
  if (!isBind(mount) || mount.destination === "/dev/shm") return false;
  return !/^\/(proc|sys)(\/|$)/.test(mount.source ?? "");
}

/** Directories that the kubelet fills by replacing them as a whole. */
function isFollowed(mount: Mount): boolean {
  return /\/volumes\/kubernetes\.io~(configmap|secret|projected|downward-api)\/[^/]+$/.test(mount.source ?? "");
}

const podFiles = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/**
 * What the kubelet writes once or replaces as a whole is copied: small, read often, and followed where it changes.
 * So is what a user namespace sees mapped: virtio-fs cannot map owners.
 */
function isShared(mount: Mount, rules: VolumeRules): boolean {
  const isMapped = (mount.options ?? []).includes("idmap");
  return rules.hostPaths === "share" && !isFollowed(mount) && !isMapped && !podFiles.includes(mount.destination);
}

interface PlacedSource {
  readonly hostPath: string;
  readonly destination: string;
  readonly readonly: boolean;
}

/** What is mounted below the source travels by itself: a read-only mount leaves it writable, unless it is recursive. */
function nestedSources(mount: Mount, facts: SourceFacts, { isCovered }: PartContext): readonly PlacedSource[] {
  const everything = (mount.options ?? []).includes("rro");
  const nested = facts.submounts.map(({ path, isReadonly }) => ({
    hostPath: join(mount.source ?? "", path),
    destination: join(mount.destination, path),
    readonly: isReadonly || everything,
  }));
  // both would have the same name in the guest
  return nested.filter(({ destination }) => !isCovered(destination));
}

/** The read-only flag is set on both sides: the guest must not be the only one to keep to it. */
function shareTree(mount: Mount, facts: SourceFacts, context: PartContext): Part {
  const { destination, source: hostPath = "", options = [] } = mount;
  const whole = { hostPath, destination, readonly: options.includes("ro") || options.includes("rro") };
  const nested = nestedSources(mount, facts, context);
  const shareOf = (placed: PlacedSource): HostShare => ({
    hostPath: placed.hostPath,
    name: volumeName(context.containerId, placed.destination),
    readonly: placed.readonly,
  });
  const guestPath = (placed: PlacedSource) => join(guestHostShare, shareOf(placed).name);
  return {
    mounts: [
      { ...mount, type: "bind", source: guestPath(whole) },
      ...nested.map((placed) => bindNested(placed, guestPath(placed))),
    ],
    shares: [whole, ...nested].map(shareOf),
  };
}

function copyTree(mount: Mount, facts: SourceFacts, context: PartContext): Part {
  const { destination, source: hostPath = "" } = mount;
  const guestPath = (at: string) => guestCopyPath(context.containerId, at);
  const nested = nestedSources(mount, facts, context);
  const mapped = (mount.options ?? []).filter((option) => option === "idmap");
  return {
    mounts: [
      { ...mount, type: "bind", source: guestPath(destination) },
      ...nested.map((placed) => bindNested(placed, guestPath(placed.destination), mapped)),
    ],
    copies: [
      { hostPath, guestPath: guestPath(destination), follow: isFollowed(mount) },
      ...nested.map((placed) => ({
        hostPath: placed.hostPath,
        guestPath: guestPath(placed.destination),
        follow: false,
      })),
    ],
  };
}

function bindNested({ destination, readonly }: PlacedSource, source: string, options: readonly string[] = []): Mount {
  return { destination, type: "bind", source, options: ["rbind", readonly ? "ro" : "rw", ...options] };
}

/** MountPropagation of the CRI, as containerd writes it into the options. */
const propagations: Readonly<Record<string, string>> = {
  rshared: "PROPAGATION_BIDIRECTIONAL",
  shared: "PROPAGATION_BIDIRECTIONAL",
  rslave: "PROPAGATION_HOST_TO_CONTAINER",
  slave: "PROPAGATION_HOST_TO_CONTAINER",
};

function refusePropagation(mount: Mount): void {
  const option = (mount.options ?? []).find((word) => Object.hasOwn(propagations, word));
  if (option === undefined) return;
  throw new Unsupported(
    `${criField(mount, "propagation")} ${propagations[option]} (${option})`,
    "a mount made on the host cannot appear in a virtual machine, nor the reverse; use PROPAGATION_PRIVATE (None)",
  );
}

function refuseKind(mount: Mount, kind: SourceKind): never {
  const what = `${criField(mount, "host_path")} ${mount.source ?? ""}`;
  if (kind === "missing") throw new Unsupported(what, "the host path does not exist");
  throw new Unsupported(what, `a host ${kind} cannot be used inside a virtual machine`);
}

/** By the path, not by the index: containerd puts mounts of its own before those of the CRI request. */
function criField({ destination }: Mount, name: string): string {
  return `ContainerConfig.mounts[container_path=${destination}].${name}`;
}

/** SELinux contexts name labels of the host. */
function withoutHostOptions(mount: Mount): Mount {
  if (mount.options === undefined) return mount;
  const labels = /^(context|fscontext|defcontext|rootcontext)=/;
  return { ...mount, options: mount.options.filter((option) => !labels.test(option)) };
}

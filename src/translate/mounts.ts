// What becomes of each mount of a container's spec. Nothing is shared with the host: a confidential
// guest would have to trust every byte of it. So a mount is kept as it is, made inside the guest
// (shared memory, emptyDir), or its host source is copied in.
import { basename, join } from "node:path";
import { Unsupported } from "../lib/errors.ts";
import type { Mount } from "../oci/types.ts";
import { guestBase, guestCopyPath, guestSandboxShm, guestShareDir } from "./guest-paths.ts";
import type { GuestStorage } from "./storages.ts";

/** What stands at a host path, as probed by the caller. */
export type SourceKind = "file" | "directory" | "socket" | "fifo" | "device" | "missing";

export interface SourceFacts {
  readonly kind: SourceKind;
  /** the path is on a tmpfs: an emptyDir of medium Memory */
  readonly isTmpfs: boolean;
  readonly gid: number;
  /** mounts below the path, by their path relative to it, outer ones first */
  readonly submounts: readonly { readonly path: string; readonly isReadonly: boolean }[];
}

/** A file or directory tree that must be in the guest before the container is created. */
export interface CopyIn {
  readonly hostPath: string;
  readonly guestPath: string;
  /** the kubelet replaces its content (config map, secret, projected, downward API): send it again then */
  readonly follow: boolean;
}

export interface MountPlan {
  readonly mounts: readonly Mount[];
  readonly copies: readonly CopyIn[];
  /** directories made in the guest, for the containers of the pod to share */
  readonly storages: readonly GuestStorage[];
}

export interface MountContext {
  readonly containerId: string;
  readonly podId: string;
  readonly sourceFacts: (hostPath: string) => SourceFacts;
}

export function translateMounts(mounts: readonly Mount[], context: MountContext): MountPlan {
  const parts = mounts.map((mount, index) => translateMount(mount, { ...context, field: `mounts[${index}]` }));
  return {
    mounts: parts.flatMap((part) => part.mounts),
    copies: parts.flatMap((part) => part.copies ?? []),
    storages: parts.flatMap((part) => part.storages ?? []),
  };
}

/** The host paths whose facts `translateMounts` will ask for. */
export function hostSources(mounts: readonly Mount[]): readonly string[] {
  return mounts.filter(comesFromHost).map((mount) => mount.source ?? "");
}

interface Part {
  readonly mounts: readonly Mount[];
  readonly copies?: readonly CopyIn[];
  readonly storages?: readonly GuestStorage[];
}

type PartContext = MountContext & { readonly field: string };

function translateMount(mount: Mount, context: PartContext): Part {
  if (!isBind(mount)) return { mounts: [withoutHostOptions(mount)] };
  if (mount.destination === "/dev/shm") {
    return { mounts: [{ destination: "/dev/shm", type: "bind", source: guestSandboxShm, options: ["rbind"] }] };
  }
  if (!comesFromHost(mount)) return { mounts: [withoutHostOptions(mount)] };
  refuseSharing(mount, context.field);
  const facts = context.sourceFacts(mount.source ?? "");
  if (facts.kind !== "file" && facts.kind !== "directory") return refuseKind(mount, facts.kind, context.field);
  return isEmptyDir(mount) ? makeEmptyDir(mount, facts, context) : copyTree(mount, facts, context);
}

function isBind(mount: Mount): boolean {
  return mount.type === "bind" || (mount.options ?? []).some((option) => option === "bind" || option === "rbind");
}

/** Sources below /proc and /sys are the guest's own. */
function comesFromHost(mount: Mount): boolean {
  if (!isBind(mount) || mount.destination === "/dev/shm") return false;
  return !/^\/(proc|sys)(\/|$)/.test(mount.source ?? "");
}

/** The kubelet's directory of an emptyDir volume: empty when the pod starts, and only the pod's. */
function isEmptyDir(mount: Mount): boolean {
  return /\/volumes\/kubernetes\.io~empty-dir\/[^/]+$/.test(mount.source ?? "");
}

/** Directories that the kubelet fills by replacing them as a whole. */
function isFollowed(mount: Mount): boolean {
  return /\/volumes\/kubernetes\.io~(configmap|secret|projected|downward-api)\/[^/]+$/.test(mount.source ?? "");
}

/** Containers of a pod that name the same volume get the same guest directory: the agent counts its users. */
function makeEmptyDir(mount: Mount, facts: SourceFacts, context: PartContext): Part {
  const name = basename(mount.source ?? "");
  const group = facts.gid === 0 ? [] : [`fsgid=${facts.gid}`];
  const storage: GuestStorage = facts.isTmpfs
    ? {
        driver: "ephemeral",
        driver_options: [],
        source: "tmpfs",
        fstype: "tmpfs",
        options: group,
        mount_point: `${guestBase}/sandbox/ephemeral/${name}`,
        shared: true,
      }
    : {
        driver: "local",
        driver_options: [],
        source: "local",
        fstype: "local",
        options: ["mode=0777", ...group],
        mount_point: `${guestShareDir}/${context.podId}/rootfs/local/${name}`,
        shared: true,
      };
  return { mounts: [{ ...withoutHostOptions(mount), type: "bind", source: storage.mount_point }], storages: [storage] };
}

function copyTree(mount: Mount, facts: SourceFacts, context: PartContext): Part {
  const { containerId } = context;
  const source = mount.source ?? "";
  const guestPath = guestCopyPath(containerId, mount.destination);
  const whole: Mount = { ...withoutHostOptions(mount), type: "bind", source: guestPath };
  const copies: CopyIn[] = [{ hostPath: source, guestPath, follow: isFollowed(mount) }];
  const nested = facts.submounts.map(({ path, isReadonly }): Mount => {
    const destination = join(mount.destination, path);
    const nestedPath = guestCopyPath(containerId, destination);
    copies.push({ hostPath: join(source, path), guestPath: nestedPath, follow: false });
    // a read-only bind leaves the mounts below it as they are, unless it is recursive
    const readonly = isReadonly || (mount.options ?? []).includes("rro");
    return { destination, type: "bind", source: nestedPath, options: ["rbind", readonly ? "ro" : "rw"] };
  });
  return { mounts: [whole, ...nested], copies };
}

function refuseSharing(mount: Mount, field: string): void {
  const shared = (mount.options ?? []).find((option) => ["rshared", "shared", "rslave", "slave"].includes(option));
  if (shared === undefined) return;
  throw new Unsupported(
    `${field} (${mount.destination}) with mount propagation ${shared}`,
    "a mount made on the host cannot appear in the guest, nor the reverse; use propagation None",
  );
}

function refuseKind(mount: Mount, kind: SourceKind, field: string): never {
  const source = `${field} (${mount.destination} from ${mount.source ?? "nowhere"})`;
  if (kind === "missing") throw new Unsupported(source, "the host path does not exist");
  throw new Unsupported(source, `a host ${kind} cannot be used inside a virtual machine`);
}

/** SELinux contexts name labels of the host. */
function withoutHostOptions(mount: Mount): Mount {
  if (mount.options === undefined) return mount;
  const labels = /^(context|fscontext|defcontext|rootcontext)=/;
  return { ...mount, options: mount.options.filter((option) => !labels.test(option)) };
}

// What becomes of each mount of a container's spec: kept as it is, made from the sandbox's own
// shared memory, or its host source copied into the guest. Nothing is shared with the host: a
// confidential guest would have to trust every byte of it.
import { Unsupported } from "../lib/errors.ts";
import type { Mount } from "../oci/types.ts";
import { guestCopyPath, guestSandboxShm } from "./guest-paths.ts";

/** What stands at a host path, as probed by the caller. */
export type SourceKind = "file" | "directory" | "socket" | "fifo" | "device" | "missing";

/** A file or directory tree that must be in the guest before the container is created. */
export interface CopyIn {
  readonly hostPath: string;
  readonly guestPath: string;
}

export interface MountPlan {
  readonly mounts: readonly Mount[];
  readonly copies: readonly CopyIn[];
}

export interface MountContext {
  readonly containerId: string;
  readonly sourceKind: (hostPath: string) => SourceKind;
}

export function translateMounts(mounts: readonly Mount[], context: MountContext): MountPlan {
  const copies: CopyIn[] = [];
  const kept: Mount[] = [];
  mounts.forEach((mount, index) => {
    const outcome = translateMount(mount, { ...context, field: `mounts[${index}]` });
    if (outcome.mount !== undefined) kept.push(outcome.mount);
    if (outcome.copy !== undefined) copies.push(outcome.copy);
  });
  return { mounts: kept, copies };
}

/** The host paths whose kind `translateMounts` will ask for. */
export function hostSources(mounts: readonly Mount[]): readonly string[] {
  return mounts.filter(comesFromHost).map((mount) => mount.source ?? "");
}

function translateMount(mount: Mount, context: MountContext & { field: string }): { mount?: Mount; copy?: CopyIn } {
  if (!isBind(mount)) return { mount: withoutHostOptions(mount) };
  if (mount.destination === "/dev/shm") {
    return { mount: { destination: "/dev/shm", type: "bind", source: guestSandboxShm, options: ["rbind"] } };
  }
  if (!comesFromHost(mount)) return { mount: withoutHostOptions(mount) };
  refuseSharing(mount, context.field);
  const hostPath = mount.source ?? "";
  const kind = context.sourceKind(hostPath);
  if (kind !== "file" && kind !== "directory") return refuseKind(mount, kind, context.field);
  const guestPath = guestCopyPath(context.containerId, mount.destination);
  return { mount: { ...withoutHostOptions(mount), type: "bind", source: guestPath }, copy: { hostPath, guestPath } };
}

function isBind(mount: Mount): boolean {
  return mount.type === "bind" || (mount.options ?? []).some((option) => option === "bind" || option === "rbind");
}

/** Sources below /proc and /sys, and device nodes, are the guest's own. */
function comesFromHost(mount: Mount): boolean {
  if (!isBind(mount) || mount.destination === "/dev/shm") return false;
  return !/^\/(proc|sys)(\/|$)/.test(mount.source ?? "");
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

/** SELinux contexts name labels of the host; `rro` is for the host's own mount call. */
function withoutHostOptions(mount: Mount): Mount {
  if (mount.options === undefined) return mount;
  return {
    ...mount,
    options: mount.options.filter((option) => !/^(context|fscontext|defcontext|rootcontext)=/.test(option)),
  };
}

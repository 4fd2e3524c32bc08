// containerd's rootfs mounts (shim-contract §4.1) -> the trees and files a container's root is made
// of. Pure. Nothing is mounted on the host: the guest gets images and stacks them itself.
import { InvalidRequest, Unsupported } from "../lib/errors.ts";

/** containerd.types.Mount, as it comes in CreateTaskRequest.rootfs. */
export interface RootfsMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

export type RootfsSource =
  /** the request names no root: the OCI spec's own path holds it */
  | { readonly kind: "none" }
  /** `lower` topmost first; `upper` is what lies above them already, usually an empty directory */
  | ({ readonly kind: "overlay"; readonly lower: readonly string[]; readonly upper: string | undefined } & IdMapped)
  /** one tree that others may still change */
  | ({ readonly kind: "directory"; readonly path: string } & IdMapped)
  /** one committed tree, or one EROFS file */
  | ({ readonly kind: "committed"; readonly path: string } & IdMapped)
  /** a file system of its own, in a file or block device */
  | { readonly kind: "block"; readonly path: string; readonly fsType: string; readonly isReadonly: boolean };

interface IdMapped {
  /** owners of the committed layers are to be seen through the container's user namespace */
  readonly isIdMapped: boolean;
}

const blockTypes = ["ext4", "xfs", "btrfs", "ext3", "ext2"];
/** A committed overlayfs snapshot never changes again; a writable one is its container's upper directory. */
const overlaySnapshot = /\/io\.containerd\.snapshotter\.v1\.overlayfs\/snapshots\/[0-9]+\/fs$/;

export function parseRootfsMounts(mounts: readonly RootfsMount[]): RootfsSource {
  const [mount, ...more] = mounts;
  if (mount === undefined) return { kind: "none" };
  if (more.length > 0) {
    const types = mounts.map((one) => one.type).join(", ");
    throw new Unsupported(`a root of ${mounts.length} mounts (${types})`, "one overlay, bind, erofs or block mount is");
  }
  const { type, options } = mount;
  const isReadonly = options.includes("ro");
  const isIdMapped = asksForMapping(options);
  if (type === "overlay") return parseOverlay(options);
  const path = requirePath("rootfs[0].source", mount.source);
  if (type === "bind" || options.includes("bind") || options.includes("rbind")) {
    return { kind: isReadonly && overlaySnapshot.test(path) ? "committed" : "directory", path, isIdMapped };
  }
  if (type === "erofs") {
    if (options.some((option) => option.startsWith("device="))) {
      throw new Unsupported("an erofs root with further devices", "one file a layer is");
    }
    return { kind: "committed", path, isIdMapped };
  }
  if (blockTypes.includes(type)) return { kind: "block", path, fsType: type, isReadonly };
  throw new Unsupported(`a root of type ${JSON.stringify(type)}`, "overlay, bind, erofs and block file systems are");
}

function parseOverlay(options: readonly string[]): RootfsSource {
  const values = (key: string) =>
    options.filter((option) => option.startsWith(`${key}=`)).map((option) => option.slice(key.length + 1));
  const lower = [...values("lowerdir"), ...values("lowerdir+")].flatMap(splitPaths);
  if (lower.length === 0) throw new InvalidRequest("rootfs[0].options", "an overlay needs lowerdir");
  for (const path of lower) requirePath("rootfs[0].options.lowerdir", path);
  const upper = values("upperdir").map((path) => requirePath("rootfs[0].options.upperdir", decodeEscapes(path)));
  return { kind: "overlay", lower, upper: upper[0], isIdMapped: asksForMapping(options) };
}

/** containerd's snapshotters mark a root whose layers keep the image's owners with both options, in one mapping. */
function asksForMapping(options: readonly string[]): boolean {
  return options.some((option) => /^[ug]idmap=/.test(option));
}

/** Colons separate; a backslash takes the next character as it is (overlayfs.rst). */
function splitPaths(value: string): readonly string[] {
  return (value.match(/(?:\\.|[^:\\])+/g) ?? []).map(decodeEscapes);
}

function decodeEscapes(path: string): string {
  return path.replace(/\\(.)/g, "$1");
}

function requirePath(field: string, path: string): string {
  if (!path.startsWith("/") || path.includes("\0")) throw new InvalidRequest(field, "must be an absolute path");
  return path;
}

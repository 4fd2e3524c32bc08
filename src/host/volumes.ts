// The host side of a volume: what stands at its path, and when the kubelet
// replaced its content. The kubelet swaps the link `..data` to a new directory, all at once.
import { type FSWatcher, type Stats, watch } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { errnoOf, errorText, HostCallFailed } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { type MountEntry, mountAt, mountOf, mountsBelow } from "./mountinfo.ts";
import { readMounts } from "./mounts.ts";
import { runRoot } from "./run-dir.ts";
import { type DirectVolumeRecord, readDirectVolume } from "./volume-disk.ts";

export interface VolumeSource {
  readonly kind: "file" | "directory" | "socket" | "fifo" | "device" | "missing";
  readonly mode: number;
  readonly emptyDir?: EmptyDir;
  readonly directVolume?: DirectVolumeRecord;
  readonly submounts: readonly { readonly path: string; readonly isReadonly: boolean }[];
}

/** The kubelet's directory of an emptyDir volume, and which part of it a path shows ("" for all). */
interface EmptyDir {
  readonly path: string;
  readonly subPath: string;
  readonly isTmpfs: boolean;
  readonly gid: number;
}

// linux/magic.h
const tmpfsMagic = 0x01021994;
const settleMs = 100;

export async function probeVolumeSources(paths: readonly string[]): Promise<ReadonlyMap<string, VolumeSource>> {
  if (paths.length === 0) return new Map();
  const mounts = await readMounts();
  return new Map(await Promise.all(paths.map(async (path) => [path, await probe(path, mounts)] as const)));
}

/** Follows links: what counts is what the container would see. */
async function probe(path: string, mounts: readonly MountEntry[]): Promise<VolumeSource> {
  try {
    const found = await stat(path);
    const kind = kindOf(found);
    const isDirectory = kind === "directory";
    const emptyDir = isDirectory ? await probeEmptyDir(path, mounts) : undefined;
    const directVolume = isDirectory ? await readDirectVolume(path) : undefined;
    return {
      kind,
      mode: found.mode & 0o7777,
      submounts: isDirectory ? submountsOf(path, mounts) : [],
      ...(emptyDir === undefined ? {} : { emptyDir }),
      ...(directVolume === undefined ? {} : { directVolume }),
    };
  } catch (error) {
    const errno = errnoOf(error) ?? errorText(error);
    if (errno !== "ENOENT" && errno !== "ENOTDIR") throw new HostCallFailed(`look at ${path}`, errno, { cause: error });
    return { kind: "missing", mode: 0, submounts: [] };
  }
}

function kindOf(found: Stats): VolumeSource["kind"] {
  if (found.isFile()) return "file";
  if (found.isDirectory()) return "directory";
  if (found.isSocket()) return "socket";
  return found.isFIFO() ? "fifo" : "device";
}

async function probeEmptyDir(path: string, mounts: readonly MountEntry[]): Promise<EmptyDir | undefined> {
  const part = emptyDirOf(path, mounts);
  if (part === undefined) return undefined;
  const [volume, parent, { type }] = await Promise.all([stat(part.path), stat(dirname(part.path)), statfs(part.path)]);
  // Medium Memory is a tmpfs of its own: a kubelet whose whole directory lies on a tmpfs has plain ones there.
  return { ...part, gid: volume.gid, isTmpfs: type === tmpfsMagic && volume.dev !== parent.dev };
}

/**
 * The kubelet gives an emptyDir by its own directory, and a subPath of one by a bind mount at
 * `<pod>/volume-subpaths/<volume>/<container>/<index>`: only the kernel's list of mounts says which part it shows.
 */
export function emptyDirOf(
  path: string,
  mounts: readonly MountEntry[],
): { readonly path: string; readonly subPath: string } | undefined {
  if (/\/volumes\/kubernetes\.io~empty-dir\/[^/]+$/.test(path)) return { path, subPath: "" };
  const [, pod, volume] = /^(.*)\/volume-subpaths\/([^/]+)\/[^/]+\/\d+$/.exec(path) ?? [];
  const shown = mountAt(mounts, path);
  if (pod === undefined || volume === undefined || shown === undefined) return undefined;
  const whole = `${pod}/volumes/kubernetes.io~empty-dir/${volume}`;
  const holder = mountOf(mounts, whole);
  if (holder?.device !== shown.device) return undefined;
  const subPath = relative(join(holder.root, relative(holder.mountPoint, whole)), shown.root);
  return subPath === ".." || subPath.startsWith("../") ? undefined : { path: whole, subPath };
}

/** What the kernel makes up, and the shares of other pods, are no content of a volume. */
const madeUp =
  /^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl|hugetlbfs|mqueue|nsfs|proc|pstore|rpc_pipefs|securityfs|selinuxfs|sysfs|tracefs)$/;

/** Outer ones first; the newest of several at one place. */
function submountsOf(path: string, mounts: readonly MountEntry[]): VolumeSource["submounts"] {
  const below = mountsBelow(mounts, path).filter(
    ({ mountPoint, fsType }) => mountPoint !== path && !madeUp.test(fsType) && !mountPoint.startsWith(`${runRoot}/`),
  );
  const newest = new Map(below.toReversed().map((entry) => [entry.mountPoint, entry]));
  return [...newest.values()]
    .toSorted((one, other) => one.mountPoint.length - other.mountPoint.length)
    .map((entry) => ({
      path: relative(path, entry.mountPoint),
      isReadonly: entry.options.includes("ro"),
    }));
}

/** Calls `onChange` a moment after each swap of `..data`; one call at a time, none lost. */
export function followVolume(path: string, options: { onChange: () => Promise<void>; logger: Logger }): Disposable {
  const { onChange, logger } = options;
  const state = { timer: undefined as NodeJS.Timeout | undefined, running: false, again: false };
  const run = async (): Promise<void> => {
    if (state.running) {
      state.again = true;
      return;
    }
    state.running = true;
    try {
      await onChange();
    } catch (error) {
      logger.warn("a volume's update did not reach the guest", { path, error: errorText(error) });
    }
    state.running = false;
    if (state.again) {
      state.again = false;
      await run();
    }
  };
  const watcher = watchDirectory(path, logger, (name) => {
    if (name !== "..data") return;
    clearTimeout(state.timer);
    state.timer = setTimeout(() => void run(), settleMs);
  });
  return {
    [Symbol.dispose]: () => {
      clearTimeout(state.timer);
      watcher?.close();
    },
  };
}

function watchDirectory(path: string, logger: Logger, onName: (name: string) => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, { persistent: false }, (_event, name) => onName(String(name)));
    watcher.on("error", (error) => logger.debug("a volume is no longer watched", { path, error: errorText(error) }));
    return watcher;
  } catch (error) {
    // inotify's limit is the host's: the volume is there, but stays as it is
    logger.warn("a volume's updates will not reach the guest", { path, error: errorText(error) });
    return undefined;
  }
}

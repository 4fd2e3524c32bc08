// The host side of a volume that a guest gets by copy: what stands at its path, and when the kubelet
// replaced its content. The kubelet swaps the link `..data` to a new directory, all at once.
import { type FSWatcher, watch } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { errnoOf, errorText, HostCallFailed } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { type MountEntry, mountsBelow } from "./mountinfo.ts";
import { readMounts } from "./mounts.ts";

export interface VolumeSource {
  readonly kind: "file" | "directory" | "socket" | "fifo" | "device" | "missing";
  readonly isTmpfs: boolean;
  readonly gid: number;
  readonly submounts: readonly { readonly path: string; readonly isReadonly: boolean }[];
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
    const kind = found.isFile()
      ? "file"
      : found.isDirectory()
        ? "directory"
        : found.isSocket()
          ? "socket"
          : found.isFIFO()
            ? "fifo"
            : "device";
    const isTmpfs = kind === "directory" && (await statfs(path)).type === tmpfsMagic;
    return { kind, isTmpfs, gid: found.gid, submounts: kind === "directory" ? submountsOf(path, mounts) : [] };
  } catch (error) {
    const errno = errnoOf(error) ?? errorText(error);
    if (errno !== "ENOENT" && errno !== "ENOTDIR") throw new HostCallFailed(`look at ${path}`, errno, { cause: error });
    return { kind: "missing", isTmpfs: false, gid: 0, submounts: [] };
  }
}

/** Outer ones first; the newest of several at one place. */
function submountsOf(path: string, mounts: readonly MountEntry[]): VolumeSource["submounts"] {
  const below = mountsBelow(mounts, path).filter((entry) => entry.mountPoint !== path);
  const newest = new Map(below.toReversed().map((entry) => [entry.mountPoint, entry]));
  return [...newest.values()]
    .toSorted((one, other) => one.mountPoint.length - other.mountPoint.length)
    .map((entry) => ({
      path: entry.mountPoint.slice(path.length + 1),
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

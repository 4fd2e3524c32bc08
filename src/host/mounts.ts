// Mounts and unmounts with util-linux. A busy mount is detached lazily: containerd's Delete waits
// ten seconds for us, and what still holds the mount is usually about to die.
import { mkdir, readFile } from "node:fs/promises";
import { errnoOf, HostCallFailed, HostCommandFailed } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import { runCommand } from "./exec.ts";
import { type MountEntry, mountAt, mountsBelow, parseMountinfo } from "./mountinfo.ts";

export interface MountRequest {
  readonly fsType: string;
  readonly source: string;
  readonly path: string;
  readonly options: readonly string[];
}

export async function readMounts(): Promise<readonly MountEntry[]> {
  try {
    return parseMountinfo(await readFile("/proc/self/mountinfo", "utf8"));
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause;
    throw new HostCallFailed("read /proc/self/mountinfo", errnoOf(cause) ?? "EUNKNOWN", { cause });
  }
}

/** Mounts at `path`, which is made when missing. */
export async function mount(request: MountRequest, ownership: Ownership): Promise<void> {
  const { fsType, source, path, options } = request;
  await ownership.claim({ kind: "mount", path });
  await mkdir(path, { recursive: true });
  const chosen = options.length > 0 ? ["-o", options.join(",")] : [];
  // `-n`: no mtab; `-i`: no mount.TYPE helper program runs on a name that came from outside.
  await runCommand("mount", ["-n", "-i", "-t", fsType, ...chosen, "--", source, path]);
}

/** Takes away everything mounted at `path` and below; nothing there is fine. */
export async function detachMount(path: string): Promise<void> {
  const found = mountsBelow(await readMounts(), path);
  if (found.length === 0) return;
  for (const entry of found) await detachOne(entry.mountPoint);
  const left = mountAt(await readMounts(), path);
  if (left !== undefined) throw new HostCallFailed(`unmount ${path}`, "EBUSY");
}

/** Before a tree is removed that may hold mounts of what is not ours. */
export async function requireNoMounts(path: string): Promise<void> {
  const [first] = mountsBelow(await readMounts(), path);
  if (first !== undefined) throw new HostCallFailed(`remove ${path}: ${first.mountPoint} is mounted`, "EBUSY");
}

async function detachOne(path: string): Promise<void> {
  try {
    await runCommand("umount", ["-n", "-i", "-l", "--no-canonicalize", "--", path]);
  } catch (error) {
    // Someone else may have unmounted it since we looked; then all is well.
    const gone = error instanceof HostCommandFailed && mountAt(await readMounts(), path) === undefined;
    if (!gone) throw error;
  }
}

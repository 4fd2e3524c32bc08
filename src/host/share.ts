// The directory that virtiofsd shares with a guest, and the host files that appear in it: each one a bind
// mount that no later mount of the host reaches, read-only here where the guest may not write. The shared
// directory is a mount of its own, private, so that nothing of this spreads to other mount namespaces, and
// read-only: a guest that could put a link at a mount point would choose where on the host the mount lands.
// The mount points are made behind it, in a directory in which nothing is ever mounted.
import { mkdir, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, errorText, HostCallFailed } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import { bindMount } from "./bind-mount.ts";
import { detachMount } from "./mounts.ts";

export interface SharedPath {
  readonly hostPath: string;
  /** its name in the shared directory */
  readonly name: string;
  readonly readonly: boolean;
}

/** Before virtiofsd starts. */
export async function openShare(dir: string, ownership: Ownership): Promise<void> {
  await ownership.claim({ kind: "mount", path: dir });
  for (const path of [pointsOf(dir), dir]) await mkdir(path, { recursive: true, mode: 0o700 });
  await bindMount({ source: pointsOf(dir), target: dir, readonly: true });
}

function pointsOf(dir: string): string {
  return `${dir}-points`;
}

/** Without what is mounted below `hostPath`: its mount points there would be busy as long as the guest runs. */
export async function addToShare(dir: string, shared: SharedPath, ownership: Ownership): Promise<void> {
  const { hostPath, name, readonly } = shared;
  const path = join(dir, name);
  await ownership.claim({ kind: "mount", path });
  await makeMountPoint(hostPath, join(pointsOf(dir), name));
  await bindMount({ source: hostPath, target: path, readonly });
}

async function makeMountPoint(hostPath: string, path: string): Promise<void> {
  try {
    if ((await stat(hostPath)).isDirectory()) await mkdir(path);
    else await writeFile(path, "", { flag: "wx" });
  } catch (error) {
    throw new HostCallFailed(`share ${hostPath}`, errnoOf(error) ?? errorText(error), { cause: error });
  }
}

/** What is not there is fine; never removes more than an empty directory or the file it was mounted on. */
export async function removeFromShare(dir: string, name: string, ownership: Ownership): Promise<void> {
  const path = join(dir, name);
  await detachMount(path);
  await removeMountPoint(join(pointsOf(dir), name));
  await ownership.release({ kind: "mount", path });
}

async function removeMountPoint(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return;
    if (errno !== "ENOTDIR") throw new HostCallFailed(`remove ${path}`, errno ?? "EUNKNOWN", { cause: error });
    await unlink(path);
  }
}

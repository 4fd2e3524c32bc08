// The directory that virtiofsd shares with a guest, and the host files that appear in it: each one a bind
// mount that no later mount of the host reaches, read-only here where the guest may not write. The shared
// directory is a mount of its own, private, so that nothing of this spreads to other mount namespaces.
import { mkdir, rmdir, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, HostCallFailed } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import { runCommand } from "./exec.ts";
import { mountsBelow } from "./mountinfo.ts";
import { detachMount, readMounts } from "./mounts.ts";

export interface SharedPath {
  readonly hostPath: string;
  /** its name in the shared directory */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly readonly: "nothing" | "itself" | "everything";
}

/** Before virtiofsd starts. */
export async function openShare(dir: string, ownership: Ownership): Promise<void> {
  await ownership.claim({ kind: "mount", path: dir });
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await runCommand("mount", ["-n", "-i", "--bind", "--make-private", "--", dir, dir]);
}

/** `hostPath` appears with all that is mounted below it now. */
export async function addToShare(dir: string, shared: SharedPath, ownership: Ownership): Promise<void> {
  const path = join(dir, shared.name);
  await ownership.claim({ kind: "mount", path });
  if (shared.isDirectory) await mkdir(path);
  else await writeFile(path, "", { flag: "wx" });
  await runCommand("mount", ["-n", "-i", "--rbind", "--make-rprivate", "--", shared.hostPath, path]);
  if (shared.readonly === "nothing") return;
  const found = mountsBelow(await readMounts(), path);
  for (const { mountPoint, options } of found) {
    if (shared.readonly === "itself" && mountPoint !== path) continue;
    // a remount sets all flags of a mount: those it has are said again
    const kept = options.filter((option) => option !== "rw" && option !== "ro");
    await runCommand("mount", ["-n", "-i", "-o", ["remount", "bind", "ro", ...kept].join(","), "--", mountPoint]);
  }
}

/** What is not there is fine; never removes more than an empty directory or the file it was mounted on. */
export async function removeFromShare(dir: string, name: string, ownership: Ownership): Promise<void> {
  const path = join(dir, name);
  await detachMount(path);
  await removeMountPoint(path);
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

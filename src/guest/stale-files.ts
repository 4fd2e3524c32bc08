// What the host's next version of a volume leaves behind. The kubelet writes each version of a config map or secret
// into a directory of its own, swaps the link `..data`, and removes the old directory and the links to what is gone.
// CopyFile has no removal: the swap stands for it, or keys that were taken back would stay readable, and each
// version would fill the guest's memory.
import { closeSync, constants, existsSync, openSync, readdirSync, readlinkSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
/** the link of the kubelet's atomic writer */
export const VERSION_LINK = "..data";

/** Once `..data` in `directory` leads to `version`; what a container keeps in use stays until the next time. */
export function removeOldVersions(directory: string, version: string): void {
  if (!/^\.\.[^/]+$/.test(version) || !existsSync(join(directory, version))) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const isOld = entry.isDirectory() && entry.name.startsWith("..") && entry.name !== version;
    try {
      if (isOld || (entry.isSymbolicLink() && isDangling(path))) remove(path, isOld);
    } catch {
      // a mount of a container's on it, or a file that it puts back
    }
  }
}

function isDangling(link: string): boolean {
  return readlinkSync(link).startsWith(`${VERSION_LINK}/`) && !existsSync(link);
}

/** By open directories: a container that can write here may swap one for a link, and that must not lead us out. */
function remove(path: string, isDirectory: boolean): void {
  if (!isDirectory) {
    unlinkSync(path);
    return;
  }
  const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const held = `/proc/self/fd/${fd}`;
    for (const entry of readdirSync(held, { withFileTypes: true })) remove(join(held, entry.name), entry.isDirectory());
  } finally {
    closeSync(fd);
  }
  rmdirSync(path);
}

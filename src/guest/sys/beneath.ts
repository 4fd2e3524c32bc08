// A place below a directory, walked one component at a time through open directories and without following a
// link: containers write the volumes that lie on the way, and may put a link there between a check and a use.
// What was opened is what is used, by the name that the kernel has for the descriptor.
import { closeSync, constants, fstatSync, mkdirSync, openSync, type Stats } from "node:fs";
import { errnoOf, InvalidRequest } from "../../lib/errors.ts";
import { detach, isMountPoint } from "./mounts.ts";

// <asm-generic/fcntl.h>; Node has no name for it
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW } = constants;

export class OpenedPath implements Disposable {
  readonly #fd: number;

  constructor(path: string, flags: number) {
    this.#fd = openSync(path, O_PATH | flags);
  }

  /** Means what was opened, however it is named by now; for this process, until disposed of. */
  get path(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  stat(): Stats {
    return fstatSync(this.#fd);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

export interface Walk {
  /** what the request calls this path */
  readonly field: string;
  /** makes directories that are missing; may be called for one that is there */
  readonly make?: (path: string) => void;
}

/**
 * Opens `path`, which is `root` or below it: a directory, or where none is to be made any file but a link. No link is
 * followed on the way to `root` either: the host may have mounted a disk above it.
 */
export function openBeneath(root: string, path: string, walk: Walk): OpenedPath {
  const { field, make } = walk;
  const names = namesBelow(root, path, walk);
  let at = new OpenedPath("/", O_DIRECTORY);
  for (const name of root.split("/").filter(Boolean)) {
    using parent = at;
    at = openChild(parent, name, { field, mayBeFile: false });
  }
  for (const [index, name] of names.entries()) {
    using parent = at;
    const mayBeFile = index === names.length - 1 && make === undefined;
    at = openChild(parent, name, { ...walk, mayBeFile });
  }
  return at;
}

/** For directories of nobody in particular. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}

/** As `unmount`, where the way to the mount point leads through what containers write. */
export function unmountBeneath(root: string, mountPoint: string): void {
  if (!isMountPoint(mountPoint)) return;
  using at = openBeneath(root, mountPoint, { field: "storages.mount_point" });
  detach(at.path);
}

function namesBelow(root: string, path: string, { field }: Walk): string[] {
  const prefix = root.endsWith("/") ? root : `${root}/`;
  const names = `${path}/`.startsWith(prefix) ? path.slice(prefix.length).split("/").filter(Boolean) : [".."];
  if (names.includes("..") || path.includes("\0")) {
    throw new InvalidRequest(field, `${JSON.stringify(path)} is not below ${root}`);
  }
  return names;
}

function openChild(parent: OpenedPath, name: string, walk: Walk & { mayBeFile: boolean }): OpenedPath {
  const path = `${parent.path}/${name}`;
  try {
    walk.make?.(path);
    // a directory is asked for by name, since nothing else makes the kernel mount what is announced there
    return new OpenedPath(path, O_DIRECTORY | O_NOFOLLOW);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno !== "ENOTDIR" && errno !== "ELOOP") {
      throw new InvalidRequest(walk.field, `${JSON.stringify(name)}: ${errno ?? "unreadable"}`, { cause });
    }
  }
  const found = new OpenedPath(path, O_NOFOLLOW);
  if (walk.mayBeFile && !found.stat().isSymbolicLink() && !found.stat().isDirectory()) return found;
  using _ = found;
  const what = found.stat().isSymbolicLink() ? "a link" : "not a directory";
  throw new InvalidRequest(walk.field, `${JSON.stringify(name)} is ${what}`);
}

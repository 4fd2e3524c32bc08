// A bind mount that is as it shall be from its first moment: made aside (open_tree(2)), set (mount_setattr(2)) and
// then moved to its place (move_mount(2)). By mount(8) of Debian 12 a read-only one can be written for a while.
import { closeSync } from "node:fs";
import { checked, loadLibc } from "./libc.ts";

export interface BindMount {
  readonly source: string;
  /** is not followed if it is a link */
  readonly target: string;
  readonly readonly: boolean;
}

// <linux/mount.h>, <linux/fcntl.h>, asm-generic/unistd.h
const sys = { openTree: 428, moveMount: 429, mountSetattr: 442 };
const openTreeClone = 1;
const openTreeCloexec = 0o2000000;
const mountAttrRdonly = 1n;
const moveMountFromEmptyPath = 4;
const atEmptyPath = 0x1000;
const atCurrent = -100;
const msPrivate = 1n << 18n;
const mountAttrSize = 32;

/** Without what is mounted below `source`, and apart from all later mounts there. */
export async function bindMount({ source, target, readonly }: BindMount): Promise<void> {
  const libc = await loadLibc();
  const what = `bind ${source} to ${target}`;
  const clone = openTreeClone | openTreeCloexec;
  const tree = checked(libc, what, Number(libc.syscallPath(sys.openTree, atCurrent, source, clone)));
  try {
    const attributes = Buffer.alloc(mountAttrSize);
    attributes.writeBigUInt64LE(readonly ? mountAttrRdonly : 0n, 0);
    attributes.writeBigUInt64LE(msPrivate, 16);
    const set = libc.syscallBytes(sys.mountSetattr, tree, "", atEmptyPath, attributes, mountAttrSize);
    checked(libc, what, Number(set));
    const moved = libc.syscallPaths(sys.moveMount, tree, "", atCurrent, target, moveMountFromEmptyPath);
    checked(libc, what, Number(moved));
  } finally {
    closeSync(tree);
  }
}

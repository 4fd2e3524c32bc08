// mount(2) and umount2(2) without a helper process: under emulation a spawn costs 50 ms or more.
import { closeSync, openSync, readFileSync } from "node:fs";
import { systemCall } from "./libc.ts";

/** Mount flags of <linux/mount.h>. */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  DIRSYNC: 128,
  NOSYMFOLLOW: 256,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  REC: 16384,
  PRIVATE: 1 << 18,
  RELATIME: 1 << 21,
  STRICTATIME: 1 << 24,
  LAZYTIME: 1 << 25,
} as const;

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

export interface MountRequest {
  readonly source: string;
  readonly target: string;
  readonly fstype: string;
  readonly flags: number;
  /** comma separated, as the file system wants them */
  readonly data: string;
}

export function mount(request: MountRequest): void {
  const { source, target, fstype, flags, data } = request;
  // mount(2) itself takes no notice of what else a bind mount shall be
  if ((flags & MS.BIND) !== 0 && attributesOf(flags) !== 0n) {
    bindAs(request);
    return;
  }
  const what = `mount ${fstype === "" ? "" : `${fstype} `}${source} on ${target}`;
  systemCall("mount", what, [source, target, fstype || null, flags, data || null]);
}

// <linux/mount.h>, <linux/fcntl.h>
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOUNT_ATTR_IDMAP = 0x00100000n;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const AT_EMPTY_PATH = 0x1000;
const AT_FDCWD = -100;
const AT_RECURSIVE = 0x8000;
const MOVE_MOUNT_T_SYMLINKS = 0x10;
const MOUNT_ATTR_SIZE = 32;
const attributes: readonly (readonly [flag: number, attribute: bigint])[] = [
  [MS.RDONLY, 0x1n],
  [MS.NOSUID, 0x2n],
  [MS.NODEV, 0x4n],
  [MS.NOEXEC, 0x8n],
  [MS.NODIRATIME, 0x80n],
  [MS.NOSYMFOLLOW, 0x200000n],
];

function attributesOf(flags: number): bigint {
  return attributes.reduce((all, [flag, attribute]) => ((flags & flag) === 0 ? all : all | attribute), 0n);
}

/** Made aside, and as the flags say before anyone can see it. */
function bindAs({ source, target, flags }: MountRequest): void {
  const recursive = (flags & MS.REC) === 0 ? 0 : AT_RECURSIVE;
  const what = `bind ${source} to ${target}`;
  const tree = systemCall("open_tree", what, [AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive]);
  try {
    const wanted = Buffer.alloc(MOUNT_ATTR_SIZE);
    wanted.writeBigUInt64LE(attributesOf(flags), 0);
    systemCall("mount_setattr", what, [tree, "", AT_EMPTY_PATH | recursive, wanted, MOUNT_ATTR_SIZE]);
    const how = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
    systemCall("move_mount", what, [tree, "", AT_FDCWD, target, how]);
  } finally {
    closeSync(tree);
  }
}

/** Covers a mount by itself with its owners as the user namespace maps them (mount_setattr(2)). */
export function mountIdMapped(target: string, userNamespace: string): void {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  const tree = systemCall("open_tree", `open_tree ${target}`, [AT_FDCWD, target, flags]);
  const open = [tree];
  try {
    const user = openSync(userNamespace, "r");
    open.push(user);
    const wanted = Buffer.alloc(MOUNT_ATTR_SIZE);
    wanted.writeBigUInt64LE(MOUNT_ATTR_IDMAP, 0);
    wanted.writeBigUInt64LE(BigInt(user), 24);
    const what = `map the owners of ${target}`;
    systemCall("mount_setattr", what, [tree, "", AT_EMPTY_PATH, wanted, MOUNT_ATTR_SIZE]);
    systemCall("move_mount", `cover ${target}`, [tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH]);
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

/** Detaches, so that a busy mount goes away from the tree at once; an absent one is no error. */
export function unmount(target: string): void {
  if (!isMountPoint(target)) return;
  systemCall("umount2", `unmount ${target}`, [target, MNT_DETACH | UMOUNT_NOFOLLOW]);
}

/** As `unmount`, for a mount that is known to be there; follows a link at `target`, such as a descriptor's. */
export function detach(target: string): void {
  systemCall("umount2", `unmount ${target}`, [target, MNT_DETACH]);
}

export function isMountPoint(path: string): boolean {
  return mountPoints().includes(path);
}

export interface MountEntry {
  readonly point: string;
  readonly fstype: string;
  /** of this mount, not of its file system */
  readonly options: readonly string[];
}

/** In the order they were mounted. */
export function readMounts(): MountEntry[] {
  return parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
}

/** proc_pid_mountinfo(5) */
export function parseMounts(mountinfo: string): MountEntry[] {
  const lines = mountinfo.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [mount = "", fileSystem = ""] = line.split(" - ");
    const [point = "", options = ""] = mount.split(" ").slice(4);
    return {
      point: unescapeOctal(point),
      fstype: fileSystem.split(" ")[0] ?? "",
      options: options.split(","),
    };
  });
}

export function mountPoints(): string[] {
  return readMounts().map(({ point }) => point);
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

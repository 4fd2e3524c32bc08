// mount(2) and umount2(2) without a helper process: under emulation a spawn costs 50 ms or more.
import { readFileSync } from "node:fs";
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
  const what = `mount ${fstype === "" ? "" : `${fstype} `}${source} on ${target}`;
  systemCall("mount", what, [source, target, fstype || null, flags, data || null]);
}

/** Detaches, so that a busy mount goes away from the tree at once; an absent one is no error. */
export function unmount(target: string): void {
  if (!isMountPoint(target)) return;
  systemCall("umount2", `unmount ${target}`, [target, MNT_DETACH | UMOUNT_NOFOLLOW]);
}

export function isMountPoint(path: string): boolean {
  return mountPoints().includes(path);
}

/** Mount points in the order they were mounted. */
export function mountPoints(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path !== "")
    .map(unescapeOctal);
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

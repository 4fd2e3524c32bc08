// fstab words -> mount(2) flags and the data string; words of our own protocol never reach the kernel.
import { MS } from "../sys/mounts.ts";

const setting: Readonly<Record<string, number>> = {
  ro: MS.RDONLY,
  nosuid: MS.NOSUID,
  nodev: MS.NODEV,
  noexec: MS.NOEXEC,
  sync: MS.SYNCHRONOUS,
  remount: MS.REMOUNT,
  dirsync: MS.DIRSYNC,
  nosymfollow: MS.NOSYMFOLLOW,
  noatime: MS.NOATIME,
  nodiratime: MS.NODIRATIME,
  bind: MS.BIND,
  rbind: MS.BIND | MS.REC,
  relatime: MS.RELATIME,
  strictatime: MS.STRICTATIME,
  lazytime: MS.LAZYTIME,
};
const clearing: Readonly<Record<string, number>> = {
  rw: MS.RDONLY,
  suid: MS.NOSUID,
  dev: MS.NODEV,
  exec: MS.NOEXEC,
  async: MS.SYNCHRONOUS,
  atime: MS.NOATIME,
  diratime: MS.NODIRATIME,
  norelatime: MS.RELATIME,
  nostrictatime: MS.STRICTATIME,
  nolazytime: MS.LAZYTIME,
};

export interface MountOptions {
  readonly flags: number;
  readonly data: string;
}

/** Later words win, as mount(8) does it. */
export function parseMountOptions(words: readonly string[]): MountOptions {
  const data: string[] = [];
  let flags = 0;
  for (const word of words) {
    if (Object.hasOwn(setting, word)) flags |= setting[word] ?? 0;
    else if (Object.hasOwn(clearing, word)) flags &= ~(clearing[word] ?? 0);
    else if (word !== "" && word !== "defaults" && !isPrivate(word)) data.push(word);
  }
  return { flags, data: data.join(",") };
}

function isPrivate(word: string): boolean {
  return word.startsWith("X-kata.") || word.startsWith("io.katacontainers.");
}

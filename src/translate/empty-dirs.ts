// An emptyDir is empty when the pod starts and only the pod's: it is made inside the guest, and what the host
// may hold of it is encrypted. Containers that name the same volume get the same storage; the agent counts its users.
import { basename, join } from "node:path";
import { guestBase, guestShareDir } from "./guest-paths.ts";
import type { GuestStorage } from "./storages.ts";
import { type DiskAddress, encryptedDisk } from "./volume-disks.ts";

/** The kubelet's directory of an emptyDir volume, and what a mount of it shows. */
export interface EmptyDirFacts {
  /** the volume's own directory */
  readonly path: string;
  /** relative to it; "" is the whole volume */
  readonly subPath: string;
  /** medium Memory */
  readonly isTmpfs: boolean;
  /** of the volume's directory */
  readonly gid: number;
}

/** The volume, then its part if a part is mounted: the last one is what the container gets. */
export function translateEmptyDir(
  volume: EmptyDirFacts,
  context: { podId: string; mode: number; disk: DiskAddress | undefined },
): readonly GuestStorage[] {
  const { podId, disk } = context;
  const plain = () => (disk === undefined ? inGuestStorage(volume, podId) : encryptedDisk(disk, volume.gid));
  const whole = volume.isTmpfs ? inMemory(volume) : plain();
  if (volume.subPath === "") return [whole];
  return [whole, directory(join(whole.mount_point, volume.subPath), [`mode=${context.mode.toString(8)}`])];
}

function inMemory(volume: EmptyDirFacts): GuestStorage {
  return {
    driver: "ephemeral",
    driver_options: [],
    source: "tmpfs",
    fstype: "tmpfs",
    options: groupOption(volume),
    mount_point: `${guestBase}/sandbox/ephemeral/${basename(volume.path)}`,
    shared: true,
  };
}

function inGuestStorage(volume: EmptyDirFacts, podId: string): GuestStorage {
  const path = `${guestShareDir}/${podId}/rootfs/local/${basename(volume.path)}`;
  return directory(path, ["mode=0777", ...groupOption(volume)]);
}

function directory(path: string, options: readonly string[]): GuestStorage {
  return {
    driver: "local",
    driver_options: [],
    source: "local",
    fstype: "local",
    options,
    mount_point: path,
    shared: true,
  };
}

function groupOption({ gid }: EmptyDirFacts): readonly string[] {
  return gid === 0 ? [] : [`fsgid=${gid}`];
}

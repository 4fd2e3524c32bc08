// Volumes that reach the guest as disks of their own: an emptyDir kept on the host's disk but encrypted with
// a key that only the guest has, and a direct volume, whose file system the guest mounts by itself.
import { guestBase } from "./guest-paths.ts";
import type { GuestStorage } from "./storages.ts";

/** A host file or block device to plug, once for the pod. */
export interface VolumeDisk {
  /** the volume's path on the host, by which containers of the pod name the same one */
  readonly volume: string;
  readonly path: string;
  readonly readonly: boolean;
  /** not a file */
  readonly isDevice?: boolean;
  /** the file is made: sparse, empty, gone with the pod */
  readonly newBytes?: number;
}

/** As the agent protocol names a disk: Storage.driver and Storage.source. */
export interface DiskAddress {
  readonly driver: "scsi" | "blk";
  readonly source: string;
}

/** What a direct volume's record says (agent-protocol §4.6, mountInfo.json). */
export interface DirectVolume {
  /** a block device or a file that holds a file system */
  readonly device: string;
  readonly isDevice: boolean;
  readonly fsType: string;
  readonly options: readonly string[];
  readonly fsGroup?: { readonly id: number; readonly onlyOnMismatch: boolean };
}

/** In the volume's own directory, where the kubelet counts its size. */
const emptyDirDisk = "disk.img";

export function emptyDirDiskOf(volume: string, newBytes: number): VolumeDisk {
  return { volume, path: `${volume}/${emptyDirDisk}`, readonly: false, newBytes };
}

export function directVolumeDisk(hostPath: string, { device, isDevice, options }: DirectVolume): VolumeDisk {
  return { volume: hostPath, path: device, isDevice, readonly: options.includes("ro") };
}

/** Key and file system are made in the guest (agent-protocol §4.4, Block driver_options). */
export function encryptedDisk(address: DiskAddress, gid: number): GuestStorage {
  return {
    ...onDisk(address),
    driver_options: ["encryption_key=ephemeral", "create_filesystem"],
    fstype: "ext4",
    options: ["discard"],
    ...(gid === 0 ? {} : { fs_group: { group_id: gid, group_change_policy: always } }),
  };
}

export function mountedDisk(address: DiskAddress, volume: DirectVolume): GuestStorage {
  const { fsType, options, fsGroup } = volume;
  return {
    ...onDisk(address),
    driver_options: [],
    fstype: fsType,
    options,
    ...(fsGroup === undefined
      ? {}
      : { fs_group: { group_id: fsGroup.id, group_change_policy: fsGroup.onlyOnMismatch ? onRootMismatch : always } }),
  };
}

/** FSGroupChangePolicy of the agent's types.proto */
const [always, onRootMismatch] = [0, 1];

function onDisk({ driver, source }: DiskAddress) {
  const name = Buffer.from(source).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
  return { driver, source, mount_point: `${guestBase}/sandbox/storage/${name}`, shared: true };
}

// A container's root file system as the agent protocol's storages: one read-only EROFS disk a
// layer, then one overlay over them (agent-protocol §4.3, "erofs layers"). The writable part is
// made in the guest, so the host never sees it.
import { guestContainerDir, guestLayerMount, guestRootfs } from "./guest-paths.ts";
import type { GuestFeatures } from "./spec.ts";

/** dm-verity parameters of one layer disk; sizes in bytes. */
export interface LayerVerity {
  /** lower-case hex */
  readonly rootHash: string;
  /** lower-case hex, may be empty */
  readonly salt: string;
  readonly hashOffsetBytes: number;
  readonly blockBytes: number;
}

export interface GuestLayer {
  readonly driver: "scsi" | "blk";
  readonly source: string;
  readonly verity: LayerVerity;
}

/** Field names are those of agent.proto's Storage. */
export interface GuestStorage {
  readonly driver: string;
  readonly driver_options: readonly string[];
  readonly source: string;
  readonly fstype: string;
  readonly options: readonly string[];
  readonly mount_point: string;
  readonly shared?: boolean;
}

const createDirectory = "io.katacontainers.volume.overlayfs.create_directory";

/** `layers` from the topmost to the lowest, as in overlay's lowerdir. */
export function translateRootfs(
  containerId: string,
  layers: readonly GuestLayer[],
  guest: GuestFeatures,
): readonly GuestStorage[] {
  const disks = layers.map((layer) => layerStorage(layer, guest));
  const upper = `${guestContainerDir(containerId)}/upper`;
  const work = `${guestContainerDir(containerId)}/work`;
  const overlay: GuestStorage = {
    driver: "overlayfs",
    driver_options: [`${createDirectory}=${upper}`, `${createDirectory}=${work}`],
    source: "overlay",
    fstype: "overlay",
    options: [`lowerdir=${disks.map((disk) => disk.mount_point).join(":")}`, `upperdir=${upper}`, `workdir=${work}`],
    mount_point: guestRootfs(containerId),
  };
  return [...disks, overlay];
}

function layerStorage(layer: GuestLayer, guest: GuestFeatures): GuestStorage {
  return {
    driver: layer.driver,
    driver_options: [],
    source: layer.source,
    fstype: "erofs",
    options: ["ro", ...(guest.verityLayers ? verityOptions(layer.verity) : [])],
    mount_point: guestLayerMount(layer.source),
    // one image's layers serve several containers; the agent counts the users of a mount point
    shared: false,
  };
}

function verityOptions(verity: LayerVerity): readonly string[] {
  return [
    "X-kata.dmverity-enabled=true",
    `X-kata.dmverity.roothash=${verity.rootHash}`,
    `X-kata.dmverity.hashoffset=${verity.hashOffsetBytes}`,
    `X-kata.dmverity.blocksize=${verity.blockBytes}`,
    `X-kata.dmverity.hashsize=${verity.blockBytes}`,
    "X-kata.dmverity.algorithm=sha256",
    `X-kata.dmverity.salt=${verity.salt === "" ? "-" : verity.salt}`,
    "X-kata.dmverity.hashtype=1",
  ];
}

/** Storages of CreateSandbox: the shared memory of the pod, in the one form that CoCo policies accept. */
export const sandboxStorages: readonly GuestStorage[] = [
  {
    driver: "ephemeral",
    driver_options: [],
    source: "shm",
    fstype: "tmpfs",
    options: ["noexec", "nosuid", "nodev", "mode=1777", "size=67108864"],
    mount_point: "/run/kata-containers/sandbox/shm",
  },
];

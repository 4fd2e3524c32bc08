// A container's root file system as the agent protocol's storages (agent-protocol §4.3): one read-only
// EROFS disk a layer and an overlay over them. The writable part is made in the guest, so the host
// never sees it.
import { guestContainerDir, guestHostShare, guestLayerMount, guestRootfs } from "./guest-paths.ts";
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
  /** the container sees its owners through its user namespace */
  readonly isIdMapped?: boolean;
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
  readonly fs_group?: { readonly group_id: number; readonly group_change_policy: number };
}

const createDirectory = "io.katacontainers.volume.overlayfs.create_directory";

/** `layers` from the topmost to the lowest, as in overlay's lowerdir. */
export function translateRootfs(
  containerId: string,
  layers: readonly GuestLayer[],
  guest: GuestFeatures,
): readonly GuestStorage[] {
  return guest.verityLayers ? verityGroup(containerId, layers) : plainOverlay(containerId, layers);
}

/** The protocol's multi-layer group, each layer behind dm-verity; our agent makes the upper half itself. */
function verityGroup(containerId: string, layers: readonly GuestLayer[]): readonly GuestStorage[] {
  return layers.map((layer) => ({
    driver: layer.driver,
    driver_options: [],
    source: layer.source,
    fstype: "erofs",
    options: [
      ...["ro", "X-kata.multi-layer=true", "X-kata.overlay-lower"],
      ...(layer.isIdMapped === true ? ["X-kata.idmap"] : []),
      ...verityOptions(layer.verity),
    ],
    mount_point: guestRootfs(containerId),
  }));
}

/** What kata-agent 4.1 does without an upper disk: no dm-verity, so only for guests outside a TEE. */
function plainOverlay(containerId: string, layers: readonly GuestLayer[]): readonly GuestStorage[] {
  const disks = layers.map((layer) => ({
    driver: layer.driver,
    driver_options: [],
    source: layer.source,
    fstype: "erofs",
    options: ["ro"],
    mount_point: guestLayerMount(layer.source),
  }));
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

/** The share of a guest that has one, as a storage of CreateSandbox. */
export function hostShareStorage(tag: string): GuestStorage {
  return {
    driver: "virtio-fs",
    driver_options: [],
    source: tag,
    fstype: "virtiofs",
    options: ["nodev"],
    mount_point: guestHostShare,
  };
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

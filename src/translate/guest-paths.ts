// Paths inside the guest that the agent protocol fixes (kata-agent 4.1).
import { createHash } from "node:crypto";
import { basename } from "node:path";

export const guestBase = "/run/kata-containers";
export const guestShareDir = `${guestBase}/shared/containers`;
export const guestSandboxShm = `${guestBase}/sandbox/shm`;

export function guestContainerDir(containerId: string): string {
  return `${guestBase}/${containerId}`;
}

export function guestRootfs(containerId: string): string {
  return `${guestContainerDir(containerId)}/rootfs`;
}

/** Where one layer is mounted: the protocol names it by the base64url of its Storage.source. */
export function guestLayerMount(source: string): string {
  return `${guestBase}/virtual-volumes/${Buffer.from(source).toString("base64url")}`;
}

/** Where the guest mounts what the host shares by virtio-fs. */
export const guestHostShare = `${guestBase}/sandbox/host`;

export function guestCopyPath(containerId: string, destination: string): string {
  return `${guestShareDir}/${volumeName(containerId, destination)}`;
}

/** `<container id>-<16 hex digits>-<name>`: the form that CoCo policies accept for copied files. */
export function volumeName(containerId: string, destination: string): string {
  const tag = createHash("sha256").update(`${containerId}\n${destination}`).digest("hex").slice(0, 16);
  const name = basename(destination).replace(/[^\w.-]/g, "_") || "root";
  // a file's name has 255 bytes, and both sides put something of their own behind it
  return `${containerId}-${tag}-${name.slice(0, 100)}`;
}

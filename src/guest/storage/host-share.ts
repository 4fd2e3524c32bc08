// What the host shares by virtio-fs it holds open for as long as this kernel remembers it: its file systems
// stay busy on the host. So what was shared for one container is forgotten when that container is removed.
import { basename } from "node:path";
import { detach, type MountEntry, MS, mount, readMounts } from "../sys/mounts.ts";
import { STORAGE_ROOT } from "./checks.ts";
import { parseMountOptions } from "./mount-options.ts";

/** When nothing binds it any more. */
export function forgetShared(containerId: string): void {
  const { own, shares } = sharedFor(containerId, readMounts());
  for (const { point } of own) detach(point);
  // a remount drops the names that nobody uses, and with a directory's or file's last name the host's hold on it
  for (const { point, options } of shares) {
    const flags = parseMountOptions(options).flags | MS.REMOUNT;
    mount({ source: "", target: point, fstype: "", flags, data: "" });
  }
}

/**
 * The kernel mounts by itself what the host announces as file systems of their own: directories, which the host
 * names `<container id>-<16 hex digits>-<name>`.
 */
export function sharedFor(
  containerId: string,
  mounts: readonly MountEntry[],
): { own: readonly MountEntry[]; shares: readonly MountEntry[] } {
  const shared = mounts.filter(({ fstype, point }) => fstype === "virtiofs" && point.startsWith(`${STORAGE_ROOT}/`));
  const isOwn = ({ point }: MountEntry) =>
    basename(point).startsWith(`${containerId}-`) &&
    /^[0-9a-f]{16}-/.test(basename(point).slice(containerId.length + 1));
  const isWhole = ({ point }: MountEntry) => !shared.some((other) => point.startsWith(`${other.point}/`));
  return { own: shared.filter(isOwn), shares: shared.filter(isWhole) };
}

// UpdateEphemeralMounts: tmpfs volumes get a new size after memory was added (agent-protocol §3.2).
import { InvalidRequest } from "../../lib/errors.ts";
import type { Storage } from "../../wire/gen/kata/agent.ts";
import { openBeneath } from "../sys/beneath.ts";
import { isMountPoint, MS, mount } from "../sys/mounts.ts";
import { checkStorages, STORAGE_ROOT } from "./checks.ts";
import { parseMountOptions } from "./mount-options.ts";

export function remountEphemeral(storages: readonly Storage[]): void {
  checkStorages(storages);
  for (const storage of storages) {
    const { driver, options, mount_point: target } = storage;
    if (driver !== "ephemeral" || !options.includes("remount")) {
      throw new InvalidRequest("storages", `${target} is not an ephemeral mount to be remounted`);
    }
    if (!isMountPoint(target)) throw new InvalidRequest("storages.mount_point", `${target} is not mounted`);
    const { flags, data } = parseMountOptions(options);
    using at = openBeneath(STORAGE_ROOT, target, { field: "storages.mount_point" });
    mount({ source: storage.source, target: at.path, fstype: storage.fstype, flags: flags | MS.REMOUNT, data });
  }
}

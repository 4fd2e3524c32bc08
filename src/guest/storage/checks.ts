// What an untrusted host may ask to have mounted, and where.
import { normalize } from "node:path";
import { InvalidRequest } from "../../lib/errors.ts";
import type { Storage } from "../../wire/gen/kata/agent.ts";

/** Everything that the host may have mounted lies below this directory (agent-protocol §7.2). */
export const STORAGE_ROOT = "/run/kata-containers";
const OPTIONS_MAX = 512;
const STORAGES_MAX = 512;

export function checkStorages(storages: readonly Storage[]): void {
  if (storages.length > STORAGES_MAX) throw new InvalidRequest("storages", `more than ${STORAGES_MAX}`);
  for (const storage of storages) checkStorage(storage);
}

function checkStorage(storage: Storage): void {
  const { mount_point: mountPoint, options, driver_options: driverOptions } = storage;
  if (normalize(mountPoint) !== mountPoint || !mountPoint.startsWith(`${STORAGE_ROOT}/`)) {
    throw new InvalidRequest("storages.mount_point", `${JSON.stringify(mountPoint)} is not below ${STORAGE_ROOT}`);
  }
  if (options.length > OPTIONS_MAX || driverOptions.length > OPTIONS_MAX) {
    throw new InvalidRequest("storages.options", `more than ${OPTIONS_MAX} for ${mountPoint}`);
  }
  checkKind(storage);
  const texts = [storage.source, storage.fstype, mountPoint, ...options, ...driverOptions];
  if (texts.some((text) => text.includes("\0"))) throw new InvalidRequest("storages", "a text contains a zero byte");
}

const huge = "hugetlbfs";
/** Others take directories of the guest for their source, or what the host shares: those have drivers of their own. */
const onDisk = ["", ..."ext4 ext3 ext2 xfs btrfs f2fs erofs squashfs vfat exfat ntfs3 iso9660 udf".split(" ")];
const fileSystems: Readonly<Record<string, readonly string[]>> = {
  blk: onDisk,
  scsi: onDisk,
  ephemeral: ["", "tmpfs", huge],
};

/** Each driver checks what it mounts: no other kind of mount may hide behind its name. */
function checkKind({ driver, fstype, options }: Storage): void {
  if (Object.hasOwn(fileSystems, driver) && fileSystems[driver]?.includes(fstype) !== true) {
    throw new InvalidRequest("storages.fstype", `${JSON.stringify(fstype)} is not for the driver ${driver}`);
  }
  const isWrong = (option: string) =>
    ((option === "bind" || option === "rbind") && driver !== "bind") || (option.includes(",") && fstype !== huge);
  const wrong = options.find(isWrong);
  if (wrong !== undefined) {
    const what = `${JSON.stringify(wrong.slice(0, 80))} is not for the driver ${JSON.stringify(driver)}`;
    throw new InvalidRequest("storages.options", what);
  }
}

/** Value of the first `name=value` among `options`. */
export function optionValue(options: readonly string[], name: string): string | undefined {
  return options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
}

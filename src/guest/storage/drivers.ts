// The storage drivers of the agent protocol (§4.4) that this agent has, by name. Each returns the steps
// that undo it.
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { CleanupStack } from "../../lib/cleanup-stack.ts";
import { InvalidRequest, Unsupported } from "../../lib/errors.ts";
import type { Storage } from "../../wire/gen/kata/agent.ts";
import { FSGroupChangePolicy } from "../../wire/gen/kata/types.ts";
import { isBelow } from "../bind-sources.ts";
import { isConfidential } from "../confidential.ts";
import { runCommand } from "../run-command.ts";
import { mount, unmount } from "../sys/mounts.ts";
import { type BlockDevice, waitForDisk } from "./block-devices.ts";
import { optionValue, STORAGE_ROOT } from "./checks.ts";
import { openEncrypted } from "./encrypted-disk.ts";
import { parseMountOptions } from "./mount-options.ts";

export interface DriverContext {
  readonly containerId: string;
  /** path of the container's user namespace, if it has one */
  readonly userNamespace?: string | undefined;
  /** how long a disk may take to appear */
  readonly hotplugLimitMs: number;
}

export type Driver = (storage: Storage, context: DriverContext) => Promise<CleanupStack>;

const MKFS_LIMIT_MS = 120_000;

async function block(storage: Storage, context: DriverContext): Promise<CleanupStack> {
  await using undo = new CleanupStack();
  const key = optionValue(storage.driver_options, "encryption_key");
  if (key === undefined && storage.driver_options.includes("encryption_key")) {
    throw new InvalidRequest("storages.driver_options", "encryption_key names no kind of key");
  }
  const disk = await waitForDisk(storage.driver, storage.source, context.hotplugLimitMs);
  const makesFileSystem = storage.driver_options.includes("create_filesystem");
  const node = key === undefined ? disk.node : encrypt(disk, { key, makesFileSystem }, undo);
  if (makesFileSystem) await makeFileSystem(node, storage.fstype);
  undo.use(`unmount ${storage.mount_point}`, mountAt(storage, node));
  if (key !== undefined) openToAll(storage.mount_point);
  return undo.move();
}

/** A key that outlives nothing: what was on the disk before cannot be read, so a file system must be made. */
function encrypt(
  disk: BlockDevice,
  { key, makesFileSystem }: { key: string; makesFileSystem: boolean },
  undo: CleanupStack,
): string {
  if (key !== "ephemeral" || !makesFileSystem) {
    throw new Unsupported(
      "a kept encrypted volume",
      "this guest has no key service; only ephemeral keys are made here",
    );
  }
  const device = openEncrypted(disk);
  undo.defer(`close ${device.node}`, () => device[Symbol.dispose]());
  return device.node;
}

async function makeFileSystem(node: string, fstype: string): Promise<void> {
  if (fstype !== "ext4") throw new InvalidRequest("storages.fstype", "only ext4 can be created");
  const shape = ["-O", "^has_journal", "-m", "0", "-i", "163840", "-I", "128"];
  await runCommand("mkfs.ext4", ["-F", "-q", ...shape, node], { timeoutMs: MKFS_LIMIT_MS });
}

/** As the kubelet makes an emptyDir: empty, and for every user of the pod. */
function openToAll(root: string): void {
  rmSync(join(root, "lost+found"), { recursive: true, force: true });
  chmodSync(root, (statSync(root).mode & 0o7000) | 0o777);
}

/** Size and mode are applied (the real agent drops them for tmpfs); huge pages are reserved first. */
async function ephemeral(storage: Storage): Promise<CleanupStack> {
  const isHuge = storage.fstype === "hugetlbfs";
  if (isHuge) reserveHugePages(storage.options);
  const options = storage.options.filter((word) => !word.startsWith("fsgid=") && !(isHuge && word.startsWith("size=")));
  if (!isHuge && optionValue(options, "mode") === undefined) options.push("mode=1777");
  const undo = mountAt({ ...storage, options, fstype: storage.fstype || "tmpfs" }, storage.source || "tmpfs");
  setGroup(storage);
  return undo;
}

/** What a host shares it can change at any moment: a confidential guest takes copies only. */
async function virtioFs(storage: Storage): Promise<CleanupStack> {
  if (await isConfidential()) {
    throw new Unsupported("a file system shared by the host", "this guest is confidential: volumes are copied in");
  }
  return mountAt({ ...storage, fstype: "virtiofs" }, storage.source);
}

async function local(storage: Storage): Promise<CleanupStack> {
  const mode = optionValue(storage.options, "mode");
  makeDirectories(storage.mount_point);
  if (mode !== undefined) chmodSync(storage.mount_point, Number.parseInt(mode, 8) & 0o7777);
  setGroup(storage);
  return new CleanupStack();
}

/** The path may lead through a volume that containers write: no link in it is followed. */
function makeDirectories(path: string): void {
  let at = STORAGE_ROOT;
  for (const name of path.slice(STORAGE_ROOT.length).split("/").filter(Boolean)) {
    at = join(at, name);
    const found = lstatSync(at, { throwIfNoEntry: false });
    if (found === undefined) mkdirSync(at);
    else if (!found.isDirectory()) throw new InvalidRequest("storages.mount_point", `${at} is not a directory`);
  }
}

async function overlay(storage: Storage): Promise<CleanupStack> {
  const listed = optionValue(storage.driver_options, "io.katacontainers.volume.overlayfs.create_directory");
  const needed = [listed, optionValue(storage.options, "upperdir"), optionValue(storage.options, "workdir")];
  for (const directory of needed.flatMap((paths) => paths?.split(",") ?? [])) {
    if (!isBelow(directory, [STORAGE_ROOT]) || directory.includes("..")) {
      throw new InvalidRequest("storages.options", `${JSON.stringify(directory)} is not below ${STORAGE_ROOT}`);
    }
    mkdirSync(directory, { recursive: true });
  }
  return mountAt({ ...storage, fstype: "overlay" }, "overlay");
}

async function bind(storage: Storage): Promise<CleanupStack> {
  if (!isBelow(storage.source, [STORAGE_ROOT]) || storage.source.includes("..")) {
    throw new InvalidRequest("storages.source", `${JSON.stringify(storage.source)} is not below ${STORAGE_ROOT}`);
  }
  return mountAt({ ...storage, options: [...storage.options, "bind"], fstype: "" }, storage.source);
}

export const drivers: Readonly<Record<string, Driver>> = {
  blk: block,
  scsi: block,
  ephemeral,
  local,
  overlayfs: overlay,
  bind,
  "virtio-fs": virtioFs,
};

/** Makes the directory, mounts, and applies the volume's group. */
export function mountAt(storage: Storage, source: string): CleanupStack {
  const undo = new CleanupStack();
  mkdirSync(storage.mount_point, { recursive: true });
  mount({ source, target: storage.mount_point, fstype: storage.fstype, ...parseMountOptions(storage.options) });
  undo.defer(`unmount ${storage.mount_point}`, () => unmount(storage.mount_point));
  if (storage.fs_group !== undefined) {
    const { group_id: groupId, group_change_policy: policy } = storage.fs_group;
    applyGroup(storage.mount_point, groupId, policy === FSGroupChangePolicy.OnRootMismatch);
  }
  return undo;
}

function setGroup(storage: Storage): void {
  const group = optionValue(storage.options, "fsgid");
  if (group === undefined) return;
  chownSync(storage.mount_point, -1, Number(group));
  chmodSync(storage.mount_point, (statSync(storage.mount_point).mode & 0o7777) | 0o2000);
}

/** fsGroup of a volume: group, setgid on directories, group may read and write what the owner may. */
function applyGroup(root: string, group: number, onlyOnMismatch: boolean): void {
  if (onlyOnMismatch && statSync(root).gid === group) return;
  const visit = (path: string) => {
    const stat = lstatSync(path);
    lchownSync(path, stat.uid, group);
    if (stat.isSymbolicLink()) return;
    chmodSync(path, (stat.mode & 0o7777) | (stat.isDirectory() ? 0o2070 : 0o060));
    if (stat.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name));
  };
  visit(root);
}

function reserveHugePages(options: readonly string[]): void {
  const [pageSize, size] = ["pagesize", "size"].map((name) => Number(optionValue(options, name)));
  if (!pageSize || !size || pageSize % 1024 !== 0)
    throw new InvalidRequest("storages.options", "pagesize and size are needed");
  const file = `/sys/kernel/mm/hugepages/hugepages-${pageSize / 1024}kB/nr_hugepages`;
  writeFileSync(file, String(Math.floor(size / pageSize)));
}

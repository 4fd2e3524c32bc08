// The storage drivers of the agent protocol (§4.4) that this agent has, by name. Each returns the steps
// that undo it.
import { chmodSync, chownSync, constants, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CleanupStack } from "../../lib/cleanup-stack.ts";
import { InvalidRequest, Unsupported } from "../../lib/errors.ts";
import type { Storage } from "../../wire/gen/kata/agent.ts";
import { FSGroupChangePolicy } from "../../wire/gen/kata/types.ts";
import { isConfidential } from "../confidential.ts";
import { runCommand } from "../run-command.ts";
import { makeDirectory, OpenedPath, openBeneath, unmountBeneath } from "../sys/beneath.ts";
import { mount } from "../sys/mounts.ts";
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
  if (key !== undefined) atMountPoint(storage, openToAll);
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
  const words = storage.options.flatMap((option) => option.split(","));
  if (isHuge) reserveHugePages(words);
  const options = words.filter((word) => !word.startsWith("fsgid=") && !(isHuge && word.startsWith("size=")));
  if (!isHuge && optionValue(options, "mode") === undefined) options.push("mode=1777");
  const undo = mountAt({ ...storage, options, fstype: storage.fstype || "tmpfs" }, storage.source || "tmpfs");
  atMountPoint(storage, (root) => setGroup(storage, root));
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
  using at = openMountPoint(storage);
  if (mode !== undefined) chmodSync(at.path, Number.parseInt(mode, 8) & 0o7777);
  setGroup(storage, at.path);
  return new CleanupStack();
}

/** The host names directories that may lie in a volume: what was made and opened is what becomes writable. */
async function overlay(storage: Storage): Promise<CleanupStack> {
  await using opened = new CleanupStack();
  const open = (path: string): string => {
    const directory = openBeneath(STORAGE_ROOT, path, { field: "storages.options", make: makeDirectory });
    opened.defer(`close ${path}`, () => directory[Symbol.dispose]());
    return directory.path;
  };
  const listed = optionValue(storage.driver_options, "io.katacontainers.volume.overlayfs.create_directory");
  for (const path of listed?.split(",") ?? []) open(path);
  const options = storage.options.map((option) => {
    const [, name, path = ""] = /^(lowerdir|upperdir|workdir)=(.*)$/.exec(option) ?? [];
    if (name === undefined && /^\w+dir\+?=/.test(option)) {
      throw new InvalidRequest("storages.options", `${JSON.stringify(option.slice(0, 80))} is not for an overlay`);
    }
    return name === undefined ? option : `${name}=${path.split(":").map(open).join(":")}`;
  });
  return mountAt({ ...storage, options, fstype: "overlay" }, "overlay");
}

async function bind(storage: Storage): Promise<CleanupStack> {
  using source = openBeneath(STORAGE_ROOT, storage.source, { field: "storages.source" });
  return mountAt({ ...storage, options: [...storage.options, "bind"], fstype: "" }, source.path);
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
  const { mount_point: point, fstype, fs_group: group } = storage;
  using target = openMountPoint(storage);
  mount({ source, target: target.path, fstype, ...parseMountOptions(storage.options) });
  undo.defer(`unmount ${point}`, () => unmountBeneath(STORAGE_ROOT, point));
  if (group !== undefined) {
    const onlyOnMismatch = group.group_change_policy === FSGroupChangePolicy.OnRootMismatch;
    atMountPoint(storage, (root) => applyGroup(root, group.group_id, onlyOnMismatch));
  }
  return undo;
}

/** Makes it when missing; what is mounted at it later is not what was opened. */
function openMountPoint({ mount_point: point }: Storage): OpenedPath {
  return openBeneath(STORAGE_ROOT, point, { field: "storages.mount_point", make: makeDirectory });
}

/** With a name of what is mounted there now. */
function atMountPoint(storage: Storage, work: (root: string) => void): void {
  using root = openMountPoint(storage);
  work(root.path);
}

function setGroup(storage: Storage, root: string): void {
  const group = optionValue(storage.options, "fsgid");
  if (group === undefined) return;
  chownSync(root, -1, Number(group));
  chmodSync(root, (statSync(root).mode & 0o7777) | 0o2000);
}

/** fsGroup of a volume: group, setgid on directories, group may read and write what the owner may. */
function applyGroup(root: string, group: number, onlyOnMismatch: boolean): void {
  if (onlyOnMismatch && statSync(root).gid === group) return;
  const visit = (opened: OpenedPath) => {
    const stat = opened.stat();
    chownSync(opened.path, stat.uid, group);
    if (stat.isSymbolicLink()) return;
    chmodSync(opened.path, (stat.mode & 0o7777) | (stat.isDirectory() ? 0o2070 : 0o060));
    if (stat.isDirectory()) for (const name of readdirSync(opened.path)) visitIn(opened, name);
  };
  const visitIn = (parent: OpenedPath, name: string) => {
    using child = new OpenedPath(`${parent.path}/${name}`, constants.O_NOFOLLOW);
    visit(child);
  };
  using top = new OpenedPath(root, constants.O_DIRECTORY);
  visit(top);
}

function reserveHugePages(options: readonly string[]): void {
  const [pageSize, size] = ["pagesize", "size"].map((name) => Number(optionValue(options, name)));
  if (!pageSize || !size || pageSize % 1024 !== 0)
    throw new InvalidRequest("storages.options", "pagesize and size are needed");
  const file = `/sys/kernel/mm/hugepages/hugepages-${pageSize / 1024}kB/nr_hugepages`;
  writeFileSync(file, String(Math.floor(size / pageSize)));
}

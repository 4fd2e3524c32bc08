// A root file system from read-only EROFS layers, each behind dm-verity, under an overlay whose upper half
// lives in the guest: the real agent's multi-layer form (agent-protocol §4.3). List order is overlay
// order, the first lower layer on top; with GPT the partition numbers give the order. Beyond the real
// agent, dm-verity is accepted on a whole disk too, so that no partition table is needed.
import { chownSync, mkdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CleanupStack } from "../../lib/cleanup-stack.ts";
import { errorText, InvalidRequest } from "../../lib/errors.ts";
import type { Storage } from "../../wire/gen/kata/agent.ts";
import { isBelow } from "../bind-sources.ts";
import { AgentFailure } from "../status.ts";
import { makeDirectory, openBeneath, unmountBeneath } from "../sys/beneath.ts";
import { isMountPoint, MS, mount, mountIdMapped, unmount } from "../sys/mounts.ts";
import { type BlockDevice, waitForDisk, waitForPartition } from "./block-devices.ts";
import { optionValue, STORAGE_ROOT } from "./checks.ts";
import type { DriverContext } from "./drivers.ts";
import { parseMountOptions } from "./mount-options.ts";
import { isVerityEnabled, openVerity, parseVerityOptions } from "./verity.ts";

/** the encrypted workspace, when the image has mounted one */
const SCRATCH = "/run/kata-containers-scratch";
/**
 * What an overlay is made of, by container: neither the host nor a container can name anything here, so neither puts a
 * link or a disk of its own in the way. No id begins with a dot.
 */
export const LAYERS = "/run/kata-layers";
/** where upper halves go without a workspace: a tmpfs of our own, since /run is small */
const UPPER_TMPFS = join(LAYERS, ".upper");
const LAYERS_MAX = 129;
/** this agent's own word: the layer's owners are as the container's user namespace numbers them */
const ID_MAPPED = "X-kata.idmap";
const MKDIR = "X-kata.mkdir.path=";

export function isLayer(storage: Storage): boolean {
  return storage.options.includes("X-kata.multi-layer=true") || storage.driver === "erofs.multi-layer";
}

export interface LayerGroup {
  /** where the overlay is mounted */
  readonly target: string;
  /** topmost first */
  readonly lowers: readonly Storage[];
  /** the request brings more of it than read-only layers: a disk to write to, or directories above them */
  readonly hasMore: boolean;
}

export function describeLayers(group: readonly Storage[]): LayerGroup {
  const { upper, lowers } = sortGroup(group);
  const target = (group.find((layer) => layer.options.includes("X-kata.overlay-upper")) ?? group[0])?.mount_point ?? "";
  return { target, lowers, hasMore: upper !== undefined || group.some((layer) => layer.options.some(isDirectoryWord)) };
}

export async function mountLayers(group: readonly Storage[], context: DriverContext): Promise<CleanupStack> {
  await using undo = new CleanupStack();
  const { upper, lowers } = sortGroup(group);
  const { target } = describeLayers(group);
  const base = join(LAYERS, context.containerId);
  mkdirSync(base, { recursive: true, mode: 0o700 });
  undo.defer(`remove ${base}`, () => {
    rmSync(base, { recursive: true, force: true });
    removeEmpty(target);
  });
  const upperBase = upper === undefined ? makeUpper(context, undo) : await mountUpper(upper, { base, context, undo });
  const mounts: string[] = [];
  for (const [index, layer] of lowers.entries()) {
    const point = join(base, `lower-${index}`);
    await mountLower(layer, { point, index, context, undo });
    mounts.push(point);
  }
  for (const directory of group.flatMap((storage) => directoriesToMake(storage, upperBase))) {
    using _ = openBeneath(upperBase, directory, { field: "X-kata.mkdir.path", make: makeDirectory });
  }
  mountOverlay(target, { mounts, upperBase, undo });
  return undo.move();
}

/** The mount point, and the container's directory that it was made in; what is still in use stays. */
function removeEmpty(mountPoint: string): void {
  try {
    for (let path = mountPoint; path !== STORAGE_ROOT; path = dirname(path)) {
      using parent = openBeneath(STORAGE_ROOT, dirname(path), { field: "storages.mount_point" });
      rmdirSync(join(parent.path, basename(path)));
    }
  } catch {
    // an empty directory is in nobody's way
  }
}

function sortGroup(group: readonly Storage[]): { upper: Storage | undefined; lowers: Storage[] } {
  const isUpper = (storage: Storage) =>
    storage.options.includes("X-kata.overlay-upper") || (storage.fstype === "ext4" && !isMarkedLower(storage));
  const uppers = group.filter(isUpper);
  const lowers = group.filter((storage) => !isUpper(storage));
  if (uppers.length > 1) throw new InvalidRequest("storages", "more than one upper layer");
  if (lowers.length === 0) throw new InvalidRequest("storages", "no lower layer");
  if (group.length > LAYERS_MAX) throw new InvalidRequest("storages", `more than ${LAYERS_MAX} layers`);
  if (uppers[0] !== undefined && uppers[0].fstype !== "ext4")
    throw new InvalidRequest("storages.fstype", "an upper layer must be ext4");
  if (lowers.some(isPartitioned)) lowers.sort((a, b) => partitionOf(a) - partitionOf(b));
  return { upper: uppers[0], lowers };
}

function isMarkedLower(storage: Storage): boolean {
  return storage.options.includes("X-kata.overlay-lower");
}

function isPartitioned(storage: Storage): boolean {
  return storage.options.includes("X-kata.gpt-partitioned=true");
}

function partitionOf(storage: Storage): number {
  const text = optionValue(storage.options, "X-kata.partition-number") ?? "";
  if (!/^[1-9]\d{0,2}$/.test(text))
    throw new InvalidRequest("X-kata.partition-number", `${JSON.stringify(text)} is not a partition`);
  return Number(text);
}

interface LayerPlace {
  readonly point: string;
  readonly index: number;
  readonly context: DriverContext;
  readonly undo: CleanupStack;
}

async function mountLower(layer: Storage, place: LayerPlace): Promise<void> {
  const { point, context, undo } = place;
  await mountDisk(layer, place);
  if (!layer.options.includes(ID_MAPPED)) return;
  if (context.userNamespace === undefined) {
    throw new InvalidRequest("storages.options", `${ID_MAPPED} needs a container with a user namespace`);
  }
  mountIdMapped(point, context.userNamespace);
  undo.defer(`unmount ${point}`, () => unmount(point));
}

async function mountDisk(layer: Storage, place: LayerPlace): Promise<void> {
  const { point, index, context, undo } = place;
  const device = await deviceOf(layer, context);
  mkdirSync(point, { recursive: true, mode: 0o700 });
  const fstype = layer.fstype === "" ? "erofs" : layer.fstype;
  if (fstype !== "erofs") throw new InvalidRequest("storages.fstype", `a lower layer must be erofs, not ${fstype}`);
  const plain = { target: point, fstype, flags: MS.RDONLY | MS.NODEV, data: "" };
  if (!isVerityEnabled(layer.options)) {
    mount({ ...plain, source: device.node });
    undo.defer(`unmount ${point}`, () => unmount(point));
    return;
  }
  const options = parseVerityOptions(layer.options);
  const name = `kata-${context.containerId.slice(0, 64)}-${index}`;
  const verity = openVerity(name, device.node, options);
  undo.defer(`close ${name}`, () => verity[Symbol.dispose]());
  try {
    mount({ ...plain, source: verity.node });
  } catch (cause) {
    const why = verity.isCorrupted() ? "does not match its root hash" : errorText(cause);
    throw new AgentFailure(
      "internal",
      `dm-verity: layer ${index} (${layer.source}, root hash ${options.rootHash}) ${why}`,
      { cause },
    );
  }
  undo.defer(`unmount ${point}`, () => unmount(point));
}

async function deviceOf(layer: Storage, context: DriverContext): Promise<BlockDevice> {
  if (layer.driver !== "scsi" && layer.driver !== "blk") {
    throw new InvalidRequest("storages.driver", `unsupported driver ${JSON.stringify(layer.driver)} for a layer`);
  }
  const disk = await waitForDisk(layer.driver, layer.source, context.hotplugLimitMs);
  return isPartitioned(layer) ? await waitForPartition(disk, partitionOf(layer)) : disk;
}

async function mountUpper(
  upper: Storage,
  at: { base: string; context: DriverContext; undo: CleanupStack },
): Promise<string> {
  const point = join(at.base, "upper");
  const disk = await deviceOf(upper, at.context);
  mkdirSync(point, { recursive: true, mode: 0o700 });
  mount({ source: disk.node, target: point, fstype: "ext4", ...parseMountOptions(upper.options) });
  at.undo.defer(`unmount ${point}`, () => unmount(point));
  return point;
}

/** A directory for this container on the encrypted workspace, else in memory. */
function makeUpper(context: DriverContext, undo: CleanupStack): string {
  const hasScratch = isMountPoint(SCRATCH);
  if (!hasScratch && !isMountPoint(UPPER_TMPFS)) {
    mkdirSync(UPPER_TMPFS, { recursive: true, mode: 0o700 });
    mount({ source: "kata-upper", target: UPPER_TMPFS, fstype: "tmpfs", flags: MS.NODEV, data: "mode=700" });
  }
  const directory = join(hasScratch ? join(SCRATCH, "upper") : UPPER_TMPFS, context.containerId);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  undo.defer(`remove ${directory}`, () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function isDirectoryWord(option: string): boolean {
  return option.startsWith(MKDIR);
}

/** `X-kata.mkdir.path=<dir>[:<mode>]`, where `{{ mount 0 }}` stands for the upper file system. */
function directoriesToMake(storage: Storage, upperBase: string): string[] {
  return storage.options.filter(isDirectoryWord).map((option) => {
    const [raw = ""] = option.slice(MKDIR.length).split(":");
    const path = join(upperBase, raw.replaceAll("{{ mount 0 }}", ""));
    if (!isBelow(path, [upperBase]))
      throw new InvalidRequest("X-kata.mkdir.path", `${JSON.stringify(raw)} leaves the layer`);
    return path;
  });
}

function mountOverlay(
  target: string,
  from: { mounts: readonly string[]; upperBase: string; undo: CleanupStack },
): void {
  const { mounts, upperBase, undo } = from;
  const open = (root: string, path: string) => openBeneath(root, path, { field: "storages", make: makeDirectory });
  // an upper disk comes from the host, with whatever links are on it
  using upper = open(upperBase, join(upperBase, "upper"));
  using work = open(upperBase, join(upperBase, "work"));
  using at = open(STORAGE_ROOT, target);
  // the root directory that the container sees is the upper one
  const { uid, gid } = statSync(mounts[0] ?? "/");
  chownSync(upper.path, uid, gid);
  const lowers = mounts.map((point) => basename(point)).join(":");
  const data = `lowerdir=${lowers},upperdir=${upper.path},workdir=${work.path}`;
  const before = process.cwd();
  // the option text is limited to one page, so the layers are named from where they are
  process.chdir(dirname(mounts[0] ?? "/"));
  try {
    mount({ source: "overlay", target: at.path, fstype: "overlay", flags: 0, data });
  } finally {
    process.chdir(before);
  }
  undo.defer(`unmount ${target}`, () => unmountBeneath(STORAGE_ROOT, target));
}

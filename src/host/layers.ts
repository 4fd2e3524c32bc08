// A container's root as disks for the guest. Committed layers come from the cache; whatever may still
// change (an upper directory that is not empty, a bind mount) is converted for this container alone.
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Ownership } from "../lib/owned.ts";
import { hostCall } from "./host-call.ts";
import { cachedLayer } from "./layer-cache.ts";
import { convertDirectory, type LayerImage } from "./layer-image.ts";
import { type MountEntry, mountAt } from "./mountinfo.ts";
import { readMounts } from "./mounts.ts";
import { parseRootfsMounts, type RootfsMount, type RootfsSource } from "./rootfs-mounts.ts";

export type { LayerImage, RootfsMount };

/** A layer of one container. */
export interface RootfsLayer extends LayerImage {
  /** its owners are to be seen through the container's user namespace */
  readonly isIdMapped: boolean;
}

export type Rootfs =
  /** the request names no root */
  | { readonly kind: "none" }
  /** read-only disks, topmost first, as in overlayfs' lowerdir */
  | { readonly kind: "layers"; readonly layers: readonly RootfsLayer[] }
  /** a device or file with a file system of its own, not measured */
  | { readonly kind: "block"; readonly path: string; readonly fsType: string; readonly isReadonly: boolean };

export interface RootfsOptions {
  readonly cacheDir: string;
  /** directory of this container, for disks that are not shared; removed by the caller with the container */
  readonly scratchDir: string;
  readonly ownership: Ownership;
  readonly signal?: AbortSignal | undefined;
  /** the cache has grown */
  readonly onMade?: (() => void) | undefined;
}

const parallelConversions = 2;

/** Disks for the rootfs mounts of a CreateTaskRequest. */
export async function prepareRootfs(mounts: readonly RootfsMount[], options: RootfsOptions): Promise<Rootfs> {
  const source = parseRootfsMounts(mounts);
  switch (source.kind) {
    case "none":
    case "block":
      return source;
    case "directory":
      return { kind: "layers", layers: withOwners(source, [await privateLayer(source.path, options)]) };
    case "committed":
      return { kind: "layers", layers: withOwners(source, await committedLayers([source.path], options)) };
    case "overlay":
      return { kind: "layers", layers: await overlayLayers(source, options) };
  }
}

/** One disk for a directory that may change later, such as the root in an OCI bundle. */
export async function privateLayer(directory: string, options: RootfsOptions): Promise<LayerImage> {
  const path = join(options.scratchDir, "root.erofs");
  await options.ownership.claim({ kind: "path", path });
  await hostCall(`make ${options.scratchDir}`, () => mkdir(options.scratchDir, { recursive: true, mode: 0o700 }));
  return await convertDirectory(directory, path, { signal: options.signal });
}

async function overlayLayers(
  source: RootfsSource & { kind: "overlay" },
  options: RootfsOptions,
): Promise<readonly RootfsLayer[]> {
  const lower = withOwners(source, await committedLayers(source.lower, options));
  if (source.upper === undefined || (await isEmpty(source.upper))) return lower;
  // what was written there was written with the owners that the container's ids mean
  return [{ ...(await privateLayer(source.upper, options)), isIdMapped: false }, ...lower];
}

function withOwners(source: { isIdMapped: boolean }, images: readonly LayerImage[]): readonly RootfsLayer[] {
  return images.map((image) => ({ ...image, isIdMapped: source.isIdMapped }));
}

async function committedLayers(paths: readonly string[], options: RootfsOptions): Promise<readonly LayerImage[]> {
  const mounts = await readMounts();
  const layers: LayerImage[] = [];
  for (let at = 0; at < paths.length; at += parallelConversions) {
    const some = paths.slice(at, at + parallelConversions).map(async (path) => {
      const backing = await erofsBacking(mounts, path);
      const { signal, onMade } = options;
      return await cachedLayer(options.cacheDir, backing ?? path, { signal, onMade });
    });
    layers.push(...(await Promise.all(some)));
  }
  return layers;
}

/** The file behind a directory on which containerd's erofs snapshotter mounted it. */
async function erofsBacking(mounts: readonly MountEntry[], path: string): Promise<string | undefined> {
  const mounted = mountAt(mounts, path);
  if (mounted?.fsType !== "erofs" || mounted.root !== "/") return undefined;
  const loop = /^\/dev\/(loop[0-9]+)$/.exec(mounted.source)?.[1];
  const file = loop === undefined ? mounted.source : await readLoopFile(loop);
  return file !== undefined && (await isRegularFile(file)) ? file : undefined;
}

async function readLoopFile(loop: string): Promise<string | undefined> {
  return await readFile(`/sys/block/${loop}/loop/backing_file`, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}

async function isRegularFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
}

async function isEmpty(directory: string): Promise<boolean> {
  return (await hostCall(`look into ${directory}`, () => readdir(directory))).length === 0;
}

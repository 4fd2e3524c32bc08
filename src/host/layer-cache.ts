// Layer disks, made once a host. A file is named by its root hash; an index entry says which tree it
// came from, by path, inode and change time: a committed snapshot's directory never changes, and
// another one at the same path has another inode or time. Safe between processes: renames are atomic,
// a lock only saves double work, and a temporary file names its maker, so that a dead one's is removed.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { withFileLock } from "./file-lock.ts";
import { hostCall, ifPresent } from "./host-call.ts";
import {
  type ConvertOptions,
  convertDirectory,
  convertErofsFile,
  type LayerImage,
  looksIntact,
} from "./layer-image.ts";
import { openNamesIn } from "./open-files.ts";
import { isAlive, readStartTime } from "./process.ts";

/** Raise it when converting the same tree gives other bytes. */
const form = 1;
const lockMs = 300_000;

export interface CachedLayer {
  readonly image: LayerImage;
  readonly lastUsedMs: number;
  /** some process holds it open, as a pod's QEMU does */
  readonly isOpen: boolean;
  /** trees that this disk stands for, as far as the index knows */
  readonly sources: readonly string[];
}

interface IndexEntry {
  readonly source: string;
  readonly image: LayerImage;
}

/** Where a disk comes from: what it is known by, how a person calls it, and what makes it at a path. */
export interface LayerOrigin {
  readonly identity: string;
  readonly source: string;
  make(path: string): Promise<LayerImage>;
}

export interface CacheOptions extends ConvertOptions {
  /** the cache has grown */
  readonly onMade?: (() => void) | undefined;
}

/** The disk for a committed tree or an EROFS file, from the cache or made now. */
export async function cachedLayer(cacheDir: string, source: string, options: CacheOptions = {}): Promise<LayerImage> {
  const make = async (path: string): Promise<LayerImage> => {
    const isDirectory = (await hostCall(`look at ${source}`, () => stat(source))).isDirectory();
    return await (isDirectory ? convertDirectory : convertErofsFile)(source, path, options);
  };
  return await cachedLayerOf(cacheDir, { identity: await identityOf(source), source, make }, options);
}

/** The disk of an origin, from the cache or made now. */
export async function cachedLayerOf(
  cacheDir: string,
  origin: LayerOrigin,
  options: Pick<CacheOptions, "signal" | "onMade"> = {},
): Promise<LayerImage> {
  const key = createHash("sha256").update(`${form}\0${origin.identity}`).digest("hex");
  const known = await lookUp(cacheDir, key);
  if (known !== undefined) return known;
  await makeDirectories(cacheDir);
  const lock = join(cacheDir, "locks", key.slice(0, 2));
  return await withFileLock(lock, { timeoutMs: lockMs, signal: options.signal }, async () => {
    const made = await lookUp(cacheDir, key);
    if (made !== undefined) return made;
    const image = await makeInto(cacheDir, key, origin);
    options.onMade?.();
    return image;
  });
}

/** All disks of the cache, the least recently used first. */
export async function listLayers(cacheDir: string): Promise<readonly CachedLayer[]> {
  const index = await readIndex(cacheDir);
  const open = index.length === 0 ? new Set<string>() : await openNamesIn(cacheDir);
  const byPath = new Map<string, CachedLayer>();
  for (const { entry } of index) {
    const { image, source } = entry;
    const seen = byPath.get(image.path);
    const lastUsedMs = seen?.lastUsedMs ?? (await modifiedMs(image.path));
    if (lastUsedMs === undefined) continue;
    const sources = [...(seen?.sources ?? []), source];
    byPath.set(image.path, { image, lastUsedMs, isOpen: open.has(basename(image.path)), sources });
  }
  return [...byPath.values()].sort((a, b) => a.lastUsedMs - b.lastUsedMs);
}

export interface PruneLimits {
  /** what the disks may take together afterwards */
  readonly maxBytes: number;
  /** a disk used more recently stays: a pod may be about to open it; default 10 minutes */
  readonly minIdleMs?: number;
}

export interface PruneOutcome {
  readonly removed: readonly LayerImage[];
  readonly keptBytes: number;
}

/** Removes the least recently used disks that nobody holds, down to the limit, and what dead conversions left. */
export async function pruneLayers(cacheDir: string, limits: PruneLimits): Promise<PruneOutcome> {
  await removeDeadTemporaries(cacheDir);
  const layers = await listLayers(cacheDir);
  const newestRemovable = Date.now() - (limits.minIdleMs ?? 600_000);
  let keptBytes = layers.reduce((sum, layer) => sum + layer.image.bytes, 0);
  const removed: LayerImage[] = [];
  for (const { image, isOpen } of layers) {
    if (keptBytes <= limits.maxBytes) break;
    // looked at again, since a pod may have taken it meanwhile
    if (isOpen || ((await modifiedMs(image.path)) ?? 0) > newestRemovable) continue;
    await rm(image.path, { force: true });
    removed.push(image);
    keptBytes -= image.bytes;
  }
  for (const { file, entry } of await readIndex(cacheDir)) {
    if ((await modifiedMs(entry.image.path)) === undefined) await rm(file, { force: true });
  }
  return { removed, keptBytes };
}

async function makeInto(cacheDir: string, key: string, { source, make }: LayerOrigin): Promise<LayerImage> {
  await removeDeadTemporaries(cacheDir);
  const temporary = join(cacheDir, "tmp", `${process.pid}-${await readStartTime(process.pid)}-${key}`);
  try {
    const made = await make(temporary);
    const image = { ...made, path: join(cacheDir, `${made.rootHash}.erofs`) };
    await hostCall(`keep ${image.path}`, async () => {
      await rename(temporary, image.path);
      await writeFile(`${temporary}.json`, JSON.stringify({ source, image } satisfies IndexEntry));
      await rename(`${temporary}.json`, indexPath(cacheDir, key));
    });
    return image;
  } finally {
    await rm(temporary, { force: true });
    await rm(`${temporary}.json`, { force: true });
  }
}

async function lookUp(cacheDir: string, key: string): Promise<LayerImage | undefined> {
  const entry = await readEntry(indexPath(cacheDir, key));
  if (entry === undefined || !(await looksIntact(entry.image))) return undefined;
  const now = new Date();
  // Pruning may take it in this very moment; then it is simply made again.
  const isThere = await utimes(entry.image.path, now, now).then(
    () => true,
    () => false,
  );
  return isThere ? entry.image : undefined;
}

async function identityOf(source: string): Promise<string> {
  const facts = await hostCall(`look at layer ${source}`, () => stat(source, { bigint: true }));
  return [source, facts.dev, facts.ino, facts.ctimeNs, facts.mtimeNs].join("\0");
}

async function makeDirectories(cacheDir: string): Promise<void> {
  for (const name of ["index", "locks", "tmp"]) {
    const path = join(cacheDir, name);
    await hostCall(`make ${path}`, () => mkdir(path, { recursive: true, mode: 0o700 }));
  }
}

function indexPath(cacheDir: string, key: string): string {
  return join(cacheDir, "index", `${key}.json`);
}

async function readIndex(cacheDir: string): Promise<readonly { file: string; entry: IndexEntry }[]> {
  const found: { file: string; entry: IndexEntry }[] = [];
  for (const name of await namesIn(join(cacheDir, "index"))) {
    const file = join(cacheDir, "index", name);
    const entry = await readEntry(file);
    if (entry !== undefined) found.push({ file, entry });
  }
  return found;
}

/** An entry that is missing or damaged is no entry: the layer is made again. */
async function readEntry(file: string): Promise<IndexEntry | undefined> {
  const text = await ifPresent(`read ${file}`, () => readFile(file, "utf8"));
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is IndexEntry {
  if (typeof value !== "object" || value === null || !("image" in value)) return false;
  const { image } = value;
  return typeof image === "object" && image !== null && "path" in image && "bytes" in image && "dataBlocks" in image;
}

async function removeDeadTemporaries(cacheDir: string): Promise<void> {
  for (const name of await namesIn(join(cacheDir, "tmp"))) {
    const [pid = "", startTime = ""] = name.split("-");
    if (await isAlive({ pid: Number(pid), startTime })) continue;
    await rm(join(cacheDir, "tmp", name), { recursive: true, force: true });
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await ifPresent(`list ${directory}`, () => readdir(directory))) ?? [];
}

async function modifiedMs(path: string): Promise<number | undefined> {
  return (await ifPresent(`look at ${path}`, () => stat(path)))?.mtimeMs;
}

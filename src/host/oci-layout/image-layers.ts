// An image's layers as disks for the guest, each unpacked and converted once a host and found again
// by its digest. Beside each disk stand the layer's account files, which decide what a user name means.
import { spawn } from "node:child_process";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { InvalidRequest } from "../../lib/errors.ts";
import { spawnFailure } from "../exec.ts";
import { hostCall, ifPresent } from "../host-call.ts";
import { cachedLayerOf } from "../layer-cache.ts";
import { convertDirectory, type LayerImage } from "../layer-image.ts";
import { verified } from "./blobs.ts";
import type { ImageLayer } from "./image.ts";
import { unpackLayer } from "./unpack.ts";

/** What one layer says of a file: its text, that it is deleted, or nothing. */
export type LayerFileText = { readonly text: string } | "deleted" | "unmentioned";

export interface AccountFiles {
  readonly passwd: LayerFileText;
  readonly group: LayerFileText;
}

export interface PreparedLayer {
  readonly image: LayerImage;
  readonly accounts: AccountFiles;
  /** false when it was found in the cache */
  readonly isFresh: boolean;
}

const maxAccountBytes = 1024 * 1024;

export async function prepareImageLayer(
  layer: ImageLayer,
  options: { readonly cacheDir: string; readonly signal?: AbortSignal | undefined },
): Promise<PreparedLayer> {
  const { cacheDir, signal } = options;
  const sidecar = join(cacheDir, "accounts", `${layer.diffId.replace(":", "-")}.json`);
  const made = { isFresh: false };
  const identity = `oci layer ${layer.diffId}`;
  const make = async (path: string): Promise<LayerImage> => {
    made.isFresh = true;
    const tree = `${path}.tree`;
    try {
      await hostCall(`make ${tree}`, () => mkdir(tree, { mode: 0o755 }));
      await unpackLayer(verified(decompressed(layer.open()), { digest: layer.diffId }), tree, { signal });
      await writeSidecar(sidecar, await readAccounts(tree));
      return await convertDirectory(tree, path, { signal });
    } finally {
      await rm(tree, { recursive: true, force: true });
    }
  };
  const find = (isKnown: boolean) =>
    cachedLayerOf(
      cacheDir,
      { identity: isKnown ? identity : `${identity} again`, source: layer.digest, make },
      { signal },
    );
  const image = await find(true);
  const accounts = (await readSidecar(sidecar)) ?? (await find(false).then(() => readSidecar(sidecar)));
  if (accounts === undefined)
    throw new InvalidRequest("--oci", `the cache in ${cacheDir} is damaged: remove ${sidecar}`);
  return { image, accounts, ...made };
}

/** The topmost layer that mentions a file decides; `layers` lowest first. */
export function effectiveText(layers: readonly AccountFiles[], file: keyof AccountFiles): string {
  const decisive = layers.findLast((layer) => layer[file] !== "unmentioned")?.[file] ?? "unmentioned";
  return typeof decisive === "string" ? "" : decisive.text;
}

async function readAccounts(tree: string): Promise<AccountFiles> {
  const etc = await ifPresent("look at etc", () => lstatKind(join(tree, "etc")));
  const read = async (name: string): Promise<LayerFileText> => {
    if (etc !== "directory") return etc === undefined ? "unmentioned" : "deleted";
    const path = join(tree, "etc", name);
    const kind = await ifPresent(`look at ${path}`, () => lstatKind(path));
    // a link would have to be followed inside the image: names are then not resolved
    if (kind === "file") return { text: (await readFile(path)).subarray(0, maxAccountBytes).toString("utf8") };
    return kind === undefined ? "unmentioned" : "deleted";
  };
  return { passwd: await read("passwd"), group: await read("group") };
}

async function lstatKind(path: string): Promise<"file" | "directory" | "other"> {
  const { lstat } = await import("node:fs/promises");
  const facts = await lstat(path);
  return facts.isFile() ? "file" : facts.isDirectory() ? "directory" : "other";
}

async function writeSidecar(path: string, accounts: AccountFiles): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await hostCall(`write ${path}`, async () => {
    await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    await writeFile(temporary, JSON.stringify(accounts), { mode: 0o600 });
    await rename(temporary, path);
  });
}

async function readSidecar(path: string): Promise<AccountFiles | undefined> {
  const text = await ifPresent(`read ${path}`, () => readFile(path, "utf8"));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as AccountFiles);
  } catch {
    return undefined;
  }
}

const gzipMagic = Buffer.from([0x1f, 0x8b]);
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** By the first bytes, not by what a manifest calls them. */
export async function* decompressed(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const chunks = source[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done === true) return;
  const whole = resume(first.value, chunks);
  if (first.value.subarray(0, 2).equals(gzipMagic)) yield* gunzipped(whole);
  else if (first.value.subarray(0, 4).equals(zstdMagic)) yield* unzstd(whole);
  else yield* whole;
}

async function* resume(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, void> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* gunzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const input = Readable.from(source);
  const output = createGunzip({ chunkSize: 512 * 1024 });
  input.once("error", (error) => output.destroy(error));
  input.pipe(output);
  try {
    for await (const chunk of output) yield chunk as Buffer;
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith("Z_") !== true) throw error;
    throw new InvalidRequest("--oci", `a layer is damaged: ${(error as Error).message}`, { cause: error });
  } finally {
    input.destroy();
    output.destroy();
  }
}

/** Node 20 has no zstd of its own. */
async function* unzstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const child = spawn("zstd", ["-dc"], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", (cause) => reject(spawnFailure("zstd", cause)));
    child.once("close", (code) => resolve(code));
  });
  ended.catch(() => undefined);
  const input = Readable.from(source);
  input.once("error", (error) => child.stdout.destroy(error));
  child.stdin.on("error", () => undefined);
  input.pipe(child.stdin);
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    if ((await ended) !== 0) throw new InvalidRequest("--oci", "a layer is damaged: zstd cannot decompress it");
  } finally {
    input.destroy();
    child.kill("SIGKILL");
  }
}

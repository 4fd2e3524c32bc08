// Turns a directory, or an EROFS file, into one read-only disk: EROFS, and behind it the dm-verity
// superblock and hash tree. Equal trees give equal bytes: UUID, salt and build time are fixed, and
// every inode carries its own mtime, since a compact one would inherit the build time.
import { constants } from "node:fs";
import { copyFile, type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Cancelled, HostCallFailed, HostCommandFailed, Unsupported } from "../lib/errors.ts";
import { VerityTreeBuilder } from "../measure/verity/hash-tree.ts";
import { renderSuperblock, type VerityParams } from "../measure/verity/superblock.ts";
import { runCommand } from "./exec.ts";
import { hostCall, ifPresent } from "./host-call.ts";

/** One read-only disk with its verity data, as a guest must be told of it. */
export interface LayerImage {
  readonly path: string;
  /** size of the whole file */
  readonly bytes: number;
  /** lower-case hex */
  readonly rootHash: string;
  /** where the verity superblock stands; the tree follows one block later */
  readonly hashOffsetBytes: number;
  /** hex */
  readonly salt: string;
  readonly dataBlocks: number;
  /** of data and of hashes alike */
  readonly blockSizeBytes: number;
  readonly algorithm: "sha256";
}

export interface ConvertOptions {
  readonly signal?: AbortSignal | undefined;
  /** for mkfs.erofs; default 5 minutes */
  readonly timeoutMs?: number;
}

export const layerBlockBytes = 4096;
// Any fixed salt will do: it need not be secret, and a layer's file name depends on it.
const salt = Buffer.from("kata-cvm container layer, form 1");
const params: VerityParams = {
  algorithm: "sha256",
  dataBlockSize: layerBlockBytes,
  hashBlockSize: layerBlockBytes,
  salt,
};
const nilUuid = "00000000-0000-0000-0000-000000000000";
const chunkBytes = 512 * 1024;

// EROFS superblock (Linux fs/erofs/erofs_fs.h): at 1024; fields by their offset in it.
const superblockAt = 1024;
const magic = 0xe0f5e1e2;
const field = { checksum: 4, featureCompat: 8, blockSizeBits: 12, buildTime: 24, buildTimeNs: 32 };
const compatChecksum = 1;

/** Writes the disk for `directory` to `path`, which must not exist; the caller removes it after a failure. */
export async function convertDirectory(
  directory: string,
  path: string,
  options: ConvertOptions = {},
): Promise<LayerImage> {
  await makeErofs(directory, path, options);
  return await withFile(path, async (file) => {
    await fixSuperblock(file);
    return await appendVerity(file, path, options.signal);
  });
}

/** Copies an EROFS file that a snapshotter made, unchanged, and appends the verity data. */
export async function convertErofsFile(
  source: string,
  path: string,
  options: ConvertOptions = {},
): Promise<LayerImage> {
  if (!(await isErofs(source))) throw new Unsupported(source, "it is no EROFS image of 4096-byte blocks");
  const mode = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
  await hostCall(`copy ${source} to ${path}`, () => copyFile(source, path, mode));
  return await withFile(path, (file) => appendVerity(file, path, options.signal));
}

/** Cheap look at a file: does it begin with an EROFS superblock of our block size? */
export async function isErofs(path: string): Promise<boolean> {
  if (!(await hostCall(`look at ${path}`, () => stat(path))).isFile()) return false;
  return await withFile(
    path,
    async (file) => {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(16), 0, 16, superblockAt);
      return bytesRead === 16 && buffer.readUInt32LE(0) === magic && buffer[field.blockSizeBits] === 12;
    },
    "r",
  );
}

/** Whether the file still has the size and both superblocks that it was made with. */
export async function looksIntact(image: LayerImage): Promise<boolean> {
  const facts = await ifPresent(`look at ${image.path}`, () => stat(image.path));
  if (facts?.size !== image.bytes || !(await isErofs(image.path))) return false;
  return await withFile(
    image.path,
    async (file) => {
      const { buffer } = await file.read(Buffer.alloc(layerBlockBytes), 0, layerBlockBytes, image.hashOffsetBytes);
      return buffer.equals(veritySuperblock(image.dataBlocks));
    },
    "r",
  );
}

async function makeErofs(directory: string, path: string, options: ConvertOptions): Promise<void> {
  const args = ["--quiet", "-E", "force-inode-extended", "-U", nilUuid, path, directory];
  try {
    await runCommand("mkfs.erofs", args, { timeoutMs: options.timeoutMs ?? 300_000, signal: options.signal });
  } catch (error) {
    if (!(error instanceof HostCommandFailed)) throw error;
    const longName = await findLongName(directory);
    if (longName === undefined) throw error;
    const what = `a file name of 255 bytes ("${longName.slice(0, 20)}…" in ${directory})`;
    throw new Unsupported(what, "this mkfs.erofs cannot store it, that of Debian 13 can");
  }
}

/** erofs-utils 1.5 cuts names at 254 bytes and then does not find the file. */
async function findLongName(directory: string): Promise<string | undefined> {
  const names = await hostCall(`list ${directory}`, () => readdir(directory, { recursive: true }));
  return names.map((name) => basename(name)).find((name) => Buffer.byteLength(name) > 254);
}

async function fixSuperblock(file: FileHandle): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(128), 0, 128, superblockAt);
  if (buffer.readUInt32LE(0) !== magic) throw new Unsupported("mkfs.erofs", "its output has no EROFS superblock");
  buffer.fill(0, field.buildTime, field.buildTimeNs + 4);
  // dm-verity covers the block; without the feature bit the kernel ignores the checksum.
  buffer.writeUInt32LE((buffer.readUInt32LE(field.featureCompat) & ~compatChecksum) >>> 0, field.featureCompat);
  buffer.writeUInt32LE(0, field.checksum);
  await file.write(buffer, 0, buffer.length, superblockAt);
}

async function appendVerity(file: FileHandle, path: string, signal: AbortSignal | undefined): Promise<LayerImage> {
  const { size } = await file.stat();
  // One block has no tree, and some tools refuse a tree of nothing: two at least.
  const hashOffsetBytes = Math.max(Math.ceil(size / layerBlockBytes), 2) * layerBlockBytes;
  await file.truncate(hashOffsetBytes);
  const builder = new VerityTreeBuilder(params);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  for (let at = 0; at < hashOffsetBytes; ) {
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, at);
    if (bytesRead === 0) throw new HostCallFailed(`read ${path}`, "EIO");
    builder.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
    if (signal?.aborted) throw new Cancelled(`hashing ${path}`);
    // Half a megabyte takes about a millisecond; the shim's other pods and streams come in between.
    await nextTurn();
  }
  const { rootHash, tree, dataBlocks } = builder.finish();
  const tail = Buffer.concat([veritySuperblock(dataBlocks), tree]);
  await file.write(tail, 0, tail.length, hashOffsetBytes);
  await file.datasync();
  return {
    path,
    bytes: hashOffsetBytes + tail.length,
    rootHash: rootHash.toString("hex"),
    hashOffsetBytes,
    salt: salt.toString("hex"),
    dataBlocks,
    blockSizeBytes: layerBlockBytes,
    algorithm: "sha256",
  };
}

function veritySuperblock(dataBlocks: number): Buffer {
  const block = Buffer.alloc(layerBlockBytes);
  renderSuperblock({ ...params, uuid: nilUuid, dataBlocks }).copy(block);
  return block;
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>, flags = "r+"): Promise<T> {
  return await hostCall(`read or write ${path}`, async () => {
    const file = await open(path, flags);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  });
}

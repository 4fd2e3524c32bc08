// A host file or directory as the pieces that CopyFile carries, in the order the guest needs them.
// What a volume links to outside itself is not followed: a link travels as a link. Others may write the volume
// meanwhile and put a link where a file or directory was seen, so that all below the root goes by descriptors.
import { constants } from "node:fs";
import { type FileHandle, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, errorText, HostCallFailed, Unsupported } from "../lib/errors.ts";

/** One CopyFile request but for its constants; `path` is relative to the copied root, "" for the root itself. */
export interface TreePiece {
  readonly path: string;
  /** st_mode: type and permissions */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** whole size of a regular file, else 0 */
  readonly sizeBytes: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

export interface TreeLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export const defaultTreeLimits: TreeLimits = { maxBytes: 512 * 1024 * 1024, maxEntries: 20_000 };

/** The agent's own ceiling for a message is 4 MiB; the reference host sends this much. */
const chunkBytes = 1024 * 1024;
const empty = new Uint8Array(0);
/** each level holds a descriptor open */
const maxDepth = 256;
// <asm-generic/fcntl.h>; Node has no name for it
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Yields directories before their entries and a file's chunks in ascending order. */
export async function* readTree(root: string, limits: TreeLimits = defaultTreeLimits): AsyncGenerator<TreePiece> {
  const left = { bytes: limits.maxBytes, entries: limits.maxEntries };
  const spend = (bytes: number): void => {
    left.entries -= 1;
    left.bytes -= bytes;
    if (left.entries >= 0 && left.bytes >= 0) return;
    throw new Unsupported(
      `copying ${root} into the guest`,
      `it holds more than ${limits.maxEntries} entries or ${limits.maxBytes} bytes; give the pod a block volume instead`,
    );
  };
  // a bind mount follows its source; only what lies inside travels as it is
  yield* readEntry({ full: root, path: "", opened: root, depth: 0, flags: 0 }, spend);
}

interface Entry {
  /** for people */
  readonly full: string;
  /** relative to the copied root */
  readonly path: string;
  /** the name by which it is opened, below a directory that is open */
  readonly opened: string;
  readonly depth: number;
  /** beside O_PATH */
  readonly flags: number;
}

type Spend = (bytes: number) => void;

/** Opened first and looked at then: by its descriptor it stays what it was, whatever takes its name. */
async function* readEntry(entry: Entry, spend: Spend): AsyncGenerator<TreePiece> {
  const { full, path } = entry;
  if (entry.depth > maxDepth) {
    throw new Unsupported(`copying ${full} into the guest`, `it lies more than ${maxDepth} directories deep`);
  }
  // O_PATH waits for no FIFO's writer and wakes no device
  const handle = await describe(`open ${full}`, () => open(entry.opened, O_PATH | entry.flags));
  try {
    const stat = await describe(`read ${full}`, () => handle.stat());
    const piece = { path, mode: stat.mode, uid: stat.uid, gid: stat.gid, sizeBytes: 0, offset: 0, data: empty };
    if (stat.isDirectory()) {
      spend(0);
      yield piece;
      yield* readEntries({ ...entry, opened: nameOf(handle) }, spend);
    } else if (stat.isSymbolicLink()) {
      spend(0);
      // one that took its place meanwhile lies in the same directory, and is as good
      yield { ...piece, data: Buffer.from(await describe(`read ${full}`, () => readlink(entry.opened))) };
    } else if (stat.isFile()) {
      yield* readChunks({ ...entry, opened: nameOf(handle) }, piece, spend);
    }
    // sockets, FIFOs and devices have no meaning in another machine
  } finally {
    await handle.close();
  }
}

async function* readEntries(directory: Entry, spend: Spend): AsyncGenerator<TreePiece> {
  const { full, path, opened } = directory;
  const entries = await describe(`list ${full}`, () => readdir(opened, { withFileTypes: true }));
  // links last: when one is replaced, as the kubelet's `..data`, what it leads to is there already
  const order = ({ name, isLink }: { name: string; isLink: boolean }) => `${isLink ? 1 : 0}${name}`;
  const sorted = entries
    .map((entry) => ({ name: entry.name, isLink: entry.isSymbolicLink(), isDirectory: entry.isDirectory() }))
    .sort((one, other) => (order(one) < order(other) ? -1 : 1));
  for (const { name, isDirectory } of sorted) {
    // a directory is asked for by name, since nothing else makes the kernel mount what is announced there
    const flags = O_NOFOLLOW | (isDirectory ? O_DIRECTORY : 0);
    const below = { full: join(full, name), path: join(path, name), opened: `${opened}/${name}` };
    yield* readEntry({ ...below, depth: directory.depth + 1, flags }, spend);
  }
}

/** The size is taken from the open file, so that a file replaced meanwhile still arrives whole. */
async function* readChunks({ full, opened }: Entry, piece: TreePiece, spend: Spend): AsyncGenerator<TreePiece> {
  // a file that is leased to somebody fails at once: the lease may be a way to make us wait
  const file = await describe(`open ${full}`, () => open(opened, O_RDONLY | O_NONBLOCK));
  try {
    const { size } = await file.stat();
    spend(size);
    let offset = 0;
    do {
      const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, size - offset));
      const { bytesRead } = await describe(`read ${full}`, () => file.read(buffer, 0, buffer.length, offset));
      if (bytesRead === 0 && size > 0) throw new HostCallFailed(`read ${full}: it became shorter while copied`, "EIO");
      yield { ...piece, sizeBytes: size, offset, data: buffer.subarray(0, bytesRead) };
      offset += bytesRead;
    } while (offset < size);
  } finally {
    await file.close();
  }
}

/** Means what was opened, however it is named by now. */
function nameOf(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

async function describe<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new HostCallFailed(operation, errnoOf(error) ?? errorText(error), { cause: error });
  }
}

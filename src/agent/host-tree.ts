// A host file or directory as the pieces that CopyFile carries, in the order the guest needs them.
// What a volume links to outside itself is not followed: a link travels as a link.
import { lstat, open, readdir, readlink, realpath } from "node:fs/promises";
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
  yield* readEntry(await describe(`resolve ${root}`, () => realpath(root)), "", spend);
}

async function* readEntry(root: string, path: string, spend: (bytes: number) => void): AsyncGenerator<TreePiece> {
  const full = join(root, path);
  const stat = await describe(`read ${full}`, () => lstat(full));
  const piece = { path, mode: stat.mode, uid: stat.uid, gid: stat.gid, sizeBytes: 0, offset: 0, data: empty };
  if (stat.isDirectory()) {
    spend(0);
    yield piece;
    const entries = await describe(`list ${full}`, () => readdir(full, { withFileTypes: true }));
    // links last: when one is replaced, as the kubelet's `..data`, what it leads to is there already
    const order = ({ name, isLink }: { name: string; isLink: boolean }) => `${isLink ? 1 : 0}${name}`;
    const sorted = entries
      .map((entry) => ({ name: entry.name, isLink: entry.isSymbolicLink() }))
      .sort((one, other) => (order(one) < order(other) ? -1 : 1));
    for (const { name } of sorted) yield* readEntry(root, join(path, name), spend);
  } else if (stat.isSymbolicLink()) {
    spend(0);
    yield { ...piece, data: Buffer.from(await describe(`read ${full}`, () => readlink(full))) };
  } else if (stat.isFile()) {
    spend(stat.size);
    yield* readChunks(full, piece);
  }
  // sockets, FIFOs and devices have no meaning in another machine
}

/** The size is taken from the open file, so that a file replaced meanwhile still arrives whole. */
async function* readChunks(full: string, piece: TreePiece): AsyncGenerator<TreePiece> {
  const file = await describe(`open ${full}`, () => open(full, "r"));
  try {
    const { size } = await file.stat();
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

async function describe<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new HostCallFailed(operation, errnoOf(error) ?? errorText(error), { cause: error });
  }
}

// One layer's tar into a directory of its own, as overlayfs wants it: `.wh.NAME` becomes a character
// device 0/0, an opaque mark an extended attribute (image-spec, layer.md; overlayfs.rst). The tar is
// a stranger's and we are root: no step ever follows a link, and nothing is made outside the directory.
import { createWriteStream } from "node:fs";
import { chmod, lchown, link, lstat, lutimes, mkdir, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { finished } from "node:stream/promises";
import { Cancelled, InvalidRequest } from "../../lib/errors.ts";
import { hostCall, ifPresent } from "../host-call.ts";
import { checked, type Libc, loadLibc } from "../libc.ts";
import { readTar, type TarEntry, type TarMember } from "./tar.ts";

export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined;
  /** of all files together; default 64 GiB */
  readonly maxBytes?: number;
  /** default 4 million */
  readonly maxEntries?: number;
}

const whiteoutPrefix = ".wh.";
const opaqueName = ".wh..wh..opq";
/** aufs' own bookkeeping, which some old images carry */
const aufsPrefix = ".wh..wh.";
const fileType = { fifo: 0o010000, char: 0o020000, block: 0o060000 } as const;

/** `directory` must exist and be empty. */
export async function unpackLayer(
  tar: AsyncIterable<Uint8Array>,
  directory: string,
  options: UnpackOptions = {},
): Promise<void> {
  const layer = new LayerTree(directory, await loadLibc());
  const { maxBytes = 64 * 2 ** 30, maxEntries = 4_000_000, signal } = options;
  let bytes = 0;
  let entries = 0;
  for await (const member of readTar(tar)) {
    if (signal?.aborted) throw new Cancelled("unpacking a layer");
    bytes += member.entry.size;
    entries += 1;
    if (bytes > maxBytes || entries > maxEntries) {
      throw new InvalidRequest("layer", `holds more than ${maxBytes} bytes or ${maxEntries} files`);
    }
    await hostCall(`unpack ${member.entry.path}`, () => layer.add(member));
  }
  await layer.finish();
}

class LayerTree {
  readonly #root: string;
  readonly #libc: Libc;
  /** directories that were seen to be directories and are still */
  readonly #directories = new Set<string>([""]);
  /** set last, since adding to a directory changes its time */
  readonly #directoryFacts = new Map<string, TarEntry>();

  constructor(root: string, libc: Libc) {
    this.#root = root;
    this.#libc = libc;
  }

  async add(member: TarMember): Promise<void> {
    const { entry } = member;
    const path = relativePath(entry.path, "entry");
    if (path === "") {
      this.#directoryFacts.set("", entry);
      return;
    }
    const name = basename(path);
    const parent = parentOf(path);
    await this.#makeParents(parent, entry.path);
    if (name.startsWith(whiteoutPrefix)) await this.#whiteOut(parent, name);
    else if (entry.kind === "directory") await this.#addDirectory(path, entry);
    else await this.#replace(path, () => this.#make(path, member));
  }

  async finish(): Promise<void> {
    const deepestFirst = [...this.#directoryFacts].sort(([one], [other]) => (one < other ? 1 : -1));
    for (const [path, entry] of deepestFirst) {
      // a later entry may have put something else there
      if (this.#directories.has(path)) await this.#dress(join(this.#root, path), entry);
    }
  }

  async #whiteOut(parent: string, name: string): Promise<void> {
    if (name === opaqueName) {
      this.#setXattr(join(this.#root, parent), "trusted.overlay.opaque", Buffer.from("y"));
      return;
    }
    if (name.startsWith(aufsPrefix)) return;
    const hidden = name.slice(whiteoutPrefix.length);
    if (["", ".", ".."].includes(hidden)) throw new InvalidRequest("layer", `a whiteout of ${JSON.stringify(hidden)}`);
    const path = join(parent, hidden);
    await this.#replace(path, () => this.#makeNode(path, fileType.char, 0n));
  }

  async #addDirectory(path: string, entry: TarEntry): Promise<void> {
    if (!this.#directories.has(path) && !(await this.#isDirectory(path))) {
      await this.#replace(path, () => mkdir(join(this.#root, path)));
    }
    this.#directories.add(path);
    this.#directoryFacts.set(path, entry);
  }

  async #make(path: string, { entry, data }: TarMember): Promise<void> {
    const target = join(this.#root, path);
    switch (entry.kind) {
      case "file":
        await writeContent(target, data);
        break;
      case "hardlink":
        await link(join(this.#root, await this.#linkTarget(entry)), target);
        return; // one inode: its facts came with its first name
      case "symlink":
        await symlink(entry.linkPath, target);
        break;
      case "directory":
        return;
      case "char":
      case "block":
        this.#makeNode(path, fileType[entry.kind], deviceNumber(entry));
        break;
      case "fifo":
        this.#makeNode(path, fileType.fifo, 0n);
    }
    await this.#dress(target, entry);
  }

  async #linkTarget(entry: TarEntry): Promise<string> {
    const target = relativePath(entry.linkPath, "link target");
    await this.#requireParents(parentOf(target), entry.linkPath);
    const facts = await ifPresent(`look at ${target}`, () => lstat(join(this.#root, target)));
    if (facts === undefined || facts.isDirectory()) {
      throw new InvalidRequest("layer", `${entry.path} links to ${entry.linkPath}, which is no file of this layer`);
    }
    return target;
  }

  /** Owner first: changing it clears the set-id bits. */
  async #dress(target: string, entry: TarEntry): Promise<void> {
    await lchown(target, entry.uid, entry.gid);
    if (entry.kind !== "symlink") await chmod(target, entry.mode);
    for (const [name, value] of entry.xattrs) {
      // what overlayfs stores for itself is not the image's to set
      if (!name.startsWith("trusted.overlay.")) this.#setXattr(target, name, value);
    }
    const time = Math.max(0, Math.min(entry.mtimeSeconds, 0x3_ffff_ffff));
    await lutimes(target, time, time);
  }

  async #makeParents(parent: string, wanted: string): Promise<void> {
    if (this.#directories.has(parent)) return;
    await this.#makeParents(parentOf(parent), wanted);
    const facts = await ifPresent(`look at ${parent}`, () => lstat(join(this.#root, parent)));
    if (facts === undefined) await mkdir(join(this.#root, parent), { mode: 0o755 });
    else this.#requireDirectory(facts, parent, wanted);
    this.#directories.add(parent);
  }

  async #requireParents(parent: string, wanted: string): Promise<void> {
    if (this.#directories.has(parent)) return;
    await this.#requireParents(parentOf(parent), wanted);
    const facts = await lstat(join(this.#root, parent));
    this.#requireDirectory(facts, parent, wanted);
    this.#directories.add(parent);
  }

  #requireDirectory(facts: { isDirectory(): boolean; isSymbolicLink(): boolean }, path: string, wanted: string): void {
    if (facts.isDirectory()) return;
    const what = facts.isSymbolicLink() ? "a symbolic link" : "no directory";
    throw new InvalidRequest("layer", `${JSON.stringify(wanted)} goes through ${path}, which is ${what}`);
  }

  async #isDirectory(path: string): Promise<boolean> {
    const facts = await ifPresent(`look at ${path}`, () => lstat(join(this.#root, path)));
    return facts?.isDirectory() ?? false;
  }

  /** What stood there goes: a later entry of a tar wins. */
  async #replace(path: string, make: () => unknown): Promise<void> {
    await rm(join(this.#root, path), { recursive: true, force: true });
    for (const known of this.#directories) {
      if (known === path || known.startsWith(`${path}/`)) this.#directories.delete(known);
    }
    await make();
  }

  #makeNode(path: string, type: number, device: bigint): void {
    const target = join(this.#root, path);
    checked(this.#libc, `make node ${path}`, this.#libc.mknod(target, type | 0o600, device));
  }

  #setXattr(target: string, name: string, value: Buffer): void {
    checked(this.#libc, `set ${name} of ${target}`, this.#libc.lsetxattr(target, name, value, value.length, 0));
  }
}

/** Below the root, without `.` and empty parts; `..` is refused even where it would stay inside. */
function relativePath(path: string, what: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new InvalidRequest("layer", `the ${what} ${JSON.stringify(path)} leads upwards`);
  return parts.join("/");
}

function parentOf(path: string): string {
  const parent = dirname(path);
  return parent === "." ? "" : parent;
}

async function writeContent(target: string, data: AsyncIterable<Buffer>): Promise<void> {
  const file = createWriteStream(target, { flags: "wx", mode: 0o600, highWaterMark: 1024 * 1024 });
  const done = finished(file);
  done.catch(() => undefined);
  try {
    for await (const chunk of data) {
      if (!file.write(chunk))
        await Promise.race([new Promise<void>((resolve) => void file.once("drain", resolve)), done]);
    }
    file.end();
    await done;
  } finally {
    file.destroy();
  }
}

/** glibc's makedev. */
function deviceNumber({ major, minor }: TarEntry): bigint {
  const high = BigInt(major);
  const low = BigInt(minor);
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

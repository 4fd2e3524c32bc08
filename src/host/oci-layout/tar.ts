// A tar stream, entry by entry: ustar with GNU long names and pax records, as image layers have them
// (OCI image-spec, layer.md). Nothing is trusted: numbers, names and records are bounded and checked.
import { InvalidRequest } from "../../lib/errors.ts";

export type TarKind = "file" | "hardlink" | "symlink" | "char" | "block" | "directory" | "fifo";

export interface TarEntry {
  /** as written; may begin with / or hold .. */
  readonly path: string;
  readonly kind: TarKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  /** target of a link, else empty */
  readonly linkPath: string;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** offset of the content in the stream */
  readonly dataAt: number;
}

export interface TarMember {
  readonly entry: TarEntry;
  /** the content; what is not read is skipped */
  readonly data: AsyncIterable<Buffer>;
}

const blockBytes = 512;
const maxRecordBytes = 1024 * 1024;
const maxPathBytes = 4096;

const kinds: Readonly<Record<string, TarKind>> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

type Records = ReadonlyMap<string, Buffer>;

/** Reads to the end of the source, also behind the end marker, so that a digest over it is complete. */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember, void, void> {
  const input = new ByteSource(source);
  let records: Records = new Map();
  for (;;) {
    const block = await input.take(blockBytes);
    if (block === undefined || block.every((byte) => byte === 0)) break;
    const header = parseHeader(block, input.offset - blockBytes);
    if (header.type === "g") await input.take(padded(header.size, maxRecordBytes));
    else if (header.type === "x" || header.type === "L" || header.type === "K") {
      const content = await readRecord(input, header.size);
      records = new Map([...records, ...recordsOf(header.type, content)]);
    } else {
      const entry = makeEntry(header, records, input.offset);
      records = new Map();
      const remains = { bytes: entry.size };
      yield { entry, data: content(input, remains) };
      await input.skip(remains.bytes + (padded(entry.size) - entry.size));
    }
  }
  await input.drain();
}

interface Header {
  readonly type: string;
  readonly path: string;
  readonly linkPath: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

function parseHeader(block: Buffer, at: number): Header {
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  if (readNumber(block, 148, 8) !== sum) throw malformed(`no tar header at offset ${at}`);
  const isUstar = block.toString("latin1", 257, 262) === "ustar";
  // GNU's old format has other fields where POSIX has the prefix
  const isPosix = isUstar && block[263] === 0x30;
  const prefix = isPosix ? readText(block, 345, 155) : "";
  const name = readText(block, 0, 100);
  return {
    type: String.fromCharCode(block[156] ?? 0),
    path: prefix === "" ? name : `${prefix}/${name}`,
    linkPath: readText(block, 157, 100),
    mode: readNumber(block, 100, 8),
    uid: readNumber(block, 108, 8),
    gid: readNumber(block, 116, 8),
    size: readNumber(block, 124, 12),
    mtime: readNumber(block, 136, 12),
    major: isUstar ? readNumber(block, 329, 8) : 0,
    minor: isUstar ? readNumber(block, 337, 8) : 0,
  };
}

function makeEntry(header: Header, records: Records, dataAt: number): TarEntry {
  if (records.has("GNU.sparse.major") || header.type === "S") throw malformed(`${header.path} is a sparse file`);
  const kind = kinds[header.type];
  if (kind === undefined) throw malformed(`${header.path} has the unknown type ${JSON.stringify(header.type)}`);
  const words = (key: string, fallback: string) => records.get(key)?.toString("utf8") ?? fallback;
  const number = (key: string, fallback: number) => {
    const text = records.get(key)?.toString("latin1");
    if (text === undefined) return fallback;
    const value = Number(text);
    if (!Number.isFinite(value)) throw malformed(`record ${key} is no number`);
    return value;
  };
  const path = words("path", header.path);
  // before ustar, a directory was a file whose name ends in a slash
  const isOldDirectory = kind === "file" && path.endsWith("/");
  const entry: TarEntry = {
    path,
    kind: isOldDirectory ? "directory" : kind,
    mode: header.mode & 0o7777,
    uid: number("uid", header.uid),
    gid: number("gid", header.gid),
    size: kind === "file" && !isOldDirectory ? number("size", header.size) : 0,
    mtimeSeconds: number("mtime", header.mtime),
    linkPath: words("linkpath", header.linkPath),
    major: header.major,
    minor: header.minor,
    xattrs: xattrsOf(records),
    dataAt,
  };
  checkEntry(entry);
  return entry;
}

function checkEntry({ path, linkPath, uid, gid, size }: TarEntry): void {
  if (path === "" || path.includes("\0") || linkPath.includes("\0")) throw malformed("an entry without a proper name");
  if (Buffer.byteLength(path) > maxPathBytes || Buffer.byteLength(linkPath) > maxPathBytes) {
    throw malformed(`${path.slice(0, 60)}… is longer than ${maxPathBytes} bytes`);
  }
  const isWhole = (value: number, max: number) => Number.isInteger(value) && value >= 0 && value <= max;
  if (!isWhole(uid, 0xffff_fffe) || !isWhole(gid, 0xffff_fffe)) throw malformed(`${path} has an impossible owner`);
  if (!isWhole(size, Number.MAX_SAFE_INTEGER)) throw malformed(`${path} has an impossible size`);
}

const xattrPrefix = "SCHILY.xattr.";

function xattrsOf(records: Records): ReadonlyMap<string, Buffer> {
  const found = [...records].filter(([key]) => key.startsWith(xattrPrefix));
  return new Map(found.map(([key, value]) => [key.slice(xattrPrefix.length), value]));
}

/** Octal, or GNU's base-256 when the first bit is set. */
function readNumber(block: Buffer, at: number, length: number): number {
  const first = block[at] ?? 0;
  if ((first & 0x80) !== 0) {
    const bytes = Buffer.from(block.subarray(at, at + length));
    bytes[0] = first & 0x7f;
    const value = BigInt(`0x${bytes.toString("hex")}`);
    // a negative number: such a time is before 1970, and nothing else may be negative
    if ((first & 0x40) !== 0) return 0;
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed("a number out of range");
    return Number(value);
  }
  const text = readText(block, at, length).trim();
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text)) throw malformed(`${JSON.stringify(text)} is no octal number`);
  return Number.parseInt(text, 8);
}

function readText(block: Buffer, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

async function readRecord(input: ByteSource, size: number): Promise<Buffer> {
  const bytes = await input.take(padded(size, maxRecordBytes));
  if (bytes === undefined) throw malformed("it ends inside a record");
  return bytes.subarray(0, size);
}

function recordsOf(type: "x" | "L" | "K", content: Buffer): readonly (readonly [string, Buffer])[] {
  if (type === "x") return parsePax(content);
  const end = content.indexOf(0);
  return [[type === "L" ? "path" : "linkpath", content.subarray(0, end < 0 ? content.length : end)]];
}

/** `LENGTH KEY=VALUE\n`, LENGTH counting all of it (POSIX pax). */
function parsePax(content: Buffer): readonly (readonly [string, Buffer])[] {
  const records: (readonly [string, Buffer])[] = [];
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at);
    const digits = space < 0 ? "" : content.toString("latin1", at, space);
    const length = Number(digits);
    const equals = content.indexOf(0x3d, space);
    const end = at + length;
    if (!/^[1-9][0-9]{0,6}$/.test(digits) || equals < 0 || equals >= end || end > content.length) {
      throw malformed("a damaged pax record");
    }
    records.push([content.toString("utf8", space + 1, equals), content.subarray(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

async function* content(input: ByteSource, remains: { bytes: number }): AsyncGenerator<Buffer, void, void> {
  while (remains.bytes > 0) {
    const chunk = await input.some(remains.bytes);
    if (chunk === undefined) throw malformed("it ends inside a file");
    remains.bytes -= chunk.length;
    yield chunk;
  }
}

function padded(size: number, limit = Number.MAX_SAFE_INTEGER): number {
  if (size > limit) throw malformed(`a record of ${size} bytes`);
  return Math.ceil(size / blockBytes) * blockBytes;
}

function malformed(problem: string): InvalidRequest {
  return new InvalidRequest("image archive", problem);
}

/** Bytes of a stream in the amounts that are asked for. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);
  offset = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** At most `limit` bytes, at least one; undefined at the end. */
  async some(limit: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    const taken = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(taken.length);
    this.offset += taken.length;
    return taken;
  }

  /** Exactly `count` bytes; undefined when the stream has ended before the first. */
  async take(count: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    for (let missing = count; missing > 0; ) {
      const part = await this.some(missing);
      if (part === undefined) {
        if (parts.length === 0) return undefined;
        throw malformed("it ends in the middle of a block");
      }
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  async skip(count: number): Promise<void> {
    for (let missing = count; missing > 0; ) {
      const part = await this.some(missing);
      // the last padding may be missing
      if (part === undefined) {
        if (missing < blockBytes) return;
        throw malformed("it ends inside a file");
      }
      missing -= part.length;
    }
  }

  async drain(): Promise<void> {
    while ((await this.some(1024 * 1024)) !== undefined);
  }
}

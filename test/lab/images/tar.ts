// A minimal ustar writer: the same entries give the same bytes, so the test images have stable digests.
// Names and link targets beyond 100 bytes are refused.

export interface TarEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "hardlink";
  readonly mode: number;
  readonly data?: Buffer;
  readonly target?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** Modification time of every entry, seconds since 1970 */
export const EPOCH = 1_700_000_000;
const BLOCK = 512;
const typeFlag = { file: "0", hardlink: "1", symlink: "2", directory: "5" } as const;

export function directory(path: string, mode = 0o755, owner: { uid?: number; gid?: number } = {}): TarEntry {
  return { path, type: "directory", mode, ...owner };
}

export function file(path: string, data: string | Buffer, mode = 0o644): TarEntry {
  return { path, type: "file", mode, data: Buffer.from(data) };
}

export function symlink(path: string, target: string): TarEntry {
  return { path, type: "symlink", mode: 0o777, target };
}

export function hardlink(path: string, target: string): TarEntry {
  return { path, type: "hardlink", mode: 0o755, target };
}

export function tar(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const data = entry.data ?? Buffer.alloc(0);
    parts.push(header(entry, data.length), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK));
  }
  parts.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(parts);
}

function header(entry: TarEntry, size: number): Buffer {
  const name = entry.type === "directory" ? `${entry.path}/` : entry.path;
  const target = entry.target ?? "";
  if (Buffer.byteLength(name) > 100 || Buffer.byteLength(target) > 100) throw new Error(`name too long: ${name}`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, offset, "latin1");
  block.write(name, 0);
  octal(entry.mode, 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(entry.gid ?? 0, 116, 8);
  octal(size, 124, 12);
  octal(EPOCH, 136, 12);
  block.fill(0x20, 148, 156);
  block.write(typeFlag[entry.type], 156);
  block.write(target, 157);
  block.write("ustar\x0000", 257, "latin1");
  block.write("root", 265);
  block.write("root", 297);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

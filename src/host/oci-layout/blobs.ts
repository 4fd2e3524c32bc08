// Where an image's files are: a directory, or members of an archive that is never unpacked itself.
// Whatever is read by a digest is checked against it while it is read.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, HostCallFailed, InvalidRequest } from "../../lib/errors.ts";
import { readTar } from "./tar.ts";

export interface BlobStore {
  has(name: string): Promise<boolean>;
  /** InvalidRequest when it is not there */
  open(name: string): AsyncIterable<Buffer>;
}

/** Documents are small; a larger one is no manifest. */
const maxDocumentBytes = 4 * 1024 * 1024;

export async function openBlobs(path: string): Promise<BlobStore> {
  const facts = await stat(path).catch((error: unknown) => {
    throw new InvalidRequest("--oci", `cannot read ${path} (${errnoOf(error) ?? "EUNKNOWN"})`, { cause: error });
  });
  return facts.isDirectory() ? directoryBlobs(path) : await archiveBlobs(path);
}

export async function readDocument(blobs: BlobStore, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of blobs.open(name)) {
    size += chunk.length;
    if (size > maxDocumentBytes) throw new InvalidRequest("--oci", `${name} is larger than ${maxDocumentBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Passes the bytes on and throws at their end when they are not those that the digest names. */
export async function* verified(
  source: AsyncIterable<Uint8Array>,
  expected: { readonly digest: string; readonly size?: number },
): AsyncGenerator<Buffer, void, void> {
  const hash = createHash(algorithmOf(expected.digest));
  let size = 0;
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    hash.update(bytes);
    size += bytes.length;
    if (expected.size !== undefined && size > expected.size) break;
    yield bytes;
  }
  if (expected.size !== undefined && size !== expected.size) {
    throw new InvalidRequest("--oci", `${expected.digest} should have ${expected.size} bytes and has another size`);
  }
  const actual = `${algorithmOf(expected.digest)}:${hash.digest("hex")}`;
  if (actual !== expected.digest) {
    throw new InvalidRequest("--oci", `the content of ${expected.digest} is damaged: its digest is ${actual}`);
  }
}

/** Path of a blob in a layout (image-spec, image-layout.md); refuses what is no digest. */
export function blobName(digest: string): string {
  return `blobs/${algorithmOf(digest)}/${digest.slice(digest.indexOf(":") + 1)}`;
}

export function algorithmOf(digest: string): "sha256" | "sha512" {
  const algorithm = /^(sha256):[0-9a-f]{64}$|^(sha512):[0-9a-f]{128}$/.exec(digest);
  if (algorithm === null) throw new InvalidRequest("--oci", `${JSON.stringify(digest)} is no sha256 or sha512 digest`);
  return algorithm[1] === undefined ? "sha512" : "sha256";
}

function directoryBlobs(root: string): BlobStore {
  return {
    has: async (name) =>
      await stat(join(root, safeName(name))).then(
        (facts) => facts.isFile(),
        () => false,
      ),
    open: (name) => readFileStream(join(root, safeName(name)), name),
  };
}

async function archiveBlobs(path: string): Promise<BlobStore> {
  const members = new Map<string, { readonly start: number; readonly size: number; readonly link: string }>();
  for await (const { entry } of readTar(readFileStream(path, path))) {
    const name = entry.path.replace(/^(\.\/)+/, "");
    if (entry.kind === "file") members.set(name, { start: entry.dataAt, size: entry.size, link: "" });
    // docker save links equal layers: `../OTHER/layer.tar`
    if (entry.kind === "symlink" || entry.kind === "hardlink")
      members.set(name, { start: 0, size: 0, link: resolveLink(name, entry) });
  }
  const find = (name: string) => {
    const member = members.get(name);
    return member === undefined || member.link === "" ? member : members.get(member.link);
  };
  return {
    has: async (name) => find(name) !== undefined,
    open: (name) => {
      const member = find(name);
      if (member === undefined) throw new InvalidRequest("--oci", `${path} has no ${name}`);
      const { start, size } = member;
      return size === 0 ? emptyStream() : readFileStream(path, name, { start, end: start + size - 1 });
    },
  };
}

function resolveLink(name: string, entry: { readonly kind: string; readonly linkPath: string }): string {
  return entry.kind === "hardlink" ? entry.linkPath : join(name, "..", entry.linkPath);
}

async function* emptyStream(): AsyncGenerator<Buffer, void, void> {}

async function* readFileStream(
  path: string,
  name: string,
  range: { readonly start?: number; readonly end?: number } = {},
): AsyncGenerator<Buffer, void, void> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 512 * 1024, ...range })) yield chunk as Buffer;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") throw new InvalidRequest("--oci", `there is no ${name}`, { cause: error });
    if (errno === undefined) throw error;
    throw new HostCallFailed(`read ${path}`, errno, { cause: error });
  }
}

function safeName(name: string): string {
  const parts = name.split("/");
  if (name.startsWith("/") || parts.includes("..") || name.includes("\0")) {
    throw new InvalidRequest("--oci", `${JSON.stringify(name)} leads out of the image`);
  }
  return name;
}

// CopyFile: the host's way to send volumes without a shared file system (agent-protocol §4.6). Every
// component below the share is opened without following links, so nothing that was sent earlier can
// lead out of it. A file grows in a sibling and takes its name when it is complete.
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { errnoOf, InvalidRequest } from "../lib/errors.ts";
import type { CopyFileRequest } from "../wire/gen/kata/agent.ts";
import { removeOldVersions, VERSION_LINK } from "./stale-files.ts";
import { openBeneath } from "./sys/beneath.ts";

export const SHARE_ROOT = "/run/kata-containers/shared/containers";
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, S_IFDIR, S_IFLNK, S_IFMT } =
  constants;
const PATH_MAX = 4096;
/** one file, far above what a ConfigMap or Secret may hold */
const FILE_MAX = 16n * 1024n ** 3n;

export function copyFile(request: CopyFileRequest, root = SHARE_ROOT): void {
  const path = confine(request.path, root);
  checkSizes(request);
  mkdirSync(root, { recursive: true, mode: 0o755 });
  // names are resolved through the open directory, so a swapped parent cannot redirect us
  using parent = openBeneath(root, dirname(path), { field: "path", make: (made) => makeDirectory(made, request) });
  const target = join(parent.path, basename(path));
  const type = request.file_mode & S_IFMT;
  if (type === S_IFDIR) copyDirectory(target, request);
  else if (type === S_IFLNK) {
    const link = copyLink(target, request);
    if (basename(path) === VERSION_LINK) removeOldVersions(parent.path, link);
  } else copyChunk(target, request);
}

function confine(path: string, root: string): string {
  if (path.length > PATH_MAX || path.includes("\0")) throw new InvalidRequest("path", "is not a path");
  const plain = normalize(path);
  if (plain !== path.replace(/\/+/g, "/") || !plain.startsWith(`${root}/`) || plain.endsWith("/")) {
    throw new InvalidRequest("path", `${JSON.stringify(path)} is not below the prefix ${root}/`);
  }
  return plain;
}

function checkSizes(request: CopyFileRequest): void {
  const { file_size: size, offset, data } = request;
  if (size < 0n || size > FILE_MAX) throw new InvalidRequest("file_size", `${size} is out of range`);
  if (offset < 0n || offset > size || (!isLink(request) && offset + BigInt(data.length) > size)) {
    throw new InvalidRequest("offset", `${data.length} bytes at ${offset} do not fit ${size}`);
  }
}

function isLink(request: CopyFileRequest): boolean {
  return (request.file_mode & S_IFMT) === S_IFLNK;
}

function makeDirectory(path: string, request: CopyFileRequest): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return;
    throw error;
  }
  own(path, request, request.dir_mode & 0o777 || 0o755);
}

/** As it was made or found, not where a container may have put a link since. */
function own(directory: string, { uid, gid }: CopyFileRequest, mode: number): void {
  const fd = openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    fchownSync(fd, uid, gid);
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

function copyDirectory(target: string, request: CopyFileRequest): void {
  try {
    mkdirSync(target);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST" || !lstatSync(target).isDirectory()) throw error;
  }
  own(target, request, request.file_mode & 0o7777);
}

/** Made beside and renamed over, so that a reader sees the old or the new target, never none; where it leads. */
function copyLink(target: string, request: CopyFileRequest): string {
  const link = Buffer.from(request.data).toString("utf8");
  if (link === "" || link.length > PATH_MAX || link.includes("\0"))
    throw new InvalidRequest("data", "is not a link target");
  const temporary = `${target}.kata-tmp`;
  rmSync(temporary, { force: true });
  symlinkSync(link, temporary);
  lchownSync(temporary, request.uid, request.gid);
  renameSync(temporary, target);
  return link;
}

function copyChunk(target: string, request: CopyFileRequest): void {
  const temporary = `${target}.kata-tmp`;
  // what a container left there, a FIFO that nobody reads among it, is neither waited for nor written to
  if (request.offset === 0n) rmSync(temporary, { force: true });
  const flags = request.offset === 0n ? O_CREAT | O_EXCL : O_NONBLOCK;
  const fd = openSync(temporary, O_WRONLY | O_NOFOLLOW | flags, 0o600);
  try {
    for (let at = 0; at < request.data.length; ) {
      at += writeSync(fd, request.data, at, request.data.length - at, Number(request.offset) + at);
    }
    if (BigInt(fstatSync(fd).size) !== request.file_size) return;
    fchownSync(fd, request.uid, request.gid);
    fchmodSync(fd, request.file_mode & 0o7777);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, target);
}

// The dm-verity superblock: parameters of a hash tree, 512 little-endian bytes in front of it.
// The root hash does not cover these bytes: a wrong salt or size makes verification fail, it
// cannot forge. Facts: reference/measured-boot.md §6, cryptsetup's on-disk format version 1.
import { InvalidRequest } from "../../lib/errors.ts";
import { ByteReader } from "../reader.ts";

export const SUPERBLOCK_SIZE = 512;
const MAGIC = Buffer.from("verity\0\0", "latin1");
const MAX_SALT = 256;
const MAX_BLOCKS = 2 ** 40;

/** Digest size in bytes of each algorithm that veritysetup and the kernel agree on here. */
export const VERITY_DIGEST_SIZES = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;
export type VerityAlgorithm = keyof typeof VERITY_DIGEST_SIZES;

export interface VerityParams {
  readonly algorithm: VerityAlgorithm;
  /** bytes, a power of two between 512 and 65536 */
  readonly dataBlockSize: number;
  /** bytes, a power of two between 512 and 65536 */
  readonly hashBlockSize: number;
  /** at most 256 bytes, hashed in front of every block */
  readonly salt: Uint8Array;
}

export interface VeritySuperblock extends VerityParams {
  readonly uuid: string;
  readonly dataBlocks: number;
}

export const DEFAULT_VERITY: VerityParams = {
  algorithm: "sha256",
  dataBlockSize: 4096,
  hashBlockSize: 4096,
  salt: new Uint8Array(0),
};

export function parseSuperblock(bytes: Uint8Array): VeritySuperblock {
  const reader = new ByteReader(bytes, "verity superblock");
  const head = reader.at(0, SUPERBLOCK_SIZE);
  if (!MAGIC.equals(head.bytes(8))) head.fail("is not one (magic missing)", 0);
  const version = head.u32le();
  if (version !== 1) head.fail(`version ${version}, known is 1`, 8);
  const hashType = head.u32le();
  if (hashType !== 1) head.fail(`hash type ${hashType}, known is 1`, 12);
  const uuid = uuidText(head.bytes(16));
  const algorithm = parseAlgorithm(head);
  const dataBlockSize = parseBlockSize(head);
  const hashBlockSize = parseBlockSize(head);
  const dataBlocks = head.size64le();
  if (dataBlocks === 0 || dataBlocks > MAX_BLOCKS) head.fail(`${dataBlocks} data blocks`, 72);
  const saltSize = head.u16le();
  if (saltSize > MAX_SALT) head.fail(`a salt of ${saltSize} bytes, at most ${MAX_SALT} fit`, 80);
  const salt = head.skip(6).bytes(saltSize);
  return { uuid, algorithm, dataBlockSize, hashBlockSize, dataBlocks, salt };
}

export function renderSuperblock(superblock: VeritySuperblock): Buffer {
  const raw = Buffer.alloc(SUPERBLOCK_SIZE);
  MAGIC.copy(raw, 0);
  raw.writeUInt32LE(1, 8);
  raw.writeUInt32LE(1, 12);
  Buffer.from(superblock.uuid.replaceAll("-", ""), "hex").copy(raw, 16, 0, 16);
  raw.write(superblock.algorithm, 32, "latin1");
  raw.writeUInt32LE(superblock.dataBlockSize, 64);
  raw.writeUInt32LE(superblock.hashBlockSize, 68);
  raw.writeBigUInt64LE(BigInt(superblock.dataBlocks), 72);
  raw.writeUInt16LE(superblock.salt.length, 80);
  raw.set(superblock.salt, 88);
  return raw;
}

/** Refuses parameters that the kernel would refuse. */
export function checkVerityParams(params: VerityParams): void {
  for (const key of ["dataBlockSize", "hashBlockSize"] as const) {
    if (!isBlockSize(params[key])) throw new InvalidRequest(key, `${params[key]} is no power of two in 512..65536`);
  }
  if (params.salt.length > MAX_SALT) throw new InvalidRequest("salt", `is longer than ${MAX_SALT} bytes`);
}

function parseAlgorithm(reader: ByteReader): VerityAlgorithm {
  const at = reader.position;
  const name = Buffer.from(reader.bytes(32)).toString("latin1").replace(/\0.*$/s, "");
  if (Object.hasOwn(VERITY_DIGEST_SIZES, name)) return name as VerityAlgorithm;
  return reader.fail(`unknown hash ${JSON.stringify(name)}`, at);
}

function parseBlockSize(reader: ByteReader): number {
  const at = reader.position;
  const size = reader.u32le();
  return isBlockSize(size) ? size : reader.fail(`block size ${size} is no power of two in 512..65536`, at);
}

function isBlockSize(size: number): boolean {
  return Number.isInteger(size) && size >= 512 && size <= 65536 && (size & (size - 1)) === 0;
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// Builds a dm-verity hash tree from data that arrives in chunks, and its root hash. A level's
// block holds a power of two of digest slots, each H(salt || block); on disk the top level comes
// first. Facts: reference/measured-boot.md §6; a device of one block has no tree at all.
import { createHash, hash } from "node:crypto";
import { InvalidRequest } from "../../lib/errors.ts";
import { checkVerityParams, VERITY_DIGEST_SIZES, type VerityParams } from "./superblock.ts";

export interface VerityTree {
  readonly rootHash: Buffer;
  /** hash blocks as they lie on disk after the superblock's block, top level first */
  readonly tree: Buffer;
  readonly dataBlocks: number;
}

interface Level {
  readonly bytes: Buffer;
  readonly blocks: number;
}

/** Takes data in pieces of any size; only the digests of whole blocks are kept. */
export class VerityTreeBuilder {
  private readonly params: VerityParams;
  private readonly digester: BlockDigester;
  private readonly partial: Buffer;
  private partialLength = 0;
  private digests: DigestLevel;

  constructor(params: VerityParams) {
    checkVerityParams(params);
    this.params = params;
    this.digester = new BlockDigester(params, params.dataBlockSize);
    this.partial = Buffer.allocUnsafe(params.dataBlockSize);
    this.digests = new DigestLevel(params);
  }

  update(chunk: Uint8Array): void {
    const size = this.params.dataBlockSize;
    let at = 0;
    if (this.partialLength > 0) {
      at = Math.min(size - this.partialLength, chunk.length);
      this.partial.set(chunk.subarray(0, at), this.partialLength);
      this.partialLength += at;
      if (this.partialLength < size) return;
      this.digests.push(this.digester.digest(this.partial, 0));
      this.partialLength = 0;
    }
    for (; at + size <= chunk.length; at += size) this.digests.push(this.digester.digest(chunk, at));
    this.partial.set(chunk.subarray(at));
    this.partialLength = chunk.length - at;
  }

  finish(): VerityTree {
    const dataBlocks = this.digests.count;
    if (this.partialLength > 0 || dataBlocks === 0) {
      throw new InvalidRequest(
        "data",
        `is not a positive multiple of the ${this.params.dataBlockSize}-byte data block`,
      );
    }
    if (dataBlocks === 1) return { rootHash: this.digests.first(), tree: Buffer.alloc(0), dataBlocks };
    const levels: Level[] = [this.digests.close()];
    const digester = new BlockDigester(this.params, this.params.hashBlockSize);
    for (let below = levels[0]!; below.blocks > 1; below = levels[0]!) levels.unshift(digestLevel(below, digester));
    const rootHash = Buffer.from(digester.digest(levels[0]!.bytes, 0));
    return { rootHash, tree: Buffer.concat(levels.map((level) => level.bytes)), dataBlocks };
  }
}

/** Tree and root hash of data that is at hand or can be iterated. */
export function formatVerity(data: Iterable<Uint8Array>, params: VerityParams): VerityTree {
  const builder = new VerityTreeBuilder(params);
  for (const chunk of data) builder.update(chunk);
  return builder.finish();
}

/** Size in bytes of the tree (superblock not counted) for a device of `dataBlocks`. */
export function verityTreeSize(dataBlocks: number, params: VerityParams): number {
  const per = slotsPerBlock(params);
  let total = 0;
  for (let blocks = dataBlocks; blocks > 1; ) {
    blocks = Math.ceil(blocks / per);
    total += blocks;
  }
  return total * params.hashBlockSize;
}

function digestLevel(below: Level, digester: BlockDigester): Level {
  const level = new DigestLevel(digester.params);
  const size = digester.params.hashBlockSize;
  for (let block = 0; block < below.blocks; block++) level.push(digester.digest(below.bytes, block * size));
  return level.close();
}

function slotSize(params: VerityParams): number {
  return 2 ** Math.ceil(Math.log2(VERITY_DIGEST_SIZES[params.algorithm]));
}

function slotsPerBlock(params: VerityParams): number {
  return params.hashBlockSize / slotSize(params);
}

/** One growing level: digests in their slots, zero between and after them. */
class DigestLevel {
  count = 0;
  private readonly slot: number;
  private readonly digestSize: number;
  private readonly blockSize: number;
  private bytes: Buffer;

  constructor(params: VerityParams) {
    this.slot = slotSize(params);
    this.digestSize = VERITY_DIGEST_SIZES[params.algorithm];
    this.blockSize = params.hashBlockSize;
    this.bytes = Buffer.alloc(this.blockSize * 16);
  }

  push(digest: Uint8Array): void {
    const at = this.count * this.slot;
    if (at + this.slot > this.bytes.length) {
      const larger = Buffer.alloc(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.set(digest, at);
    this.count++;
  }

  first(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.digestSize));
  }

  close(): Level {
    const blocks = Math.ceil((this.count * this.slot) / this.blockSize);
    return { bytes: this.bytes.subarray(0, blocks * this.blockSize), blocks };
  }
}

/** H(salt || block) through one reused buffer: the one-shot hash costs half of createHash per 4 KiB. */
class BlockDigester {
  readonly params: VerityParams;
  private readonly input: Buffer;
  private readonly saltSize: number;
  private readonly blockSize: number;

  constructor(params: VerityParams, blockSize: number) {
    this.params = params;
    this.blockSize = blockSize;
    this.saltSize = params.salt.length;
    this.input = Buffer.allocUnsafe(this.saltSize + blockSize);
    this.input.set(params.salt);
  }

  digest(bytes: Uint8Array, at: number): Uint8Array {
    this.input.set(bytes.subarray(at, at + this.blockSize), this.saltSize);
    return oneShot(this.params.algorithm, this.input);
  }
}

// crypto.hash came with Node 20.12; types of @types/node 20 know it, older runtimes do not have it.
const oneShot: (algorithm: string, input: Buffer) => Buffer =
  typeof hash === "function"
    ? (algorithm, input) => hash(algorithm, input, "buffer")
    : (algorithm, input) => createHash(algorithm).update(input).digest();

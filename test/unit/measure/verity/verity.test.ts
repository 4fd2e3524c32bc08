// Expected values come from veritysetup (cryptsetup), run here on the same bytes, and from a
// root hash noted from it; where the program is missing the comparison says so and skips.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { formatVerity, VerityTreeBuilder, verityTreeSize } from "../../../../src/measure/verity/hash-tree.ts";
import {
  DEFAULT_VERITY,
  parseSuperblock,
  renderSuperblock,
  type VerityParams,
} from "../../../../src/measure/verity/superblock.ts";
import { skip } from "../../../support/tools.ts";

const hasVeritysetup = spawnSync("veritysetup", ["--version"]).status === 0;

/** Bytes that differ from block to block, the same on every run. */
function sample(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, n = 0; at < length; at += 32, n++) createHash("sha256").update(String(n)).digest().copy(bytes, at);
  return bytes;
}

interface Case {
  readonly name: string;
  readonly blocks: number;
  readonly params: VerityParams;
}

const salt = Buffer.from("00112233445566778899aabbccddeeff", "hex");
const cases: readonly Case[] = [
  { name: "one data block", blocks: 1, params: { ...DEFAULT_VERITY, salt } },
  { name: "two data blocks", blocks: 2, params: { ...DEFAULT_VERITY, salt } },
  { name: "one full hash block", blocks: 128, params: { ...DEFAULT_VERITY, salt } },
  { name: "one block more than a full hash block", blocks: 129, params: { ...DEFAULT_VERITY, salt } },
  { name: "no salt", blocks: 300, params: DEFAULT_VERITY },
  {
    name: "four levels of 512-byte blocks",
    blocks: 5000,
    params: { ...DEFAULT_VERITY, dataBlockSize: 512, hashBlockSize: 512, salt },
  },
  { name: "unequal block sizes", blocks: 700, params: { ...DEFAULT_VERITY, dataBlockSize: 1024, salt } },
  { name: "sha512", blocks: 200, params: { ...DEFAULT_VERITY, algorithm: "sha512", salt } },
  {
    name: "sha1, whose digests do not fill their slots",
    blocks: 200,
    params: { ...DEFAULT_VERITY, algorithm: "sha1", salt },
  },
];

describe("dm-verity hash tree", () => {
  for (const { name, blocks, params } of cases) {
    it(`equals veritysetup's root hash, tree and superblock: ${name}`, function () {
      if (!hasVeritysetup) skip(this, "needs veritysetup");
      const data = sample(blocks * params.dataBlockSize);
      const peer = veritysetup(data, params);
      const own = formatVerity([data], params);
      assert.equal(own.rootHash.toString("hex"), peer.rootHash);
      assert.equal(own.dataBlocks, blocks);
      assert.ok(own.tree.equals(peer.device.subarray(params.hashBlockSize)), "tree bytes differ");
      assert.equal(verityTreeSize(blocks, params), own.tree.length);
      const superblock = parseSuperblock(peer.device);
      assert.equal(superblock.dataBlocks, blocks);
      assert.deepEqual(Buffer.from(superblock.salt), Buffer.from(params.salt));
      assert.ok(renderSuperblock(superblock).equals(peer.device.subarray(0, 512)), "superblock bytes differ");
    });
  }

  it("does not depend on how the data is cut into chunks", () => {
    const data = sample(300 * 4096);
    const whole = formatVerity([data], DEFAULT_VERITY);
    for (const size of [1, 4095, 4097, 65536 + 13]) {
      const builder = new VerityTreeBuilder(DEFAULT_VERITY);
      const end = size === 1 ? 2 * 4096 : data.length;
      for (let at = 0; at < end; at += size) builder.update(data.subarray(at, Math.min(at + size, end)));
      const expected = size === 1 ? formatVerity([data.subarray(0, end)], DEFAULT_VERITY) : whole;
      assert.equal(builder.finish().rootHash.toString("hex"), expected.rootHash.toString("hex"));
    }
  });

  it("gives the root hash that veritysetup 2.6.1 gave for 1 MiB of zeros and no salt", () => {
    const { rootHash } = formatVerity([Buffer.alloc(1 << 20)], DEFAULT_VERITY);
    assert.equal(rootHash.toString("hex"), "5d98121f8aeff2a38a3fffee013f85980078507a0ffbd99e5a8d616ecfe7db6a");
  });

  it("moves the root hash when one bit of the data moves", () => {
    const data = sample(64 * 4096);
    const before = formatVerity([data], DEFAULT_VERITY).rootHash;
    data[63 * 4096] = (data[63 * 4096] ?? 0) ^ 1;
    assert.notDeepEqual(formatVerity([data], DEFAULT_VERITY).rootHash, before);
  });

  it("refuses data that ends inside a block, and no data", () => {
    assert.throws(() => formatVerity([Buffer.alloc(4097)], DEFAULT_VERITY), { code: "InvalidRequest" });
    assert.throws(() => formatVerity([], DEFAULT_VERITY), { code: "InvalidRequest" });
  });
});

describe("dm-verity superblock", () => {
  const valid = renderSuperblock({
    ...DEFAULT_VERITY,
    salt,
    uuid: "01234567-89ab-cdef-0123-456789abcdef",
    dataBlocks: 7,
  });
  const refusals: readonly (readonly [string, (raw: Buffer) => unknown, number])[] = [
    ["no magic", (raw) => raw.writeUInt8(0, 0), 0],
    ["an unknown version", (raw) => raw.writeUInt32LE(2, 8), 8],
    ["the Chrome OS layout", (raw) => raw.writeUInt32LE(0, 12), 12],
    ["an unknown hash", (raw) => raw.write("md5\0", 32), 32],
    ["a block size that is no power of two", (raw) => raw.writeUInt32LE(4095, 64), 64],
    ["no data blocks", (raw) => raw.writeBigUInt64LE(0n, 72), 72],
    ["a salt longer than its field", (raw) => raw.writeUInt16LE(257, 80), 80],
  ];
  for (const [name, damage, offset] of refusals) {
    it(`is refused with the offset: ${name}`, () => {
      const raw = Buffer.from(valid);
      damage(raw);
      assert.throws(
        () => parseSuperblock(raw),
        (error) => error instanceof MalformedInput && error.offset === offset,
      );
    });
  }

  it("is refused when cut short", () => {
    assert.throws(() => parseSuperblock(valid.subarray(0, 511)), MalformedInput);
  });
});

function veritysetup(data: Buffer, params: VerityParams): { rootHash: string; device: Buffer } {
  const dir = mkdtempSync(join(tmpdir(), "verity-"));
  try {
    writeFileSync(join(dir, "data"), data);
    const text = execFileSync("veritysetup", [
      "format",
      `--hash=${params.algorithm}`,
      `--data-block-size=${params.dataBlockSize}`,
      `--hash-block-size=${params.hashBlockSize}`,
      `--salt=${params.salt.length === 0 ? "-" : Buffer.from(params.salt).toString("hex")}`,
      join(dir, "data"),
      join(dir, "hash"),
    ]).toString();
    return { rootHash: /Root hash:\s+([0-9a-f]+)/.exec(text)?.[1] ?? "", device: readFileSync(join(dir, "hash")) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

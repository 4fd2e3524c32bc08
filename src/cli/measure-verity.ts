// `kata-cvm measure verity`: the root hash of an image, recomputed from its data; with the hash
// device, that its superblock's parameters and every block of its tree agree too.
import { InvalidRequest } from "../lib/errors.ts";
import { toHex } from "../measure/hex.ts";
import { type VerityTree, VerityTreeBuilder, verityTreeSize } from "../measure/verity/hash-tree.ts";
import {
  DEFAULT_VERITY,
  parseSuperblock,
  SUPERBLOCK_SIZE,
  type VerityParams,
  type VeritySuperblock,
} from "../measure/verity/superblock.ts";
import { type CommandResult, defineCommand } from "./command.ts";
import { readInputChunks } from "./read-input.ts";

export const measureVerityCommand = defineCommand({
  command: "measure verity",
  describe: "dm-verity root hash of an image",
  options: {
    data: { type: "string", describe: "data device or image", demandOption: true },
    hash: { type: "string", describe: "hash device: its superblock gives the parameters, its tree is compared" },
    salt: { type: "string", describe: "hex, when there is no hash device" },
    algorithm: {
      type: "string",
      describe: "when there is no hash device",
      choices: ["sha1", "sha256", "sha384", "sha512"],
      default: "sha256",
    },
    "root-hash": { type: "string", describe: "hex; exit code 1 when another one comes out" },
  },
  async run({ data, hash, salt = "", algorithm, "root-hash": expected }) {
    const superblock = hash === undefined ? undefined : await readSuperblock(hash);
    const params = superblock ?? { ...DEFAULT_VERITY, algorithm, salt: parseSalt(salt) };
    const tree = await hashData(data, params, superblock);
    const difference = hash === undefined ? undefined : ((await firstDifference(hash, params, tree)) ?? "none");
    return renderResult(params, tree, { expected: expected?.toLowerCase(), difference });
  },
});

/** `difference` is absent without a hash device, else where its tree differs. */
interface Comparison {
  readonly expected: string | undefined;
  readonly difference: number | "none" | undefined;
}

function renderResult(params: VerityParams, tree: VerityTree, { expected, difference }: Comparison): CommandResult {
  const rootHash = toHex(tree.rootHash);
  const salt = toHex(params.salt);
  const isExpected = expected === undefined || expected === rootHash;
  const isTreeEqual = difference === undefined || difference === "none";
  const json = {
    rootHash,
    algorithm: params.algorithm,
    salt,
    dataBlocks: tree.dataBlocks,
    dataBlockSize: params.dataBlockSize,
    hashBlockSize: params.hashBlockSize,
    treeBytes: verityTreeSize(tree.dataBlocks, params),
    ...(difference === undefined ? {} : { isTreeEqual, firstDifference: isTreeEqual ? null : difference }),
    ...(expected === undefined ? {} : { expected }),
  };
  const text = [
    `root hash   ${rootHash}${isExpected ? "" : `, expected ${expected}`}`,
    `parameters  ${params.algorithm}, salt ${salt || "-"}, ${tree.dataBlocks} blocks of ${params.dataBlockSize} bytes`,
    ...(difference === undefined ? [] : [`tree        ${isTreeEqual ? "equal" : `differs at byte ${difference}`}`]),
  ];
  return { json, text: text.join("\n"), exitCode: isExpected && isTreeEqual ? 0 : 1 };
}

async function readSuperblock(path: string): Promise<VeritySuperblock> {
  const chunks: Buffer[] = [];
  for await (const chunk of readInputChunks("--hash", path, SUPERBLOCK_SIZE)) chunks.push(Buffer.from(chunk));
  return parseSuperblock(Buffer.concat(chunks));
}

async function hashData(path: string, params: VerityParams, superblock?: VeritySuperblock): Promise<VerityTree> {
  const builder = new VerityTreeBuilder(params);
  const length = superblock === undefined ? undefined : superblock.dataBlocks * superblock.dataBlockSize;
  for await (const chunk of readInputChunks("--data", path, length)) builder.update(chunk);
  const tree = builder.finish();
  if (superblock !== undefined && tree.dataBlocks !== superblock.dataBlocks) {
    throw new InvalidRequest("--data", `has ${tree.dataBlocks} blocks, the superblock names ${superblock.dataBlocks}`);
  }
  return tree;
}

/** Offset in the hash device of the first byte that differs from the computed tree. */
async function firstDifference(path: string, params: VerityParams, { tree }: VerityTree): Promise<number | undefined> {
  const start = Math.max(params.hashBlockSize, SUPERBLOCK_SIZE);
  let at = 0;
  for await (const chunk of readInputChunks("--hash", path, start + tree.length)) {
    const from = Math.max(0, start - at);
    const expected = tree.subarray(Math.max(0, at - start), Math.max(0, at + chunk.length - start));
    const actual = chunk.subarray(Math.min(from, chunk.length));
    if (!actual.equals(expected)) {
      const index = expected.findIndex((byte, position) => byte !== actual[position]);
      return at + from + Math.max(0, index);
    }
    at += chunk.length;
  }
  return at < start + tree.length ? at : undefined;
}

function parseSalt(salt: string): Buffer {
  if (!/^([0-9a-fA-F]{2})*$/.test(salt)) throw new InvalidRequest("--salt", "is no hex string");
  return Buffer.from(salt, "hex");
}

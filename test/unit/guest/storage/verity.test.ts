import assert from "node:assert/strict";
import { isVerityEnabled, parseVerityOptions, verityTarget } from "../../../../src/guest/storage/verity.ts";
import { InvalidRequest } from "../../../../src/lib/errors.ts";

const rootHash = "8cf978d73b0da07d02755186525ec02653ab20ce00000000000000000026ab90";
const given = (more: Record<string, string> = {}) =>
  Object.entries({ roothash: rootHash, hashoffset: "1990656", salt: "aabb", ...more }).map(
    ([name, value]) => `X-kata.dmverity.${name}=${value}`,
  );

describe("a layer's dm-verity table", () => {
  it("is what the kernel's documentation asks for, with the tree one block behind the superblock", () => {
    const target = verityTarget("/dev/sda", parseVerityOptions(given()));
    assert.deepEqual(target, {
      type: "verity",
      sectors: 3888,
      parameters: `1 /dev/sda /dev/sda 4096 4096 486 487 sha256 ${rootHash} aabb`,
    });
  });

  it("begins the tree where the data ends when there is no superblock, and writes no salt as a dash", () => {
    const target = verityTarget("/dev/sda", parseVerityOptions(given({ "no-superblock": "true", salt: "-" })));
    assert.equal(target.parameters, `1 /dev/sda /dev/sda 4096 4096 486 486 sha256 ${rootHash} -`);
  });

  it("counts hash blocks in their own size", () => {
    const { parameters } = verityTarget(
      "/dev/sda",
      parseVerityOptions(given({ blocksize: "1024", hashsize: "512", hashoffset: "8192" })),
    );
    assert.match(parameters, /^1 \/dev\/sda \/dev\/sda 1024 512 8 17 sha256 /);
  });

  for (const [what, more] of [
    ["no root hash", { roothash: "" }],
    ["a root hash that carries table words", { roothash: `${rootHash} 1 ignore_corruption` }],
    ["an algorithm that carries table words", { algorithm: "sha256 x" }],
    ["a hash offset of zero", { hashoffset: "0" }],
    ["an unaligned hash offset", { hashoffset: "1990657" }],
    ["a negative hash offset", { hashoffset: "-4096" }],
    ["a block size that is no power of two", { blocksize: "3000" }],
    ["a salt that is not hex", { salt: "xyz" }],
  ] as const) {
    it(`is refused for ${what}`, () => {
      assert.throws(() => parseVerityOptions(given(more)), InvalidRequest);
    });
  }

  it("is wanted only when the option says true", () => {
    assert.deepEqual([["X-kata.dmverity-enabled=true"], ["X-kata.dmverity-enabled=false"], []].map(isVerityEnabled), [
      true,
      false,
      false,
    ]);
  });
});

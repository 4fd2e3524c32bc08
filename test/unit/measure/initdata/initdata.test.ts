// Expected digests: sha256sum, sha384sum, sha512sum of the same bytes; PCR 8 by trustee's rule
// sha256(32 zero bytes || digest cut or padded to 32), reference/measured-boot.md §5.
import assert from "node:assert/strict";
import { measureInitdata, parseInitdata } from "../../../../src/measure/initdata/initdata.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";

const document = (algorithm: string): Buffer =>
  Buffer.from(
    `version = "0.1.0"\nalgorithm = "${algorithm}"\n\n[data]\n"aa.toml" = """\n[token_configs]\n"""\n"policy.rego" = "package agent_policy\\n"\n`,
  );

const vectors = [
  {
    algorithm: "sha256",
    digest: "5684cb7d53a7b984fab14ee3b007db11a14822eebb94cef81761df1b0988cc54",
    pcr8: "8204b3d8ec00723b8f64d664dd5a6adeafa1ab2c911f55d9dabb0b428f22d103",
  },
  {
    algorithm: "sha384",
    digest: "27e2c20928eea198147f1f6d7e505e19a6b57faa21a1e53dfef3664c3a449477e11b71bf7a86c3b5b99263c7203b7381",
    pcr8: "23ed6087ccc18bf88292be6b00a36a94bcdf0484a8c85ca0109e5f79c7f0a4d4",
  },
  {
    algorithm: "sha512",
    digest:
      "1408460892de4270ed2c241da335a860151f3312ff508aec8a0c0d0ee12e4a9b10c9e012e80830e96ef6ea3980adf144279153da9255edc6c36eb3d789d80161",
    pcr8: "dc9e622336863082198e5b1def81bb5d6ec9876b6380fd7c47d8400406b38203",
  },
] as const;

describe("initdata", () => {
  for (const { algorithm, digest, pcr8 } of vectors) {
    it(`is bound by the ${algorithm} of its raw bytes, cut or zero-padded to each platform's field`, () => {
      const binding = measureInitdata(document(algorithm));
      assert.equal(binding.digest.toString("hex"), digest);
      assert.equal(binding.snpHostData.toString("hex"), digest.slice(0, 64));
      assert.equal(binding.tdxMrConfigId.toString("hex"), digest.slice(0, 96).padEnd(96, "0"));
      assert.equal(binding.pcr8.toString("hex"), pcr8);
    });
  }

  it("gives its files in order, unchanged", () => {
    assert.deepEqual(
      [...parseInitdata(document("sha256")).data],
      [
        ["aa.toml", "[token_configs]\n"],
        ["policy.rego", "package agent_policy\n"],
      ],
    );
  });

  it("changes its digest with a comment or a space, because nothing is normalised", () => {
    const changed = Buffer.concat([document("sha256"), Buffer.from("# \n")]);
    assert.notDeepEqual(measureInitdata(changed).digest, measureInitdata(document("sha256")).digest);
  });

  for (const [name, text] of [
    ["no TOML", "version = "],
    ["a dash in the algorithm, which Kata refuses too", 'version = "0.1.0"\nalgorithm = "sha-256"\n'],
    ["another version", 'version = "0.2.0"\nalgorithm = "sha256"\n'],
    ["no algorithm", 'version = "0.1.0"\n'],
    ["a value that is no string", 'version = "0.1.0"\nalgorithm = "sha256"\n[data]\nx = 1\n'],
    ["the same key twice", 'version = "0.1.0"\nversion = "0.1.0"\nalgorithm = "sha256"\n'],
  ] as const) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => parseInitdata(Buffer.from(text)), MalformedInput);
    });
  }

  it("is refused when it is not UTF-8", () => {
    assert.throws(() => parseInitdata(Buffer.from([0xff, 0xfe, 0x00])), /not UTF-8/);
  });
});

// The quick reading of options against yargs, which reads everything else: where the quick one answers, both agree.
import assert from "node:assert/strict";
import yargs from "yargs";
import type { CommandOptions } from "../../../src/cli/command.ts";
import { plainArgs } from "../../../src/cli/plain-args.ts";
import { random } from "../../fuzz/mutate.ts";

const options = {
  ovmf: { type: "string", describe: "" },
  vcpus: { type: "number", describe: "" },
  "vcpu-type": { type: "string", describe: "" },
  ladder: { type: "boolean", describe: "" },
  phase: { type: "string", describe: "", array: true },
} as const satisfies CommandOptions;

/** As the whole tool parses; undefined where it refuses. */
async function byYargs(words: readonly string[]): Promise<Record<string, unknown> | undefined> {
  try {
    const parsed = await yargs([...words])
      .parserConfiguration({ "boolean-negation": false, "strip-aliased": true })
      .option("json", { type: "boolean" })
      .options(structuredClone(options) as never)
      .strict()
      .exitProcess(false)
      .fail((message, error) => {
        throw error ?? new Error(message);
      })
      .parseAsync();
    return parsed;
  } catch {
    return undefined;
  }
}

describe("options in their plain form", () => {
  it("are read without yargs", () => {
    const words = ["--ovmf", "a b.fd", "--vcpus=4", "--ladder", "--json", "--vcpu-type", ""];
    const expected = { ovmf: "a b.fd", vcpus: 4, ladder: true, json: true, "vcpu-type": "" };
    assert.deepEqual(plainArgs(options, words), expected);
  });

  it("are left to yargs when there is anything else among them", () => {
    const lists = [
      ["--help"],
      ["--ovmf"],
      ["--ovmf", "--vcpus", "1"],
      ["--ovm", "x"],
      ["x"],
      ["--", "x"],
      ["--ovmf", "a", "--ovmf", "b"],
      ["--vcpus", "many"],
      ["--vcpus", "-1"],
      ["--vcpus", "1e3"],
      ["--ladder=false"],
      ["--no-ladder"],
      ["--vcpuType", "EPYC"],
      ["--phase", "a"],
    ];
    for (const words of lists) assert.equal(plainArgs(options, words), undefined, words.join(" "));
  });

  it("mean what they mean to yargs, in two thousand lines of words", async function () {
    this.timeout(60_000);
    const next = random(7);
    const vocabulary = ["--ovmf", "--vcpus", "--vcpu-type", "--ladder", "--json", "--phase", "--vcpus=3", "--ovmf=x=y"];
    const values = ["1", "007", "x", "0x10", "", "-", "a b", "true", "1.5", "EPYC-v4", "18446744073709551616"];
    let plain = 0;
    for (let line = 0; line < 2000; line++) {
      const words = Array.from({ length: 1 + next(5) }, () => {
        const list = next(2) === 0 ? vocabulary : values;
        return list[next(list.length)] ?? "";
      });
      const quick = plainArgs(options, words);
      if (quick === undefined) continue;
      plain += 1;
      const full = await byYargs(words);
      assert.ok(full, `yargs refuses ${JSON.stringify(words)}`);
      for (const name of [...Object.keys(options), "json"]) assert.deepEqual(quick[name], full[name], words.join(" "));
    }
    assert.ok(plain > 100, `only ${plain} lines were plain`);
  });
});

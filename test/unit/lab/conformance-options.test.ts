import assert from "node:assert/strict";
import { parseOptions } from "../../lab/conformance-options.ts";

describe("the options of npm run conformance", () => {
  it("name a containerd by version or folder, a handler and one or more seeds", () => {
    assert.deepEqual(parseOptions([]), { containerd: { version: "1.6" }, handler: "kata-cvm-fast", seeds: ["1"] });
    const words = ["--containerd", "/opt/c", "--seed", "1,22", "--focus", "OOM|Streaming", "--peer", "runc"];
    assert.deepEqual(parseOptions(words), {
      containerd: { folder: "/opt/c" },
      handler: "kata-cvm-fast",
      seeds: ["1", "22"],
      focus: "OOM|Streaming",
      peer: "runc",
    });
  });

  for (const [what, words, message] of [
    ["an unknown option", ["--contianerd", "2"], /Unknown option '--contianerd'/],
    ["an unknown containerd", ["--containerd", "3"], /^--containerd 3 is none of 1\.6, 1\.7, 2\.1, 2 and no folder$/],
    ["a seed that is no number", ["--seed", "1,x"], /^--seed 1,x is no list of whole numbers$/],
    ["a focus that is no regular expression", ["--focus", "("], /Invalid regular expression/],
    ["a further word", ["2"], /Unexpected argument '2'/],
  ] as const) {
    it(`are refused in one line for ${what}`, () => {
      assert.throws(
        () => parseOptions(words),
        ({ message: said }: Error) => message.test(said) && !said.includes("\n"),
      );
    });
  }
});

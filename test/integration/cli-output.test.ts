// What the tool does when its output leads nowhere: a reader that has enough, a full disk.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

describe("the tool's output", () => {
  const plain = "config --config configs/kata-cvm.toml";

  /** Runs `kata-cvm WORDS` with stdout and stderr as the shell's `redirection` says. */
  function tool(words: string, redirection: string) {
    const script = `(${process.execPath} --no-warnings --import tsx src/cli.ts ${words}; echo "exit $?" >&3) ${redirection}`;
    const { output } = spawnSync("bash", ["-c", script], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    return { stderr: output[2], said: output[3] };
  }

  it("may go to a reader that has enough: the command ends as it would have, and says nothing of it", () => {
    assert.deepEqual(tool(plain, "| true"), { stderr: "", said: "exit 0\n" });
    assert.deepEqual(tool("measure uki --uki nosuch", "2>&1 | true"), { stderr: "", said: "exit 2\n" });
    assert.deepEqual(tool("--help", "| true"), { stderr: "", said: "exit 0\n" });
  });

  it("fails the command where it is lost", () => {
    const { stderr, said } = tool(plain, "> /dev/full");
    assert.match(stderr ?? "", /^kata-cvm: the output cannot be written \(ENOSPC: .*\); see where stdout leads\n$/);
    assert.equal(said, "exit 3\n");
  });
});

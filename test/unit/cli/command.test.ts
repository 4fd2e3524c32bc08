import assert from "node:assert/strict";
import { defineCommand, exitCodeOf } from "../../../src/cli/command.ts";
import { failureText } from "../../../src/cli/outcome.ts";
import { ConnectionLost, HostCallFailed, InvalidRequest, RemoteError } from "../../../src/lib/errors.ts";

describe("a command's options", () => {
  const command = defineCommand({
    command: "look",
    describe: "",
    options: {
      file: { type: "string", describe: "" },
      also: { type: "string", describe: "", array: true },
    },
    run: async (args) => ({ json: { file: args.file, also: args.also }, text: "", exitCode: 0 }),
  });

  // what yargs makes of `--file a --file b`
  it("name one that is given twice, what was given, and what to do", async () => {
    const wrong = command.run({ file: ["a", "b"] });
    await assert.rejects(wrong, (error) => {
      assert.ok(error instanceof InvalidRequest);
      assert.equal(error.message, '--file: is given 2 times ("a" and "b") and takes one value: keep one');
      assert.equal(exitCodeOf(error), 2);
      return true;
    });
  });

  it("may be lists where the command takes one", async () => {
    const { json } = await command.run({ file: "a", also: ["b", "c"] });
    assert.deepEqual(json, { file: "a", also: ["b", "c"] });
  });
});

describe("the exit code", () => {
  it("is the same whether this process or a pod's daemon calls the request bad", () => {
    for (const status of [3, 5, 12]) assert.equal(exitCodeOf(new RemoteError("Exec", status, "no such")), 2);
    assert.equal(exitCodeOf(new RemoteError("Exec", 9, "the pod is stopped")), 1);
  });

  it("says that the machine lacks something where a pod's daemon does not answer", () => {
    assert.equal(exitCodeOf(new ConnectionLost("the pod's daemon", "connect ENOENT")), 3);
  });

  it("says the same of a file of this machine that cannot be read, and who could", () => {
    const denied = Object.assign(new Error("EACCES: permission denied, scandir '/run'"), { code: "EACCES" });
    assert.equal(exitCodeOf(denied), 3);
    assert.equal(failureText(denied, 1000), "EACCES: permission denied, scandir '/run'; run kata-cvm as root");
    assert.equal(failureText(denied, 0), "EACCES: permission denied, scandir '/run'");
    assert.equal(failureText(new HostCallFailed("list /l", "EPERM"), 1000), "list /l: EPERM; run kata-cvm as root");
    assert.equal(failureText(new Error("else"), 1000), "else");
  });
});

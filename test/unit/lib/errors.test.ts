import assert from "node:assert/strict";
import { errnoOf, errorText, InvalidConfig, InvalidRequest, RemoteError } from "../../../src/lib/errors.ts";
import { QmpError } from "../../../src/wire/qmp/qmp-error.ts";

describe("errors", () => {
  it("are one line, since containerd shows them to users as they are", () => {
    assert.equal(new InvalidRequest("id", "two\nlines").message.includes("\n"), false);
    assert.equal(errorText(new Error("first\n  at second")).includes("\n"), false);
    assert.equal(errorText("plain"), "plain");
    assert.equal(errorText(new TypeError("")), "TypeError");
  });

  it("keep of a peer's words what fits a log line, and are made at once whatever it said", () => {
    for (const text of [`${" ".repeat(1 << 22)}x`, "\n \r".repeat(1 << 18), "x".repeat(1 << 22)]) {
      const began = performance.now();
      for (const error of [new RemoteError("a call", 13, text), new QmpError("stop", "GenericError", text)]) {
        assert.ok(error.message.length < 8400, `${error.message.length}`);
      }
      errorText(new Error(text));
      assert.ok(performance.now() - began < 5000, JSON.stringify(text.slice(0, 3)));
    }
    assert.equal(new RemoteError("a call", 13, "one \n\n two").message, "a call: one | two");
  });

  it("carry every problem of a configuration with its file, line and key", () => {
    const error = new InvalidConfig([
      { file: "a.toml", line: 3, key: "vm.cpus", reason: "must be a number" },
      { file: "annotation", key: "x", reason: "unknown" },
    ]);
    assert.equal(error.message, "invalid configuration: a.toml:3: vm.cpus: must be a number; annotation: x: unknown");
  });

  it("name the errno of a system error only", () => {
    assert.equal(errnoOf(Object.assign(new Error("no"), { code: "ENOENT" })), "ENOENT");
    assert.equal(errnoOf(Object.assign(new Error("no"), { code: "ERR_INVALID_ARG_TYPE" })), undefined);
    assert.equal(errnoOf(new InvalidRequest("a", "b")), undefined);
    assert.equal(errnoOf(null), undefined);
  });
});

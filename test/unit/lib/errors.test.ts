import assert from "node:assert/strict";
import { errnoOf, errorText, InvalidConfig, InvalidRequest } from "../../../src/lib/errors.ts";

describe("errors", () => {
  it("are one line, since containerd shows them to users as they are", () => {
    assert.equal(new InvalidRequest("id", "two\nlines").message.includes("\n"), false);
    assert.equal(errorText(new Error("first\n  at second")).includes("\n"), false);
    assert.equal(errorText("plain"), "plain");
    assert.equal(errorText(new TypeError("")), "TypeError");
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

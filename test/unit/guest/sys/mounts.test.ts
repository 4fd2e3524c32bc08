import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { mountIdMapped } from "../../../../src/guest/sys/mounts.ts";
import { HostCallFailed } from "../../../../src/lib/errors.ts";

describe("a mount with mapped owners", () => {
  it("leaves no descriptor open when it cannot be made", () => {
    const attempt = () => mountIdMapped("/nosuch", "/proc/self/ns/user");
    assert.throws(attempt, HostCallFailed);
    const before = readdirSync("/proc/self/fd").length;
    assert.throws(attempt, HostCallFailed);
    assert.equal(readdirSync("/proc/self/fd").length, before);
  });
});

import assert from "node:assert/strict";
import { isConfidential } from "../../../src/guest/confidential.ts";
import { HostCommandFailed } from "../../../src/lib/errors.ts";

describe("a guest that asks whether it is confidential", () => {
  const ended = (exitCode: number | null) => () =>
    Promise.reject(new HostCommandFailed("systemd-detect-virt", { exitCode, stderr: "" }));

  it("is, where the program finds a TEE", async () => {
    assert.equal(await isConfidential(() => Promise.resolve()), true);
  });

  it("is not, where the program says so", async () => {
    assert.equal(await isConfidential(ended(1)), false);
  });

  it("has no answer where the program has none", async () => {
    for (const exitCode of [2, 127, null]) await assert.rejects(isConfidential(ended(exitCode)), HostCommandFailed);
  });
});

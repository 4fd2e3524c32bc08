import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePidAnchor } from "../../../src/guest/pid-anchor.ts";
import { Reaper } from "../../../src/guest/sys/reaper.ts";
import { EnvironmentLacks } from "../../../src/lib/errors.ts";

describe("the anchor of a pod's process namespace", () => {
  it("fails at once where no namespace can be made: its end is not the reaper's", async () => {
    const dir = mkdtempSync(join(tmpdir(), "kata-anchor-"));
    const { PATH } = process.env;
    writeFileSync(join(dir, "unshare"), "#!/bin/sh\nexit 1\n");
    chmodSync(join(dir, "unshare"), 0o755);
    using reaper = new Reaper();
    try {
      process.env["PATH"] = `${dir}:${PATH}`;
      const making = makePidAnchor();
      // it ends before Node's own wait for it can run
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      reaper.hold()[Symbol.dispose]();
      await assert.rejects(making, EnvironmentLacks);
    } finally {
      process.env["PATH"] = PATH;
      rmSync(dir, { recursive: true });
    }
  });
});

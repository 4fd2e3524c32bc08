import assert from "node:assert/strict";
import { type Check, exitCodeFor, fail, lacking, ok, renderChecks, warn } from "../../../../src/cli/doctor/check.ts";
import { parseMemlock, parseMisc } from "../../../../src/cli/doctor/tee.ts";

const sight = { name: "n", origin: "o" };

describe("doctor", () => {
  it("exits 0 with warnings, 1 when a check fails, 3 when something is lacking", () => {
    const exit = (...checks: Check[]) => exitCodeFor(checks);
    assert.equal(exit(ok(sight, ""), warn(sight, "", "f")), 0);
    assert.equal(exit(ok(sight, ""), fail(sight, "", "f")), 1);
    assert.equal(exit(fail(sight, "", "f"), lacking(sight, "", "f")), 3);
  });

  it("shows what was found, where, and the fix", () => {
    assert.equal(
      renderChecks([fail(sight, "bad", "do it")]),
      "FAIL  n  bad  [o]\n         -> do it\n\n0 ok, 0 warnings, 1 failed",
    );
  });

  it("reads the misc controller's numbers", () => {
    assert.deepEqual(
      [...parseMisc("sev 400\nsev_es 100\n")],
      [
        ["sev", 400],
        ["sev_es", 100],
      ],
    );
  });

  it("reads the memlock limit of /proc/self/limits", () => {
    assert.equal(parseMemlock("Max locked memory         8388608              8388608              bytes"), 8388608);
    assert.equal(parseMemlock("Max locked memory         unlimited            unlimited            bytes"), undefined);
  });
});

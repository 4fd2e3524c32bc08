import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Run } from "../../../src/guest/confidential.ts";
import { hostDoor, refusePolicy, requireExec } from "../../../src/guest/host-doors.ts";
import { statusOf } from "../../../src/guest/status.ts";
import { HostCommandFailed } from "../../../src/lib/errors.ts";
import { StatusCode } from "../../../src/wire/ttrpc/status.ts";

const inTee: Run = () => Promise.resolve();
const withoutTee: Run = () => Promise.reject(new HostCommandFailed("detect", { exitCode: 1, stderr: "" }));

describe("an agent that enforces no policy", () => {
  it("refuses to serve where initdata brought one, and says what to do", () => {
    const dir = mkdtempSync(join(tmpdir(), "policy-"));
    refusePolicy(join(dir, "policy.rego"));
    writeFileSync(join(dir, "policy.rego"), "package agent_policy\n");
    assert.throws(
      () => refusePolicy(join(dir, "policy.rego")),
      /policy\.rego.*build the image with an agent that does/,
    );
    rmSync(dir, { recursive: true });
  });
});

describe("a door for the host", () => {
  it("is shut in a confidential guest; exec is denied there in the protocol's words", async () => {
    assert.equal(await hostDoor(false, inTee)(), false);
    const denied = await requireExec(hostDoor(false, inTee)).catch(statusOf);
    assert.equal(denied?.code, StatusCode.permissionDenied);
    assert.match(denied?.message ?? "", /^ExecProcessRequest is blocked by policy.*agent\.exec/);
  });

  it("is open there when the command line says so, and where there is no TEE", async () => {
    assert.equal(await hostDoor(true, inTee)(), true);
    assert.equal(await hostDoor(false, withoutTee)(), true);
    await requireExec(hostDoor(false, withoutTee));
  });

  it("stays shut while nobody can tell, and is asked for again", async () => {
    const answers: Run[] = [() => Promise.reject(new Error("too busy")), withoutTee];
    const door = hostDoor(false, (...call) => (answers.shift() ?? inTee)(...call));
    await assert.rejects(door(), /too busy/);
    assert.equal(await door(), true);
    assert.equal(await door(), true);
  });
});

import assert from "node:assert/strict";
import { Cancelled, LaunchFailed, VmExited } from "../../../src/lib/errors.ts";
import { raceVmDeath } from "../../../src/runtime/race-vm-death.ts";
import { Deferred, FakeWorld } from "../pod/fake-world.ts";

const exit = { exitCode: 1, signal: null, stderrTail: "out of memory", consoleTail: "" };

function begin() {
  const { vm, vmExit } = new FakeWorld();
  const work = new Deferred<string>();
  const giveUp = new AbortController();
  return { work, vmExit, giveUp, result: raceVmDeath(work.promise, { vm, signal: giveUp.signal }) };
}

describe("what is done in a VM that has just booted", () => {
  it("gives its result", async () => {
    const { work, result } = begin();
    work.resolve("a sandbox");
    assert.equal(await result, "a sandbox");
  });

  it("is given up at once with its pod, though the guest still has to answer", async () => {
    const { giveUp, result } = begin();
    giveUp.abort();
    await assert.rejects(result, Cancelled);
  });

  it("fails with the VM's end, and with what the step that waited says of it", async () => {
    const mute = begin();
    mute.vmExit.resolve(exit);
    await assert.rejects(mute.result, VmExited);
    const told = begin();
    told.vmExit.resolve(exit);
    const facts = { reason: "r", cause: "the guest has no root", fix: "build it", evidence: "panic" };
    setImmediate(() => told.work.reject(new LaunchFailed(facts)));
    await assert.rejects(told.result, LaunchFailed);
  });
});

import assert from "node:assert/strict";
import { describeVmExit, VmExited } from "../../../src/lib/errors.ts";
import { type LogFields, type Logger, silentLogger } from "../../../src/lib/logger.ts";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import type { ChildExit } from "../../../src/vm/child.ts";
import { explainExit } from "../../../src/vm/failure-causes.ts";
import { HelperLoss, type StartedHelper } from "../../../src/vm/helper-loss.ts";
import { hostFacts, planCases } from "../plan/cases.ts";
import { Deferred } from "../pod/fake-world.ts";

const killed: ChildExit = { exitCode: null, signal: "SIGKILL", stderrTail: "" };
const quit: ChildExit = { exitCode: 0, signal: null, stderrTail: "" };

/** A helper that ends with `end` in a VM whose QEMU ends only when it is told to. */
async function watched(kind: StartedHelper["kind"], end: ChildExit) {
  const told: LogFields[] = [];
  const logger: Logger = { ...silentLogger, error: (_message, fields = {}) => void told.push(fields) };
  const qemu = { ended: 0, exited: new Promise<ChildExit>(() => undefined), end: async () => void qemu.ended++ };
  const loss = new HelperLoss(logger, 10);
  await loss.watch({ kind, exited: Promise.resolve(end) }, qemu);
  return { told, facts: loss.facts, ended: qemu.ended };
}

describe("a helper that ends before its VM", () => {
  it("takes a VM with it that would wait for its files for ever, and is the reason of its end", async () => {
    const { told, facts, ended } = await watched("virtiofsd", killed);
    assert.equal(ended, 1);
    assert.deepEqual(told, [{ kind: "virtiofsd", ...killed }]);
    const exit = { exitCode: null, signal: "SIGTERM", stderrTail: "", consoleTail: "login:", ...facts };
    assert.equal(describeVmExit(exit), "virtiofsd, which serves the pod's host directories, was ended by SIGKILL");
  });

  it("takes a VM with it whose agent nobody can reach, and tells the helper's last words", async () => {
    const panic = { exitCode: 101, signal: null, stderrTail: "a backtrace\npanicked at src/lib.rs\n" };
    const { facts, ended } = await watched("vhost-device-vsock", panic);
    assert.equal(ended, 1);
    assert.match(facts.helperLoss ?? "", /^vhost-device-vsock, .* exited with 101, saying: panicked at src\/lib\.rs$/);
  });

  it("is told, and no more, when it was the TPM: its commands fail, and the rest goes on", async () => {
    const { told, facts, ended } = await watched("swtpm", killed);
    assert.deepEqual([told.length, facts, ended], [1, {}, 0]);
  });

  it("is nothing to tell when QEMU's end is seen a moment later", async () => {
    const qemu = new Deferred<ChildExit>();
    const loss = new HelperLoss({ ...silentLogger, error: () => assert.fail("told") }, 10_000);
    const exited = Promise.resolve(quit);
    const watching = loss.watch(
      { kind: "virtiofsd", exited },
      { exited: qemu.promise, end: () => assert.fail("ended") },
    );
    qemu.resolve(quit);
    await watching;
    assert.deepEqual(loss.facts, {});
  });

  it("explains a boot that it cut off, whatever the console says", () => {
    const [first] = planCases();
    assert.ok(first);
    const plan = planLaunch(first.config, hostFacts, first.pod);
    const exit = { ...killed, consoleTail: "No bootable device", helperLoss: "virtiofsd was ended by SIGKILL" };
    const error = explainExit(exit, "waiting for the guest", plan);
    assert.ok(error instanceof VmExited);
    assert.equal(error.message, "the VM ended while waiting for the guest: virtiofsd was ended by SIGKILL");
  });
});

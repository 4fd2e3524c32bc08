// README promise: a container's end is reported as it was: code, reason, output, also at once.
import assert from "node:assert/strict";
import { mustSucceed } from "../lab/command.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, usePods } from "../support/e2e.ts";

describe("A container's end", function () {
  this.timeout(60_000);
  const e2e = usePods();
  let pod: Pod;

  before(async function () {
    this.timeout(BOOT_LIMIT_MS);
    pod = await e2e.cri.runPod();
  });

  for (const [code, reason] of [
    [0, "Completed"],
    [7, "Error"],
  ] as const) {
    it(`exit ${code} is reported as ${reason} with its output`, async () => {
      const container = await e2e.cri.start(pod, { command: ["sh", "-c", `echo last words; exit ${code}`] });
      const status = await e2e.cri.exited(container);
      assert.deepEqual([status.exitCode, status.reason], [code, reason]);
      assert.equal((await e2e.cri.logs(container, 11)).toString("utf8"), "last words\n");
    });
  }

  it("a process ended by SIGKILL is reported as 137", async () => {
    const container = await e2e.cri.start(pod, { command: ["sh", "-c", "sh -c 'kill -9 $PPID'; sleep 30"] });
    await e2e.cri.crictl(["stop", "-t", "0", container]);
    assert.equal((await e2e.cri.exited(container)).exitCode, 137);
  });

  it("a container that ends at once keeps its code and its output", async () => {
    for (let round = 0; round < 5; round += 1) {
      const container = await e2e.cri.start(pod, { command: ["echo", `round ${round}`] });
      assert.equal((await e2e.cri.exited(container)).exitCode, 0);
      assert.equal((await e2e.cri.logs(container, 8)).toString("utf8"), `round ${round}\n`);
      await mustSucceed(e2e.cri.crictl(["rm", container]));
    }
  });

  it("a command that does not exist fails at start with an error that names it", async () => {
    const container = await e2e.cri.create(pod, { command: ["/no/such/program", "argument"] });
    const outcome = await e2e.cri.crictl(["start", container]);
    assert.notEqual(outcome.code, 0);
    assert.match(outcome.stderr, /\/no\/such\/program/);
    await mustSucceed(e2e.cri.crictl(["rm", container]));
  });

  it("a command without the permission to run fails at start with an error that names it", async () => {
    const container = await e2e.cri.create(pod, { command: ["/etc/passwd"] });
    const outcome = await e2e.cri.crictl(["start", container]);
    assert.notEqual(outcome.code, 0);
    assert.match(outcome.stderr, /\/etc\/passwd/);
    assert.match(outcome.stderr, /permission denied|not executable/i);
    await mustSucceed(e2e.cri.crictl(["rm", container]));
  });

  it("the pod serves the next container after a failed one", async () => {
    const container = await e2e.cri.start(pod, { command: ["echo", "well"] });
    assert.equal((await e2e.cri.exited(container)).exitCode, 0);
  });

  it("leaves nothing behind", async () => {
    await assertNothingLeft(e2e);
  });
});

// README promise: whatever dies, containerd learns of it and nothing stays behind. Ends the daemon,
// the VM and containerd itself under a running pod.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { mustSucceed } from "../lab/command.ts";
import { deadline } from "../lab/patience.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, type E2e, IS_OURS, usePods } from "../support/e2e.ts";

/** Ends what `pgrep -f` finds for the pattern in the lab; fails if there is nothing. */
async function killInLab(e2e: E2e, pattern: string): Promise<void> {
  await mustSucceed(e2e.cri.lab.exec(["pkill", "-KILL", "-f", "--", pattern]));
}

async function podState(e2e: E2e, id: string): Promise<string> {
  const { status } = JSON.parse(await e2e.cri.text(["inspectp", id])) as { status: { state: string } };
  return status.state;
}

async function untilNotReady(e2e: E2e, id: string): Promise<void> {
  for (const end = deadline(20_000); (await podState(e2e, id)) !== "SANDBOX_NOTREADY"; await pause(100)) {
    assert.ok(Date.now() < end, "the pod is still ready");
  }
}

describe("After a crash", function () {
  this.timeout(BOOT_LIMIT_MS);

  describe("of the pod's daemon", () => {
    const e2e = usePods();

    it("containerd shows the pod as not ready and its containers as exited", async () => {
      const pod = await e2e.cri.runPod();
      const container = await e2e.cri.start(pod);
      await killInLab(e2e, `-id ${pod.id}`);
      await untilNotReady(e2e, pod.id);
      assert.notEqual((await e2e.cri.exited(container)).exitCode, 0);
    });

    it("nothing is left once the pod is removed", async () => {
      await assertNothingLeft(e2e);
    });

    it("the next pod runs", async () => {
      const pod = await e2e.cri.runPod();
      assert.equal(await e2e.cri.exec(await e2e.cri.start(pod), ["echo", "alive"]), "alive");
      await e2e.cri.removePod(pod);
      await assertNothingLeft(e2e);
    });
  });

  describe("of the virtual machine", () => {
    const e2e = usePods();
    before(function () {
      if (!IS_OURS) this.skip();
    });

    it("an exec under way fails, and containerd shows the pod and its containers as ended", async () => {
      const pod = await e2e.cri.runPod();
      const container = await e2e.cri.start(pod);
      const exec = e2e.cri.crictl(["exec", "-s", container, "sleep", "100"], { timeoutMs: 40_000 });
      await pause(1_000);
      await killInLab(e2e, "qemu-system-");
      assert.notEqual((await exec).code, 0);
      assert.notEqual((await e2e.cri.exited(container, 20_000)).exitCode, 0);
      await untilNotReady(e2e, pod.id);
    });

    it("nothing is left once the pod is removed", async () => {
      await assertNothingLeft(e2e);
    });
  });

  describe("of the daemon and the virtual machine together", () => {
    const e2e = usePods();
    before(function () {
      if (!IS_OURS) this.skip();
    });

    it("nothing is left once the pod is removed", async () => {
      const pod = await e2e.cri.runPod();
      await e2e.cri.start(pod);
      await killInLab(e2e, `-id ${pod.id}|qemu-system-`);
      await untilNotReady(e2e, pod.id);
      await assertNothingLeft(e2e);
    });
  });

  describe("of containerd", () => {
    const e2e = usePods();

    it("a running pod goes on: exec, output and the exit code arrive after the restart", async () => {
      const pod = await e2e.cri.runPod();
      const command = "n=0; trap 'exit 9' TERM; while :; do echo tick $n; n=$((n+1)); sleep 0.2; done";
      const container = await e2e.cri.start(pod, { command: ["sh", "-c", command] });
      await e2e.cri.lab.restartContainerd();
      assert.equal(await e2e.cri.exec(container, ["echo", "alive"]), "alive");
      const seen = (await e2e.cri.logs(container)).length;
      assert.ok((await e2e.cri.logs(container, seen + 20)).length > seen, "the log no longer grows");
      await mustSucceed(e2e.cri.crictl(["stop", "-t", "10", container]));
      assert.equal((await e2e.cri.exited(container)).exitCode, 9);
    });

    it("nothing is left once the pod is removed", async () => {
      await assertNothingLeft(e2e);
    });
  });
});

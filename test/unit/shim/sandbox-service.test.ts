import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { probeVolumeSources } from "../../../src/host/volumes.ts";
import { packAny } from "../../../src/wire/any.ts";
import { Sandbox } from "../../../src/wire/gen/containerd/sandbox.ts";
import { NamespaceMode, PodSandboxConfig } from "../../../src/wire/gen/cri/pod_sandbox.ts";
import type { Init } from "../../../src/wire/message.ts";
import { containerSpec, refusal, TaskHarness, validSpec } from "./task-harness.ts";

const pod1 = { sandbox_id: "pod1" };
const crashed = { exitCode: null, signal: "SIGSEGV", stderrTail: "", consoleTail: "" };

async function create(harness: TaskHarness, config: Init<PodSandboxConfig> = { hostname: "web" }): Promise<string> {
  const bundle_path = harness.emptyBundle("pod1");
  const options = packAny(PodSandboxConfig, config);
  await harness.sandbox.CreateSandbox({ ...pod1, bundle_path, netns_path: "/run/netns/n", options });
  const files = ["hostname", "hosts", "resolv.conf"].map((name) => join(bundle_path, name));
  harness.world.sources = await probeVolumeSources(files);
  return bundle_path;
}

async function started(): Promise<TaskHarness> {
  const harness = TaskHarness.open();
  await create(harness);
  await harness.sandbox.StartSandbox(pod1);
  return harness;
}

describe("the Sandbox service", () => {
  it("creates without booting, boots on start, and answers with a living pid", async () => {
    using harness = TaskHarness.open();
    const bundle = await create(harness);
    assert.deepEqual(harness.world.log, []);
    assert.equal((await harness.sandbox.SandboxStatus(pod1)).state, "SANDBOX_NOTREADY");
    const { pid, created_at } = await harness.sandbox.StartSandbox(pod1);
    assert.deepEqual(harness.world.log, ["launch"]);
    assert.equal(pid, 4242);
    assert.ok((created_at?.seconds ?? 0n) > 1_600_000_000n);
    const status = await harness.sandbox.SandboxStatus(pod1);
    assert.deepEqual([status.state, status.pid, status.exited_at], ["SANDBOX_READY", 4242, undefined]);
    assert.equal(readFileSync(join(bundle, "hostname"), "utf8"), "web\n");
    assert.equal(readFileSync(join(bundle, "hosts"), "utf8"), readFileSync("/etc/hosts", "utf8"));
  });

  it("publishes no task events: a sandbox is no task", async () => {
    using harness = await started();
    await harness.sandbox.StopSandbox(pod1);
    assert.deepEqual(harness.world.events, []);
  });

  it("says what runs in it", async () => {
    using harness = await started();
    const { platform } = await harness.sandbox.Platform(pod1);
    assert.equal(platform?.os, "linux");
    assert.match(platform?.architecture ?? "", /^(amd64|arm64)$/);
    await harness.sandbox.PingSandbox(pod1);
  });

  it("holds containers that the Task API creates, with the sandbox's files", async () => {
    using harness = await started();
    await harness.create("app", containerSpec());
    await harness.taskV3.Start({ id: "app" });
    assert.equal((await harness.task.State({ id: "app" })).status, 2);
    assert.deepEqual(harness.made, ["pod1"]);
  });

  it("takes a container without annotations that containerd's bundle places in it", async () => {
    using harness = await started();
    const bundle = harness.bundle("app", validSpec);
    writeFileSync(join(bundle, "sandbox"), "pod1");
    await harness.task.Create({ id: "app", bundle });
    assert.deepEqual(harness.made, ["pod1"]);
    assert.deepEqual(harness.world.pod.containerIds, ["app"]);
  });

  it("tells who waits how it ended: 0 when it was stopped, 137 when its VM died", async () => {
    for (const [end, status] of [
      [(harness: TaskHarness) => harness.sandbox.StopSandbox(pod1), 0],
      [async (harness: TaskHarness) => harness.world.vmExit.resolve(crashed), 137],
    ] as const) {
      using harness = await started();
      const waits = [harness.sandbox.WaitSandbox(pod1), harness.sandbox.WaitSandbox(pod1)];
      await end(harness);
      for (const exit of await Promise.all(waits)) assert.equal(exit.exit_status, status);
      const after = await harness.sandbox.SandboxStatus(pod1);
      assert.equal(after.state, "SANDBOX_NOTREADY");
      assert.ok(after.exited_at !== undefined);
      assert.equal((await harness.sandbox.WaitSandbox(pod1)).exit_status, status);
      assert.equal((await refusal(harness.sandbox.PingSandbox(pod1))).code, 9);
    }
  });

  it("stays when a container of it is gone, and ends the daemon when it is shut down", async () => {
    using harness = await started();
    await harness.create("app", containerSpec());
    await harness.task.Kill({ id: "app", signal: 9 });
    await harness.task.Delete({ id: "app" });
    await harness.task.Shutdown({ id: "app" });
    assert.equal(harness.shutdowns, 0);
    await harness.sandbox.ShutdownSandbox(pod1);
    assert.equal(harness.shutdowns, 1);
    assert.ok(harness.world.log.includes("reclaim"));
    assert.equal(harness.pods.isHeld, false);
  });

  it("stays when another sandbox than its own is shut down", async () => {
    using harness = await started();
    await harness.sandbox.ShutdownSandbox({ sandbox_id: "pod2" });
    assert.equal(harness.shutdowns, 0);
    assert.equal((await harness.sandbox.SandboxStatus(pod1)).state, "SANDBOX_READY");
  });

  it("refuses what a VM cannot be before any VM is made, and can be shut down then", async () => {
    using harness = TaskHarness.open();
    const host = { linux: { security_context: { namespace_options: { network: NamespaceMode.NODE } } } };
    assert.match((await refusal(create(harness, host))).text, /hostNetwork/);
    assert.deepEqual(harness.made, []);
    await harness.sandbox.ShutdownSandbox(pod1);
    assert.equal(harness.shutdowns, 1);
  });

  it("ends the pod when it cannot be started, and says why", async () => {
    using harness = TaskHarness.open();
    harness.world.failLaunch = new Error("no room");
    await create(harness);
    assert.match((await refusal(harness.sandbox.StartSandbox(pod1))).text, /no room/);
    assert.equal((await harness.sandbox.SandboxStatus(pod1)).state, "SANDBOX_NOTREADY");
    assert.ok(harness.world.log.includes("reclaim"));
  });

  it("boots no VM that nobody waits for any more: after the call's time, or when its connection closed", async () => {
    for (const giveUp of ["deadline", "connection"] as const) {
      using harness = TaskHarness.open();
      await create(harness);
      const { asked, open } = harness.world.gate("launch");
      const second = harness.connect();
      const limits = giveUp === "deadline" ? { timeoutMs: 300 } : {};
      const lost = assert.rejects(second.service(Sandbox).StartSandbox(pod1, limits));
      await asked;
      if (giveUp === "connection") second.close();
      await lost;
      await harness.world.pod.lifecycle.until("stopping");
      open();
      await harness.world.pod.ended;
      assert.equal((await harness.sandbox.SandboxStatus(pod1)).state, "SANDBOX_NOTREADY", giveUp);
      assert.ok(harness.world.log.includes("reclaim"), giveUp);
      await harness.sandbox.ShutdownSandbox(pod1);
      assert.equal(harness.shutdowns, 1);
      second.close();
    }
  });

  it("does not know other sandboxes, nor the same twice", async () => {
    using harness = await started();
    const other = { sandbox_id: "pod2" };
    for (const call of ["StartSandbox", "StopSandbox", "WaitSandbox", "SandboxStatus", "Platform"] as const) {
      assert.equal((await refusal(harness.sandbox[call](other))).code, 5, call);
    }
    assert.equal((await refusal(create(harness))).code, 6);
    assert.equal((await refusal(harness.sandbox.StartSandbox(pod1))).code, 9);
  });

  it("has no metrics where the pod has no cgroup on the host", async () => {
    using harness = await started();
    assert.equal((await refusal(harness.sandbox.SandboxMetrics(pod1))).code, 5);
  });

  it("takes options of another type for none", async () => {
    using harness = TaskHarness.open();
    const options = { type_url: "some.Type", value: Buffer.from([0xff]) };
    await harness.sandbox.CreateSandbox({ ...pod1, bundle_path: harness.emptyBundle("pod1"), options });
    assert.equal((await harness.sandbox.StartSandbox(pod1)).pid, 4242);
  });
});

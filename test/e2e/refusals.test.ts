// README promise: what a VM cannot give is refused with the CRI's field and the reason, before a VM is
// started for it, and nothing is left or disturbed.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustSucceed } from "../lab/command.ts";
import { handlerConfigPath } from "../lab/containerd-config.ts";
import { BROKEN_HANDLER, classConfig } from "../lab/handlers.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";

/** NamespaceMode.NODE of the CRI. */
const NODE = 2;

(IS_OURS ? describe : describe.skip)("A pod that asks for the host's own", function () {
  this.timeout(60_000);
  // a launch with this handler could only fail, in other words
  const e2e = usePods({ handler: BROKEN_HANDLER });
  before(() => {
    const text = classConfig("kata-cvm-fast", { paths: { qemu: "/nonexistent/qemu" } });
    writeFileSync(handlerConfigPath(e2e.cri.lab.folder, { name: BROKEN_HANDLER }), text);
  });

  for (const [type, name] of [
    ["network", "hostNetwork"],
    ["ipc", "hostIPC"],
    ["pid", "hostPID"],
  ] as const) {
    it(`${type} namespace is refused by the field's name, before a launch, and nothing is left`, async () => {
      const { outcome } = await e2e.cri.attemptPod({
        linux: { security_context: { namespace_options: { [type]: NODE } } },
      });
      assert.notEqual(outcome.code, 0, "the pod runs");
      const field = `${name} (linux.security_context.namespace_options.${type}: NODE)`;
      const reason = `is not supported: a pod in a virtual machine cannot join the host's ${type} namespace`;
      assert.ok(outcome.stderr.includes(`${field} ${reason}`), outcome.stderr);
      await assertNothingLeft(e2e);
    });
  }
});

(IS_OURS ? describe : describe.skip)("A running pod", function () {
  this.timeout(60_000);
  const e2e = usePods();
  let pod: Pod;
  let bystander: string;
  let volume: string;

  before(async function () {
    this.timeout(BOOT_LIMIT_MS);
    pod = await e2e.cri.runPod();
    bystander = await e2e.cri.start(pod);
    volume = join(e2e.cri.lab.folder, "shared-volume");
    mkdirSync(volume, { recursive: true });
    // containerd itself refuses propagation from what is no shared mount
    const share = 'mount -t tmpfs tmpfs "$0" && mount --make-shared "$0"';
    await mustSucceed(e2e.cri.lab.exec(["sh", "-c", share, volume]));
  });
  after(async () => {
    await e2e.cri.lab.exec(["umount", "-l", volume]);
  });

  const untouched = async () => assert.equal(await e2e.cri.exec(bystander, ["echo", "here"]), "here");

  for (const [propagation, name] of [
    [1, "PROPAGATION_HOST_TO_CONTAINER"],
    [2, "PROPAGATION_BIDIRECTIONAL"],
  ] as const) {
    it(`refuses a container with ${name}, by the field's name, and goes on`, async () => {
      const mounts = [{ container_path: "/data", host_path: volume, propagation }];
      const container = await e2e.cri.create(pod, { more: { mounts } });
      const outcome = await e2e.cri.crictl(["start", container]);
      assert.notEqual(outcome.code, 0, "the container runs");
      assert.ok(outcome.stderr.includes(`mounts[container_path=/data].propagation ${name}`), outcome.stderr);
      assert.match(outcome.stderr, /a mount made on the host cannot appear in a virtual machine/);
      await mustSucceed(e2e.cri.crictl(["rm", container]));
      await untouched();
    });
  }

  it("refuses a checkpoint, says why, and goes on", async () => {
    const outcome = await e2e.cri.lab.exec(["ctr", "-n", "k8s.io", "tasks", "checkpoint", bystander]);
    assert.notEqual(outcome.code, 0);
    assert.match(outcome.stderr, /checkpoint is not supported: the memory of a confidential guest cannot be saved/);
    await untouched();
  });

  it("goes on after the CRI's own checkpoint, whatever containerd makes of it", async () => {
    const archive = join(e2e.cri.lab.folder, "checkpoint.tar");
    const outcome = await e2e.cri.crictl(["checkpoint", `--export=${archive}`, bystander]);
    assert.notEqual(outcome.code, 0);
    await untouched();
  });

  it("leaves nothing behind", async () => {
    await mustSucceed(e2e.cri.lab.exec(["umount", volume]));
    await assertNothingLeft(e2e);
  });
});

// README promise: with `sandboxer = "shim"` a pod of containerd 2 is the VM itself, without a pause
// container; its containers have what they would have shared with one. Its whole life is the other
// files' matter: E2E_HANDLER=kata-cvm-fast-sandbox runs them over it.
import assert from "node:assert/strict";
import { mustSucceed } from "../lab/command.ts";
import { SANDBOX_HANDLER } from "../lab/handlers.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";
import { skip } from "../support/tools.ts";

describe("A pod of the Sandbox API", function () {
  this.timeout(BOOT_LIMIT_MS);
  this.bail(true);
  const e2e = usePods({ handler: SANDBOX_HANDLER });
  let pod: Pod;

  before(function () {
    if (!IS_OURS || e2e.cri.lab.containerdVersion.startsWith("1.")) skip(this, "needs our handler and containerd 2");
  });

  it("runs by its configuration alone", async () => {
    const dns = { servers: ["192.0.2.53"], searches: ["pod.test"] };
    pod = await e2e.cri.runPod({ hostname: "alone", dns, linux: { sysctls: { "kernel.shm_rmid_forced": "1" } } });
  });

  it("has containers, and no pause container beside them", async () => {
    const container = await e2e.cri.start(pod);
    const known = await mustSucceed(e2e.cri.lab.exec(["ctr", "-n", "k8s.io", "containers", "ls", "-q"]));
    assert.deepEqual(known.stdout.toString("utf8").trim().split("\n"), [container]);
  });

  it("gives a container the pod's name, resolver and sysctls", async () => {
    const container = await e2e.cri.start(pod);
    assert.equal(await e2e.cri.exec(container, ["cat", "/etc/hostname"]), "alone");
    assert.equal(await e2e.cri.exec(container, ["hostname"]), "alone");
    assert.equal(await e2e.cri.exec(container, ["cat", "/etc/resolv.conf"]), "search pod.test\nnameserver 192.0.2.53");
    assert.match(await e2e.cri.exec(container, ["cat", "/etc/hosts"]), /localhost/);
    assert.equal(await e2e.cri.exec(container, ["cat", "/proc/sys/kernel/shm_rmid_forced"]), "1");
  });

  it("lets its containers share memory and processes, also after the first of them is gone", async () => {
    const [first, second] = [await e2e.cri.start(pod), await e2e.cri.start(pod)];
    await e2e.cri.exec(first, ["sh", "-c", "echo shared > /dev/shm/note"]);
    await mustSucceed(e2e.cri.crictl(["rm", "-f", first], { timeoutMs: 60_000 }));
    assert.equal(await e2e.cri.exec(second, ["cat", "/dev/shm/note"]), "shared");
    const third = await e2e.cri.start(pod, { command: ["sleep", "4242"] });
    assert.match(await e2e.cri.exec(second, ["ps", "-o", "args"]), /sleep 4242/);
    assert.match(await e2e.cri.exec(third, ["ps", "-o", "pid,args"]), /^\s*1 sleep infinity$/m);
  });

  it("goes on through a restart of containerd", async () => {
    const container = await e2e.cri.start(pod);
    await e2e.cri.lab.restartContainerd();
    assert.equal(await e2e.cri.exec(container, ["echo", "alive"]), "alive");
    assert.equal(await e2e.cri.exec(await e2e.cri.start(pod), ["echo", "new"]), "new");
  });

  it("leaves nothing behind", async () => {
    await e2e.cri.removePod(pod);
    await assertNothingLeft(e2e);
  });
});

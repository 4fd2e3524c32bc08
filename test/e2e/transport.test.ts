// README promise: a pod's VM runs under KVM where KVM really works, is reached through the kernel's vhost-vsock where
// the host has it, and is accounted in the pod's control group. Read from the running QEMU, not from what we planned.
// E2E_EXPECT (such as "kvm,vhost-vsock") names what this host must give; the lab host sets it.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mustSucceed } from "../lab/command.ts";
import { programs } from "../lab/handlers.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";

interface Inspected {
  readonly vmPid: number;
  readonly launch: {
    readonly accelerator: "kvm" | "tcg";
    readonly vsock: { readonly transport: "vhost" | "vhost-user"; readonly cid: number };
  };
}

const expected = (process.env["E2E_EXPECT"] ?? "").split(",");

(IS_OURS ? describe : describe.skip)("A pod's VM", function () {
  this.timeout(60_000);
  this.bail(true);
  const e2e = usePods();
  let pod: Inspected & { readonly id: string };

  const run = async (...argv: string[]): Promise<string> =>
    (await mustSucceed(e2e.cri.lab.exec(argv))).stdout.toString("utf8").trim();
  const tool = (...args: string[]) => run(`${programs}/kata-cvm`, ...args);

  before(async function () {
    this.timeout(BOOT_LIMIT_MS);
    const { id } = await e2e.cri.runPod();
    pod = { id, ...(JSON.parse(await tool("inspect", id, "--json")) as Inspected) };
  });

  it("runs under the accelerator that inspect tells, and under KVM where that is expected", async () => {
    const argv = (await run("cat", `/proc/${pod.vmPid}/cmdline`)).split("\0");
    assert.equal((argv[argv.indexOf("-accel") + 1] ?? "").split(",")[0], pod.launch.accelerator);
    if (expected.includes("kvm")) assert.equal(pod.launch.accelerator, "kvm");
    const files = await run("sh", "-c", `readlink /proc/${pod.vmPid}/fd/*`);
    assert.equal(files.includes("anon_inode:kvm-vm"), pod.launch.accelerator === "kvm", files);
  });

  it("has the kernel's vsock device where the host offers it, else the helper's", async () => {
    const devices = await tool("qmp", pod.id, "query-pci");
    // a process's name has 15 characters at most
    const helpers = await run("sh", "-c", "pgrep -x vhost-device-vs || true");
    const files = await run("sh", "-c", `readlink /proc/${pod.vmPid}/fd/*`);
    const kernel = existsSync("/dev/vhost-vsock");
    if (expected.includes("vhost-vsock")) assert.ok(kernel, "there is no /dev/vhost-vsock");
    assert.match(devices, /vsock0/);
    assert.equal(pod.launch.vsock.transport, kernel ? "vhost" : "vhost-user");
    assert.equal(files.includes("/dev/vhost-vsock"), kernel, files);
    assert.equal(helpers === "", kernel, "helper processes");
  });

  it("is in the pod's control group", async () => {
    const groups = (await run("cat", `/proc/${pod.vmPid}/cgroup`)).split("\n");
    // version 2 has the one line 0::PATH, version 1 one for each controller
    const wanted = groups.length === 1 ? groups : groups.filter((line) => /:(memory|pids):/.test(line));
    assert.ok(wanted.length > 0, groups.join("\n"));
    for (const line of wanted) assert.ok(line.endsWith(`/lab/${pod.id}`), groups.join("\n"));
  });

  it("leaves nothing behind", async () => {
    await assertNothingLeft(e2e);
  });
});

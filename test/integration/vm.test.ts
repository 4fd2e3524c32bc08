// bootVm against real QEMU, swtpm and vhost-device-vsock under TCG. Most tests need no guest: their
// kernel hangs. What a VM took must be gone after it, however it ended.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProcesses } from "../../src/host/process.ts";
import { pause } from "../../src/lib/deadline.ts";
import { AlreadyExists, Cancelled, EnvironmentLacks, LaunchFailed, VmExited } from "../../src/lib/errors.ts";
import { type LogFields, type Logger, silentLogger } from "../../src/lib/logger.ts";
import { Timeline } from "../../src/lib/timeline.ts";
import type { LaunchPlan } from "../../src/plan/launch-plan.ts";
import { bootVm } from "../../src/vm/boot.ts";
import { isProgram, systemQemu } from "../support/qemus.ts";
import { skip } from "../support/tools.ts";
import { guestPlan, hasGuestImage, idlePlan, OwnedList } from "../support/vm-plans.ts";

describe("bootVm", function () {
  this.timeout(60_000);
  let dir: string;
  let ownership: OwnedList;

  before(function () {
    if (isProgram(systemQemu)) return;
    if (process.env["REQUIRE"]?.includes("qemu")) assert.fail(`${systemQemu} is required`);
    skip(this, `needs ${systemQemu}`);
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "vm-"));
    ownership = new OwnedList();
  });
  afterEach(async () => {
    const left = await findProcesses(dir);
    rmSync(dir, { recursive: true, force: true });
    assert.deepEqual(left, [], "processes are left");
    assert.deepEqual(ownership.owned, [], "something is still owned");
  });

  const boot = (plan: LaunchPlan) => bootVm(plan, { ownership });
  const reasonIs = (reason: string) => (error: unknown) => {
    assert.ok(error instanceof LaunchFailed, String(error));
    assert.equal(error.reason, reason, error.message);
    return true;
  };

  it("claims each thing before it takes it, and gives all back when stopped", async () => {
    const plan = idlePlan(dir);
    const timeline = new Timeline(Date.now);
    const vm = await bootVm(plan, { ownership, timeline });
    assert.equal((await vm.qmp.execute("query-status", {})).status, "running");
    await Promise.all([vm.stop(), vm.stop()]);
    assert.deepEqual(await vm.exited, { exitCode: 0, signal: null, stderrTail: "", consoleTail: vm.console.text() });
    assert.equal(existsSync(plan.runFiles.dir), false);
    assert.deepEqual(ownership.history, [
      "claim path",
      "claim vhost-device-vsock",
      "claim vhost-device-vsock with pid",
      "claim qemu",
      "claim qemu with pid",
      "release qemu with pid",
      "release vhost-device-vsock with pid",
      "release path",
    ]);
    const stages = timeline.marks.map(({ stage }) => stage).filter((stage) => stage !== "console speaks");
    assert.deepEqual(stages, ["helpers ready", "qemu started", "qmp ready", "devices plugged", "guest running"]);
  });

  it("says which helper ended before the VM, and nothing of one that ends with it", async () => {
    const told: LogFields[] = [];
    const error = (_message: string, fields: LogFields = {}) => void told.push(fields);
    const logger: Logger = { ...silentLogger, error };
    await using vm = await bootVm(idlePlan(dir), { ownership, logger });
    const helper = ownership.owned.find((owned) => owned.kind === "process" && owned.name === "vhost-device-vsock");
    assert.ok(helper?.kind === "process" && helper.pid !== undefined);
    process.kill(helper.pid, "SIGKILL");
    for (const end = Date.now() + 20_000; told.length === 0 && Date.now() < end; ) await pause(100);
    assert.deepEqual(told, [{ kind: "vhost-device-vsock", exitCode: null, signal: "SIGKILL", stderrTail: "" }]);
    await vm.stop();
    await using other = await bootVm(idlePlan(dir), { ownership, logger });
    await other.stop();
    await pause(3_000);
    assert.equal(told.length, 1);
  });

  it("plugs and unplugs disks, and gives a freed place again only when it must", async () => {
    await using vm = await boot(idlePlan(dir));
    const layer = (id: string) => {
      const path = join(dir, `${id}.erofs`);
      writeFileSync(path, Buffer.alloc(4096));
      return { id, path, readonly: true };
    };
    const [first, second] = await Promise.all([vm.plugDisk(layer("one")), vm.plugDisk(layer("two"))]);
    assert.deepEqual(first, { driver: "scsi", source: "0:0" });
    assert.deepEqual(second, { driver: "scsi", source: "1:0" });
    await assert.rejects(vm.plugDisk(layer("one")), AlreadyExists);
    await vm.unplugDisk("one");
    await vm.unplugDisk("one");
    assert.deepEqual(await vm.plugDisk(layer("one")), { driver: "scsi", source: "2:0" });
  });

  it("plugs a disk that could not be opened before, in another place: the first one may be the trouble", async () => {
    await using vm = await boot(idlePlan(dir));
    const missing = { id: "x", path: join(dir, "missing"), readonly: true };
    await assert.rejects(vm.plugDisk(missing), /No such file or directory/);
    writeFileSync(missing.path, Buffer.alloc(4096));
    assert.deepEqual(await vm.plugDisk(missing), { driver: "scsi", source: "1:0" });
  });

  it("plugs virtio-blk disks into free ports and names them by PCI slots", async () => {
    const toml =
      '[vm]\nboot = "direct"\ndefault_memory = 256\nblock_driver = "virtio-blk"\nhotplug_ports = 2\n[paths]\nfirmware = "builtin"';
    await using vm = await boot(idlePlan(dir, { toml }));
    const disk = { id: "layer", path: join(dir, "root.erofs"), readonly: true };
    assert.deepEqual(await vm.plugDisk(disk), { driver: "blk", source: "05/00" });
  });

  it("tells how QEMU ended when it is killed, to the pod and to whoever dials", async () => {
    const vm = await boot(idlePlan(dir));
    const dialled = vm.dialGuest(1024, { timeoutMs: 30_000 });
    process.kill(vm.pid, "SIGKILL");
    await assert.rejects(dialled, (error) => error instanceof VmExited && /ended by SIGKILL/.test(error.message));
    assert.equal((await vm.exited).signal, "SIGKILL");
    await vm.stop();
  });

  it("kills a QEMU that does not listen any more", async () => {
    const vm = await boot(idlePlan(dir));
    process.kill(vm.pid, "SIGSTOP");
    await vm.stop();
    assert.equal((await vm.exited).signal, "SIGKILL");
  });

  it("gives up on a silent guest in time and shows how far it came", async () => {
    await using vm = await boot(idlePlan(dir));
    await assert.rejects(vm.dialGuest(1024, { timeoutMs: 1_500 }), reasonIs("guest-silent"));
  });

  it("stops dialling when the caller gives up", async () => {
    await using vm = await boot(idlePlan(dir));
    const giveUp = new AbortController();
    const dialled = vm.dialGuest(1024, { timeoutMs: 30_000, signal: giveUp.signal });
    giveUp.abort();
    await assert.rejects(dialled, Cancelled);
  });

  it("leaves nothing when the launch is cancelled half-way", async () => {
    const cancel = new AbortController();
    const timeline = { mark: (stage: string) => stage === "qemu started" && cancel.abort() };
    await assert.rejects(bootVm(idlePlan(dir), { ownership, timeline, signal: cancel.signal }), Cancelled);
  });

  it("plugs no device before what the devices need is there, and fails as that does", async () => {
    const timeline = new Timeline(Date.now);
    const refused = new AlreadyExists("tap", "tap0");
    const devicesReady = new Promise((_, reject) => setTimeout(reject, 2_000, refused));
    await assert.rejects(bootVm(idlePlan(dir), { ownership, timeline, devicesReady }), refused);
    const stages = timeline.marks.map(({ stage }) => stage);
    assert.deepEqual([stages.includes("qmp ready"), stages.includes("guest running")], [true, false]);
  });

  const broken: [string, (plan: LaunchPlan) => LaunchPlan, string][] = [
    ["a kernel that is missing", (p) => ({ ...p, kernel: { kernel: `${dir}/none` } }), "file-missing"],
    [
      "a firmware that is missing",
      (p) => ({ ...p, firmware: { kind: "bios", path: `${dir}/none.fd` } }),
      "firmware-missing",
    ],
    ["more memory than there is", (p) => ({ ...p, memory: { sizeMiB: 2 ** 33, share: true } }), "not-enough-memory"],
    [
      "an object this QEMU does not have",
      (p) => ({ ...p, firmware: { kind: "igvm", path: "/x" } }),
      "igvm-unsupported",
    ],
    ["a KVM that is asked for SNP", (p) => ({ ...p, accelerator: "kvm", cpu: epyc, tee: snp }), "tee-not-in-kvm"],
  ];
  for (const [what, change, reason] of broken) {
    it(`names ${what}`, async () => {
      await assert.rejects(boot(change(idlePlan(dir))), reasonIs(reason));
    });
  }

  it("names a disk that is missing", async () => {
    const plan = idlePlan(dir);
    rmSync(join(dir, "root.verity"));
    await assert.rejects(boot(plan), reasonIs("file-missing"));
  });

  it("names a program that is not installed", async () => {
    await assert.rejects(boot({ ...idlePlan(dir), qemu: "/none/qemu-system-x86_64" }), (error) => {
      assert.ok(error instanceof EnvironmentLacks);
      assert.match(error.message, /install the Debian package qemu-system-x86/);
      return true;
    });
  });

  describe("with the guest image", function () {
    this.timeout(300_000);
    before(function () {
      if (!hasGuestImage()) skip(this, "needs the guest image (npm run image)");
    });

    it("names a root that does not match its hash", async () => {
      const wrong = (line: string) => line.replace(/roothash=[0-9a-f]{8}/, "roothash=00000000");
      const vm = await boot(guestPlan("kata-cvm-fast.toml", dir, wrong));
      await assert.rejects(vm.dialGuest(1024, { timeoutMs: 200_000 }), reasonIs("root-not-verified"));
      await vm.stop();
    });

    it("names a root disk that was cut", async () => {
      const plan = guestPlan("kata-cvm-fast.toml", dir);
      const stub = join(dir, "root.erofs");
      writeFileSync(stub, "");
      truncateSync(stub, 1 << 20);
      const hotDevices = plan.hotDevices.map((d) => (d.kind === "block" && d.id === "root" ? { ...d, path: stub } : d));
      const vm = await boot({ ...plan, hotDevices });
      await assert.rejects(vm.dialGuest(1024, { timeoutMs: 200_000 }), reasonIs("root-not-verified"));
      await vm.stop();
    });
  });
});

const epyc = { model: "EPYC-v4", vcpus: 1 } as const;
const snp = {
  kind: "snp",
  cbitpos: 51,
  reducedPhysBits: 1,
  policy: "0x30000",
  kernelHashes: false,
  guestFeatures: "0x1",
} as const;

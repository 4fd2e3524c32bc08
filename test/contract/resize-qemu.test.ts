// Real QEMUs judge the changes of a running VM's size. The guest's kernel hangs, so QEMU's side is all there is:
// CPUs that it plugs, memory that it offers, and both taken back when the guest does not answer.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeadlineExceeded, EnvironmentLacks } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { LaunchPlan } from "../../src/plan/launch-plan.ts";
import { bootVm } from "../../src/vm/boot.ts";
import type { RunningVm } from "../../src/vm/running-vm.ts";
import { RunningSize } from "../../src/vm/vm-size.ts";
import { QmpError } from "../../src/wire/qmp/qmp-error.ts";
import { isProgram, newerQemu, systemQemu } from "../support/qemus.ts";
import { skip } from "../support/tools.ts";
import { idlePlan, OwnedList } from "../support/vm-plans.ts";

const toml = `
[vm]
boot = "direct"
default_memory = 256
max_memory = 1280
[paths]
firmware = "builtin"
[container]
static_resources = false
`;

for (const qemu of [systemQemu, newerQemu]) {
  describe(`a running ${qemu}`, function () {
    this.timeout(120_000);
    let dir: string;
    let plan: LaunchPlan;
    let vm: RunningVm;

    before(async function () {
      if (!isProgram(qemu)) {
        if (process.env["REQUIRE"]?.includes("qemu")) assert.fail(`${qemu} is required`);
        skip(this, `needs ${qemu}`);
      }
      dir = mkdtempSync(join(tmpdir(), "resize-"));
      const idle = idlePlan(dir, { toml });
      // a plan for TCG has no later CPUs, since Linux would not take them; QEMU is the same under both
      plan = { ...idle, qemu, cpu: { ...idle.cpu, maxVcpus: 4 } };
    });
    beforeEach(async () => {
      vm = await bootVm(plan, { ownership: new OwnedList() });
    });
    afterEach(async () => await vm.stop());
    after(() => {
      if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    });

    const cpus = async () => (await vm.qmp.execute("query-cpus-fast", {})).length;
    const asked = async () => await vm.qmp.execute("qom-get", { path: "memory0", property: "requested-size" });
    const sizer = () =>
      new RunningSize(vm.qmp, plan, { logger: silentLogger, limits: { commandMs: 10_000, memoryMs: 300 } });

    it("starts with its size and can grow to the plan's largest", async () => {
      assert.equal(await cpus(), 2);
      assert.equal(await asked(), 0);
      assert.deepEqual(vm.size, { vcpus: 2, memoryMiB: 256 });
      assert.deepEqual(vm.sizeRange.most, { vcpus: 4, memoryMiB: 1280 });
    });

    it("plugs CPUs one change after the other up to the last, and the agent hears how many are new", async () => {
      const heard: number[] = [];
      const bringOnline = async (count: number) => void heard.push(count);
      await vm.resize({ vcpus: 3, memoryMiB: 256 }, bringOnline);
      await vm.resize({ vcpus: 4, memoryMiB: 256 }, bringOnline);
      assert.deepEqual([await cpus(), heard, vm.size.vcpus], [4, [1, 1], 4]);
      await assert.rejects(vm.resize({ vcpus: 5, memoryMiB: 256 }, bringOnline), EnvironmentLacks);
      assert.equal(await cpus(), 4);
    });

    it("offers memory, and takes the offer back when the guest does not take it", async () => {
      const offers: unknown[] = [];
      const size = sizer();
      const change = size.change({ vcpus: 2, memoryMiB: 1280 }, async () => void offers.push(await asked()));
      await assert.rejects(change, (error) => {
        assert.ok(error instanceof DeadlineExceeded);
        assert.match(error.message, /the guest's taking of 1280 MiB \(it has 256\)/);
        return true;
      });
      assert.equal(offers[0], 1024 * 1024 * 1024);
      assert.equal(await asked(), 0);
      assert.deepEqual(size.now, { vcpus: 2, memoryMiB: 256 });
    });

    it("takes memory back when the guest's agent refuses", async () => {
      const refuse = async () => await Promise.reject(new Error("no such driver"));
      await assert.rejects(sizer().change({ vcpus: 2, memoryMiB: 512 }, refuse), /no such driver/);
      assert.equal(await asked(), 0);
    });

    it("refuses what the plan did not provide for, in QEMU's words, and stays as it is", async () => {
      await assert.rejects(
        vm.resize({ vcpus: 3, memoryMiB: 1408 }, async () => undefined),
        (error) => {
          assert.ok(error instanceof QmpError);
          assert.match(error.message, /cannot exceed the memory backend size/);
          return true;
        },
      );
      assert.deepEqual([await cpus(), await asked()], [2, 0]);
    });
  });
}

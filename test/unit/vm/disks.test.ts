// Disks that come and go, against a QEMU that refuses, is late, or has a guest that keeps what it has.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { DeadlineExceeded } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import { Disks } from "../../../src/vm/disks.ts";
import { openQmp } from "../../../src/wire/qmp/client.ts";
import { QmpError } from "../../../src/wire/qmp/qmp-error.ts";
import { FakeQemu, type FakeSession, QmpRefusal } from "../../fakes/fake-qemu.ts";
import { hostFacts, planCases } from "../plan/cases.ts";

type Trouble = "refused" | "late" | "lost";

/** QEMU's devices by id, and what is wrong with the next plug. */
class Machine {
  readonly devices = new Map<string, unknown>();
  readonly nodes = new Set<unknown>();
  trouble: Trouble | null = null;
  guestKeeps = false;

  readonly commands = {
    "blockdev-add": (args: object) => {
      this.nodes.add((args as { "node-name": string })["node-name"]);
      return {};
    },
    "blockdev-del": (args: object) => {
      if (!this.nodes.delete((args as { "node-name": string })["node-name"])) throw new QmpRefusal("no such node");
      return {};
    },
    device_add: (args: object) => {
      const { trouble } = this;
      this.trouble = null;
      if (trouble === "refused") throw new QmpRefusal("lun already used");
      const { id, "scsi-id": target } = args as { id: string; "scsi-id": number };
      if (trouble !== "lost") this.devices.set(id, target);
      return trouble === null ? {} : undefined;
    },
    device_del: (args: object, session: FakeSession) => {
      const { id } = args as { id: string };
      if (!this.devices.has(id)) throw new QmpRefusal(`Device '${id}' not found`, "DeviceNotFound");
      if (this.guestKeeps) return {};
      this.devices.delete(id);
      setImmediate(() => session.event("DEVICE_DELETED", { device: id, path: `/machine/peripheral/${id}` }));
      return {};
    },
  };
}

async function machine() {
  const qemu = new Machine();
  const fake = await FakeQemu.listen({ commands: qemu.commands });
  const qmp = await openQmp(connect(fake.path));
  const found = planCases().find(({ name }) => name === "dev-measured/minimal");
  assert.ok(found);
  const plan = planLaunch(found.config, hostFacts, found.pod);
  const disks = new Disks(qmp, plan, { logger: silentLogger, limits: { plugMs: 100, unplugMs: 100 } });
  return {
    qemu,
    plug: (id: string) => disks.plug({ id, path: `/layers/${id}`, readonly: true }),
    unplug: (id: string) => disks.unplug(id),
    async [Symbol.asyncDispose]() {
      await qmp[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

describe("a disk of a running VM", () => {
  it("has a place of its own, and gives it back", async () => {
    await using vm = await machine();
    const [one, other] = [await vm.plug("one"), await vm.plug("other")];
    assert.notEqual(one.source, other.source);
    await vm.unplug("one");
    await vm.unplug("one");
    assert.deepEqual([...vm.qemu.devices.keys()], ["other"]);
    assert.deepEqual([...vm.qemu.nodes], ["n-other"]);
  });

  it("leaves nothing behind when QEMU refuses it", async () => {
    await using vm = await machine();
    vm.qemu.trouble = "refused";
    await assert.rejects(vm.plug("one"), QmpError);
    assert.equal(vm.qemu.nodes.size, 0);
    await vm.plug("other");
  });

  it("keeps its place while it may be plugged after all, and can be unplugged", async () => {
    await using vm = await machine();
    vm.qemu.trouble = "late";
    await assert.rejects(vm.plug("one"), DeadlineExceeded);
    await vm.plug("other");
    const targets = [...vm.qemu.devices.values()];
    assert.equal(new Set(targets).size, 2, `places ${targets}`);
    await vm.unplug("one");
    assert.deepEqual([...vm.qemu.devices.keys()], ["other"]);
    assert.deepEqual([...vm.qemu.nodes], ["n-other"]);
  });

  it("can be unplugged although QEMU, too late, did not plug it", async () => {
    await using vm = await machine();
    vm.qemu.trouble = "lost";
    await assert.rejects(vm.plug("one"), DeadlineExceeded);
    await vm.unplug("one");
    assert.equal(vm.qemu.nodes.size, 0);
  });

  it("stays, and so does its place, when the guest keeps it", async () => {
    await using vm = await machine();
    const { source } = await vm.plug("one");
    vm.qemu.guestKeeps = true;
    await vm.unplug("one");
    assert.notEqual((await vm.plug("other")).source, source);
  });
});

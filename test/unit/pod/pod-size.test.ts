import assert from "node:assert/strict";
import { InvalidRequest, Unsupported } from "../../../src/lib/errors.ts";
import { FakeWorld } from "./fake-world.ts";

const gibibyte = 1024 ** 3;

async function podIn(world = new FakeWorld()): Promise<FakeWorld> {
  await (await world.pod.create(world.request("pod1", "sandbox"))).start();
  return world;
}

function create(world: FakeWorld, id: string, limits: { cpus?: number; gib?: number }) {
  const request = world.request(id, "container");
  const { linux } = request.spec;
  return world.pod.create({ ...request, spec: { ...request.spec, linux: { ...linux, resources: resources(limits) } } });
}

const resources = ({ cpus, gib }: { cpus?: number; gib?: number }) => ({
  ...(cpus === undefined ? {} : { cpu: { quota: cpus * 100_000, period: 100_000 } }),
  ...(gib === undefined ? {} : { memory: { limit: gib * gibibyte } }),
});

const changes = (world: FakeWorld) => world.log.filter((entry) => /^(resize|create|update)/.test(entry));

describe("a pod whose VM can grow", () => {
  it("is as large as it started while its containers' limits fit", async () => {
    const world = await podIn();
    await create(world, "one", { cpus: 1, gib: 1 });
    await create(world, "two", {});
    assert.deepEqual(changes(world), ["create pod1", "create one", "create two"]);
    assert.deepEqual(world.sizes, [{ vcpus: 2, memoryMiB: 2048 }]);
  });

  it("grows to the sum of its containers' limits before the container that needs it is made", async () => {
    const world = await podIn();
    await create(world, "one", { cpus: 1.5, gib: 1 });
    await create(world, "two", { cpus: 1, gib: 2 });
    assert.deepEqual(changes(world), ["create pod1", "create one", "resize 3 3584", "create two"]);
    assert.deepEqual(world.sizes.at(-1), { vcpus: 3, memoryMiB: 3584 });
  });

  it("grows once for what containers made at the same time need together", async () => {
    const world = await podIn();
    await Promise.all([create(world, "one", { cpus: 2 }), create(world, "two", { cpus: 2 })]);
    assert.deepEqual(world.sizes.at(-1), { vcpus: 4, memoryMiB: 2048 });
  });

  it("grows for an update before the guest hears of it", async () => {
    const world = await podIn();
    await (await create(world, "app", { cpus: 1 })).start();
    await world.pod.update("app", resources({ cpus: 4 }));
    assert.deepEqual(changes(world).slice(-2), ["resize 4 2048", "update app"]);
  });

  it("gives memory back for a smaller update and for a container that is deleted", async () => {
    const world = await podIn();
    const app = await create(world, "app", { gib: 4 });
    await app.start();
    await world.pod.update("app", resources({ gib: 3 }));
    assert.deepEqual(world.sizes.at(-1), { vcpus: 2, memoryMiB: 3584 });
    world.process("app").end(0);
    await app.init.wait();
    await world.pod.delete("app");
    assert.deepEqual(world.sizes.at(-1), { vcpus: 2, memoryMiB: 2048 });
  });

  it("counts a container that ended no more, and keeps its size for the one that takes its place", async () => {
    const world = await podIn();
    const first = await create(world, "first", { gib: 4 });
    await first.start();
    world.process("first").end(1);
    await first.init.wait();
    await create(world, "second", { gib: 4 });
    await world.pod.delete("first");
    assert.deepEqual(
      changes(world).filter((entry) => entry.startsWith("resize")),
      ["resize 2 4608"],
    );
  });

  it("makes no container, and changes nothing, when QEMU or the guest refuses to grow", async () => {
    const world = await podIn();
    world.failResize = new Error("QEMU refused device_add: no such place");
    await assert.rejects(create(world, "app", { cpus: 4 }), /no such place/);
    assert.deepEqual(changes(world), ["create pod1"]);
    world.failResize = null;
    await create(world, "other", { cpus: 2 });
    assert.deepEqual(world.sizes, [{ vcpus: 2, memoryMiB: 2048 }]);
  });

  it("is as large as before when the guest refuses the update it grew for", async () => {
    const world = await podIn();
    await (await create(world, "app", { gib: 1 })).start();
    world.failUpdate = new Error("the runtime refused it");
    await assert.rejects(world.pod.update("app", resources({ gib: 4 })), /the runtime refused it/);
    assert.deepEqual(world.sizes.at(-1), { vcpus: 2, memoryMiB: 2048 });
  });

  it("starts with the limits of a container that is a pod of its own, and of no sandbox", async () => {
    const world = new FakeWorld();
    const request = world.request("pod1", "single");
    const linux = { ...request.spec.linux, resources: resources({ cpus: 3, gib: 4 }) };
    await world.pod.create({ ...request, spec: { ...request.spec, linux } });
    const { milliCpus, memoryBytes } = world.launches[0]?.limits ?? {};
    assert.deepEqual([milliCpus, memoryBytes], [3000, 4 * gibibyte]);
    assert.equal((await podIn()).launches[0]?.limits, undefined);
  });

  it("gives back what a container needed that could not be made", async () => {
    const world = await podIn();
    world.failCreate = new Error("no such command");
    await assert.rejects(create(world, "app", { gib: 4 }), /no such command/);
    assert.deepEqual(world.sizes.at(-1), { vcpus: 2, memoryMiB: 2048 });
  });

  it("refuses what is above the configured largest VM, also to a new container", async () => {
    const world = await podIn();
    await assert.rejects(create(world, "app", { cpus: 9 }), InvalidRequest);
    assert.deepEqual(changes(world), ["create pod1"]);
  });
});

describe("a pod whose VM keeps its size", () => {
  async function fixedPod(): Promise<FakeWorld> {
    const world = new FakeWorld();
    world.sizeRange = { start: world.sizeRange.start, most: world.sizeRange.start };
    return await podIn(world);
  }

  it("takes a container with larger limits: a limit is no reservation", async () => {
    const world = await fixedPod();
    await create(world, "app", { cpus: 4, gib: 8 });
    assert.deepEqual(changes(world), ["create pod1", "create app"]);
  });

  it("refuses an update that promises more than the VM has, and tells the guest nothing", async () => {
    const world = await fixedPod();
    await (await create(world, "app", { cpus: 1, gib: 1 })).start();
    await assert.rejects(world.pod.update("app", resources({ gib: 2 })), (error) => {
      assert.ok(error instanceof Unsupported);
      assert.match(error.message, /more than the 2048 MiB .* class "fast" keeps its size/);
      return true;
    });
    assert.equal(changes(world).includes("update app"), false);
  });

  it("grows in memory where only its CPUs are fixed, as under TCG", async () => {
    const world = new FakeWorld();
    world.sizeRange = { start: world.sizeRange.start, most: { vcpus: 2, memoryMiB: 16_384 } };
    await podIn(world);
    await (await create(world, "app", { cpus: 4, gib: 4 })).start();
    assert.deepEqual(world.sizes.at(-1), { vcpus: 2, memoryMiB: 4608 });
    await assert.rejects(world.pod.update("app", resources({ cpus: 5 })), Unsupported);
  });

  it("takes updates that fit, lower what was too much, or name other things", async () => {
    const world = await fixedPod();
    await (await create(world, "app", { cpus: 4, gib: 1 })).start();
    await world.pod.update("app", resources({ gib: 1.5 }));
    await world.pod.update("app", { cpu: { cpus: "0-1" } });
    await world.pod.update("app", resources({ cpus: 3 }));
    assert.equal(changes(world).filter((entry) => entry === "update app").length, 3);
  });
});

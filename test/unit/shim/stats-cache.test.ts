import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { AgentLost, ConnectionLost, NotFound, VmExited } from "../../../src/lib/errors.ts";
import type { Container } from "../../../src/pod/container.ts";
import type { ContainerStats } from "../../../src/pod/ports.ts";
import { StatsCache } from "../../../src/shim/stats-cache.ts";
import { Deferred, FakeWorld, someStats } from "../pod/fake-world.ts";

function withUsage(usageNs: number): ContainerStats {
  return { ...someStats, cpu: { ...someStats.cpu, usageNs } };
}

/** A running container whose guest answers each question when the test says so. */
async function askable() {
  const world = new FakeWorld();
  const container = await world.pod.create(world.request("pod1", "sandbox"));
  await container.start();
  const questions: Deferred<ContainerStats>[] = [];
  world.guest.control.stats = () => {
    const question = new Deferred<ContainerStats>();
    questions.push(question);
    return question.promise;
  };
  return { world, container, questions };
}

function usageOf(reading: Promise<ContainerStats>): Promise<number> {
  return reading.then((stats) => stats.cpu.usageNs);
}

describe("the statistics of a container", () => {
  it("are the guest's fresh numbers", async () => {
    const { container, questions } = await askable();
    const cache = new StatsCache();
    const first = usageOf(cache.read(container));
    questions[0]?.resolve(withUsage(1));
    assert.equal(await first, 1);
    const second = usageOf(cache.read(container));
    questions[1]?.resolve(withUsage(2));
    assert.equal(await second, 2);
  });

  it("are asked for once, however many want them at a time", async () => {
    const { container, questions } = await askable();
    const cache = new StatsCache();
    const readings = [1, 2, 3].map(() => usageOf(cache.read(container)));
    assert.equal(questions.length, 1);
    questions[0]?.resolve(withUsage(9));
    assert.deepEqual(await Promise.all(readings), [9, 9, 9]);
  });

  it("are the last known ones when the guest is slow or fails, and the guest's error when there are none", async () => {
    const { container, questions } = await askable();
    const cache = new StatsCache();
    const failing = cache.read(container);
    questions[0]?.reject(new Error("the guest is busy"));
    await assert.rejects(failing, /the guest is busy/);
    const fresh = usageOf(cache.read(container));
    questions[1]?.resolve(withUsage(5));
    await fresh;
    const began = performance.now();
    const slow = usageOf(cache.read(container));
    assert.equal(await slow, 5);
    assert.ok(performance.now() - began < 1900, "containerd's own limit is two seconds");
  });

  it("are not found while a mute guest has told none, and the last known ones once it answered late", async function () {
    this.timeout(10_000);
    const { container, questions } = await askable();
    const cache = new StatsCache();
    const began = performance.now();
    await assert.rejects(cache.read(container), NotFound);
    assert.ok(performance.now() - began < 1900, "containerd's own limit is two seconds");
    questions[0]?.resolve(withUsage(7));
    await turn();
    const second = usageOf(cache.read(container));
    questions[1]?.reject(new Error("the guest is busy"));
    assert.equal(await second, 7);
  });

  it("are not found once the VM is gone and nothing is known", async () => {
    for (const gone of [
      new VmExited("the pod runs", { exitCode: 1, signal: null, stderrTail: "", consoleTail: "" }),
      new AgentLost("the pod runs", "connection reset"),
      new ConnectionLost("guest agent", "end of file"),
    ]) {
      const { container, questions } = await askable();
      const reading = new StatsCache().read(container);
      questions[0]?.reject(gone);
      await assert.rejects(reading, NotFound);
    }
  });

  it("belong to one container and never to another", async () => {
    const { world, container, questions } = await askable();
    const other: Container = await world.pod.create(world.request("app", "container"));
    const cache = new StatsCache();
    const mine = usageOf(cache.read(container));
    questions[0]?.resolve(withUsage(1));
    await mine;
    const others = cache.read(other);
    questions[1]?.reject(new Error("none yet"));
    await assert.rejects(others, /none yet/);
  });

  it("are those of the container's end after a kill by the guest", async () => {
    const { world, container, questions } = await askable();
    const app = await world.pod.create(world.request("app", "container"));
    await app.start();
    world.process("app").end(137);
    await new Promise((resolve) => setTimeout(resolve, 10));
    questions[0]?.resolve({ ...withUsage(42), memory: { ...someStats.memory, oomKills: 1 } });
    await app.init.wait();
    const reading = new StatsCache().read(app);
    questions[1]?.reject(new Error("invalid container id"));
    assert.equal((await reading).memory.oomKills, 1);
    assert.equal(container.init.lifecycle.state, "running");
  });
});

// What a container wrote for the kubelet is in the kubelet's file before its exit is told, wherever it was written.
import assert from "node:assert/strict";
import type { Container } from "../../../src/pod/container.ts";
import { FakeWorld } from "./fake-world.ts";

const file = "/var/lib/kubelet/pods/u1/containers/web/0a1b2c3d";

async function running(): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.sources = new Map([[file, { kind: "file", mode: 0o666, submounts: [] }]]);
  world.terminationMessage = "out of luck";
  await (await world.pod.create(world.request("pod1", "sandbox"))).start();
  await (await create(world, "app")).start();
  const emit = world.emit.bind(world);
  world.emit = (event) => {
    if (event.kind === "exit") world.log.push(`exit ${event.containerId}`);
    emit(event);
  };
  return world;
}

function create(world: FakeWorld, id: string): Promise<Container> {
  const request = world.request(id, "container");
  const mounts = [{ destination: "/dev/termination-log", type: "bind", source: file, options: ["rbind", "rw"] }];
  return world.pod.create({ ...request, spec: { ...request.spec, mounts } });
}

async function exitOf(world: FakeWorld): Promise<number> {
  world.process("app").end(3);
  return (await world.pod.container("app").init.wait()).status;
}

describe("a termination message in a guest that shares no files", () => {
  it("is in the kubelet's file before the exit is told", async () => {
    const world = await running();
    assert.equal(await exitOf(world), 3);
    assert.deepEqual(world.log.slice(-2), [`write ${file}: out of luck`, "exit app"]);
  });

  it("leaves the file alone when the container wrote none, and for a container that never ran", async () => {
    const world = await running();
    world.terminationMessage = "";
    assert.equal(await exitOf(world), 3);
    world.terminationMessage = "left by another";
    await (await create(world, "idle")).kill({ execId: "", signal: 9, all: false });
    assert.ok(!world.log.some((line) => line.startsWith("write")));
  });

  it("keeps no exit back: neither when the agent refuses, nor when it does not answer, nor when the file is gone", async () => {
    for (const answer of [
      () => Promise.reject(new Error("GetDiagnosticDataRequest is blocked by policy")),
      () => new Promise<never>(() => undefined),
    ]) {
      const world = await running();
      world.guest.control.terminationLog = answer;
      const began = performance.now();
      assert.equal(await exitOf(world), 3);
      assert.ok(performance.now() - began < 1900);
    }
    const world = await running();
    world.writeTerminationLog = () => Promise.reject(new Error("ENOENT"));
    assert.equal(await exitOf(world), 3);
  });
});

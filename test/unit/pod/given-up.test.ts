// A create that takes longer than the kubelet waits: it deletes what it believes was never made, and tries
// again under another id. What comes after that must not be there.
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { Cancelled } from "../../../src/lib/errors.ts";
import { Deferred, FakeWorld } from "./fake-world.ts";

async function podIn(world = new FakeWorld()): Promise<FakeWorld> {
  await (await world.pod.create(world.request("pod1", "sandbox"))).start();
  return world;
}

describe("a container that nobody waits for any more", () => {
  for (const port of ["prepareRootfs", "openStdio", "shareWithGuest"] as const) {
    it(`is undone once ${port} is done, without an event`, async () => {
      const world = await podIn();
      const streams = world.openStreams;
      const { asked, open } = world.gate(port);
      const client = new AbortController();
      const refused = assert.rejects(
        world.pod.create({ ...world.request("app", "container"), signal: client.signal }),
        Cancelled,
      );
      await asked;
      client.abort(new Cancelled("creating app"));
      open();
      await refused;
      assert.equal(world.log.at(-1), "release app");
      assert.equal(world.openStreams, streams);
      assert.deepEqual(world.pod.containerIds, ["pod1"]);
      assert.ok(!world.eventNames().some((name) => name.endsWith(" app")));
      assert.ok(world.pod.lifecycle.is("ready"));
    });
  }

  it("is removed from the guest that has it already", async () => {
    const world = await podIn();
    const made = new Deferred<void>();
    const client = new AbortController();
    world.guest.createContainer = async () => {
      client.abort(new Cancelled("creating app"));
      await made.promise;
    };
    const refused = assert.rejects(
      world.pod.create({ ...world.request("app", "container"), signal: client.signal }),
      Cancelled,
    );
    made.resolve();
    await refused;
    assert.deepEqual(world.log.slice(-2), ["remove app", "release app"]);
  });

  it("leaves its layers to be made: the next try finds them", async () => {
    const world = await podIn();
    const client = new AbortController();
    world.prepareRootfs = async (_, signal) => {
      client.abort(new Cancelled("creating app"));
      await turn();
      assert.ok(!signal.aborted);
      world.log.push("layers made");
      return world.layers;
    };
    const given = { ...world.request("app", "container"), signal: client.signal };
    await assert.rejects(world.pod.create(given), Cancelled);
    assert.deepEqual(world.log.slice(-2), ["layers made", "release app"]);
  });

  it("takes its pod with it at once when it is the first, though the VM still boots", async () => {
    const world = new FakeWorld();
    const { asked, open } = world.gate("launch");
    const client = new AbortController();
    const refused = assert.rejects(
      world.pod.create({ ...world.request("pod1", "sandbox"), signal: client.signal }),
      Cancelled,
    );
    await asked;
    client.abort(new Cancelled("creating pod1"));
    await turn();
    assert.ok(world.pod.lifecycle.is("stopping"));
    open();
    await refused;
    assert.equal(world.log.at(-1), "reclaim");
    assert.ok(world.pod.idle);
    assert.deepEqual(world.events, []);
  });
});

describe("what an ended pod's sandbox left behind", () => {
  it("holds the daemon only until the sandbox is deleted", async () => {
    const world = await podIn();
    await world.pod.create(world.request("app", "container"));
    await world.pod.end();
    assert.ok(!world.pod.idle);
    await world.pod.delete("pod1");
    assert.deepEqual(world.pod.containerIds, ["app"]);
    assert.ok(world.pod.idle);
  });

  it("can still be deleted", async () => {
    const world = await podIn();
    await world.pod.create(world.request("app", "container"));
    await world.pod.end();
    await world.pod.delete("pod1");
    await world.pod.delete("app");
    assert.deepEqual(world.pod.containerIds, []);
  });
});

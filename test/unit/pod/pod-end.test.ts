// The end of a pod while something is being made or removed in it: a kill, the daemon's own end or the VM's
// death may come at any moment of a create.
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { DeadlineExceeded, WrongState } from "../../../src/lib/errors.ts";
import type { SourceFacts } from "../../../src/translate/mounts.ts";
import { Deferred, FakeWorld } from "./fake-world.ts";

async function podIn(world = new FakeWorld()): Promise<FakeWorld> {
  await (await world.pod.create(world.request("pod1", "sandbox"))).start();
  return world;
}

describe("the end of a pod", () => {
  for (const port of ["prepareRootfs", "openStdio", "shareWithGuest"] as const) {
    it(`reclaims only once a create that is in ${port} has let go of what it acquired`, async () => {
      const world = await podIn();
      const { asked, open } = world.gate(port);
      const created = world.pod.create(world.request("app", "container"));
      const refused = assert.rejects(created);
      await asked;
      const ended = world.pod.end();
      await turn();
      assert.ok(world.log.includes("vm stop") && !world.log.includes("reclaim"));
      open();
      await Promise.all([refused, ended]);
      assert.deepEqual(world.log.slice(-2), ["release app", "reclaim"]);
      assert.equal(world.openStreams, 0);
      assert.deepEqual(world.pod.containerIds, ["pod1"]);
      assert.ok(!world.eventNames().includes("create app"));
    });
  }

  it("stops a VM that is up only after it began, and makes nothing in it", async () => {
    const world = new FakeWorld();
    const { asked, open } = world.gate("launch");
    // a launch that no longer looked at its signal
    const { launch } = world;
    world.launch = (request) => launch(request, new AbortController().signal);
    const refused = assert.rejects(world.pod.create(world.request("pod1", "sandbox")), WrongState);
    await asked;
    const ended = world.pod.end();
    open();
    await Promise.all([refused, ended]);
    assert.deepEqual(world.log, ["rootfs pod1", "launch", "vm stop", "reclaim"]);
    assert.equal(world.pod.launched, null);
    assert.ok(world.pod.idle);
  });

  it("stops the VM of a pod whose first layers are still being made", async () => {
    const world = new FakeWorld();
    const { asked, open } = world.gate("prepareRootfs");
    const refused = assert.rejects(world.pod.create(world.request("pod1", "sandbox")), WrongState);
    await asked;
    await turn();
    const ended = world.pod.end();
    await turn();
    assert.deepEqual(world.log, ["launch", "vm stop"]);
    open();
    await Promise.all([refused, ended]);
    assert.deepEqual(world.log.slice(2), ["rootfs pod1", "release pod1", "reclaim"]);
  });

  it("reclaims only once a delete has released its container", async () => {
    const world = await podIn();
    await world.pod.create(world.request("app", "container"));
    const { asked, open } = world.gate("releaseContainer");
    const deleted = world.pod.delete("app");
    await asked;
    const ended = world.pod.end();
    await turn();
    assert.ok(!world.log.includes("reclaim"));
    open();
    await Promise.all([deleted, ended]);
    assert.deepEqual(world.log.slice(-2), ["release app", "reclaim"]);
  });
});

describe("the end of a pod with volumes", () => {
  async function podWith(
    facts: Omit<SourceFacts, "kind" | "mode" | "submounts">,
    options: readonly string[],
    share = false,
  ) {
    const world = new FakeWorld();
    world.volumes = { hostPaths: share ? "share" : "copy", emptyDirs: "block-encrypted", emptyDirBytes: 1 << 20 };
    world.sources = new Map([["/data", { kind: "directory", mode: 0o755, submounts: [], ...facts }]]);
    const request = (await podIn(world)).request("app", "container");
    const mounts = [{ destination: "/data", type: "bind", source: "/data", options }];
    await world.pod.create({ ...request, spec: { ...request.spec, mounts } });
    return world;
  }

  function direct(options: readonly string[]) {
    return { directVolume: { device: "/dev/sdb", isDevice: true, fsType: "ext4", options } };
  }

  it("has the guest write what a container wrote to a disk or a share of the host, before it stops the VM", async () => {
    for (const world of [await podWith(direct([]), ["rbind"]), await podWith({}, ["rbind"], true)]) {
      await world.pod.end();
      assert.deepEqual(world.log.slice(-3), ["destroy sandbox", "vm stop", "reclaim"]);
    }
  });

  it("asks it of no guest that can write to none", async () => {
    const emptyDir = { path: "/data", subPath: "", isTmpfs: false, gid: 0 };
    for (const world of [
      await podIn(),
      await podWith(direct(["ro"]), ["rbind"]),
      await podWith({ emptyDir }, ["rbind"]),
      await podWith({}, ["rbind", "ro"], true),
      await podWith({}, ["rbind"]),
    ]) {
      await world.pod.end();
      assert.ok(!world.log.includes("destroy sandbox"));
    }
  });

  it("asks it of no guest that is gone", async () => {
    const world = await podWith(direct([]), ["rbind"]);
    world.vmExit.resolve({ exitCode: null, signal: "SIGKILL", stderrTail: "", consoleTail: "" });
    await world.pod.ended;
    assert.ok(!world.log.includes("destroy sandbox"));
  });

  it("does not wait for a mute guest", async function () {
    this.timeout(10_000);
    const world = await podWith(direct([]), ["rbind"]);
    world.guest.destroySandbox = () => new Promise(() => undefined);
    await world.pod.end();
    assert.deepEqual(world.log.slice(-2), ["vm stop", "reclaim"]);
  });
});

describe("the end of a pod in which something does not let go", () => {
  it("tells each container's exit without waiting for another's streams, and the sandbox's last", async () => {
    const world = await podIn();
    const opened = world.openStdio.bind(world);
    const stuck = new Deferred<void>();
    world.openStdio = async (...asked) => ({ ...(await opened(...asked)), close: () => stuck.promise });
    await (await world.pod.create(world.request("slow", "container"))).start();
    world.openStdio = opened;
    await (await world.pod.create(world.request("app", "container"))).start();
    const ended = world.pod.end();
    await world.pod.container("app").init.wait();
    const exits = () => world.eventNames().filter((name) => name.startsWith("exit"));
    assert.deepEqual(exits(), ["exit app"]);
    stuck.resolve();
    await ended;
    assert.deepEqual(exits(), ["exit app", "exit slow", "exit pod1"]);
  });

  it("reclaims what it owns though its VM cannot be stopped", async () => {
    const world = await podIn();
    world.vm.stop = () => Promise.reject(new Error("QEMU is in state D"));
    await world.pod.end();
    assert.equal(world.log.at(-1), "reclaim");
    assert.ok(world.pod.lifecycle.is("stopped"));
  });
});

describe("a pod whose guest is mute", () => {
  const kill = { execId: "", signal: 9, all: true };

  async function muted(): Promise<FakeWorld> {
    const world = await podIn();
    await (await world.pod.create(world.request("app", "container"))).start();
    world.guest.control.killAll = () => Promise.reject(new DeadlineExceeded("killing a container", 60_000));
    return world;
  }

  it("ends with the SIGKILL that it does not carry out, of any container: nobody else could end it", async () => {
    const world = await muted();
    await world.pod.kill("app", kill);
    assert.deepEqual(world.log.slice(-2), ["vm stop", "reclaim"]);
    assert.equal((await world.pod.ended).status, 137);
    const exits = world.eventNames().filter((name) => name.startsWith("exit"));
    assert.deepEqual(exits, ["exit app", "exit pod1"]);
    assert.equal((await world.pod.delete("app")).status, 137);
    await assert.rejects(world.pod.create(world.request("next", "container")), /did not finish within 60000 ms/);
  });

  it("stays when the guest refuses the SIGKILL, or does not answer another signal", async () => {
    const world = await muted();
    world.process("app").signal = () => Promise.reject(new DeadlineExceeded("signalling", 30_000));
    await assert.rejects(world.pod.kill("app", { ...kill, signal: 15, all: false }), DeadlineExceeded);
    world.guest.control.killAll = () => Promise.reject(new Error("no such process"));
    await assert.rejects(world.pod.kill("app", kill), /no such process/);
    assert.ok(world.pod.lifecycle.is("ready"));
  });
});

describe("a pod that has ended", () => {
  it("answers with no VM and no pid, which another process may have; its containers keep theirs", async () => {
    const world = await podIn();
    assert.equal(world.pod.pid, 4242);
    await world.pod.end();
    assert.deepEqual([world.pod.launched, world.pod.pid], [null, 0]);
    assert.equal(world.pod.container("pod1").pid, 4242);
  });
});

describe("a pod whose guest went away by itself", () => {
  it("refuses the next container with the reason", async () => {
    const world = await podIn();
    world.vmExit.resolve({ exitCode: null, signal: "SIGKILL", stderrTail: "", consoleTail: "" });
    await world.pod.ended;
    await assert.rejects(world.pod.create(world.request("app", "container")), {
      name: "WrongState",
      message: "cannot create a container: pod pod1 is stopped (the VM ended)",
    });
  });

  it("refuses it without one after an end that was asked for", async () => {
    const world = await podIn();
    await world.pod.end();
    await turn();
    await assert.rejects(world.pod.create(world.request("app", "container")), {
      message: "cannot create a container: pod pod1 is stopped",
    });
  });
});

describe("a delete that failed", () => {
  it("is tried again by the next one", async () => {
    const world = await podIn();
    await world.pod.create(world.request("app", "container"));
    const { releaseContainer } = world;
    world.releaseContainer = () => Promise.reject(new Error("unmount /share/a: EBUSY"));
    await assert.rejects(world.pod.delete("app"), /EBUSY/);
    world.releaseContainer = releaseContainer;
    await world.pod.delete("app");
    assert.deepEqual(world.pod.containerIds, ["pod1"]);
    assert.deepEqual([...world.plugged], ["/layers/a"], "the sandbox still uses the layer that both have");
  });
});

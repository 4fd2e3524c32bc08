import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { AlreadyExists, NotFound, WrongState } from "../../../src/lib/errors.ts";
import { Deferred, FakeWorld, someStats } from "./fake-world.ts";

async function runningPod(): Promise<FakeWorld> {
  const world = new FakeWorld();
  await (await world.pod.create(world.request("pod1", "sandbox"))).start();
  await (await world.pod.create(world.request("app", "container"))).start();
  return world;
}

const someStdio = { stdin: "", stdout: "/out", stderr: "", terminal: false };
const someProcess = { args: ["sleep"], cwd: "/", user: { uid: 0, gid: 0 } };

/** Of container `app`; the guest answers when the test says so. */
async function execInFlight(world: FakeWorld) {
  await world.pod.addExec({ id: "app", execId: "e1", process: someProcess, stdio: someStdio });
  const asked = new Deferred<void>();
  const answered = new Deferred<void>();
  world.guest.execProcess = () => {
    asked.resolve();
    return answered.promise;
  };
  return { container: world.pod.container("app"), asked: asked.promise, answer: () => answered.resolve() };
}

describe("a pod", () => {
  it("boots with its sandbox and takes further containers into the same VM", async () => {
    const world = await runningPod();
    assert.equal(world.log.filter((entry) => entry === "launch").length, 1);
    assert.deepEqual(world.pod.containerIds, ["pod1", "app"]);
    assert.equal(world.pod.container("app").pid, 4242);
  });

  it("plugs a layer that two containers share only once", async () => {
    const world = await runningPod();
    assert.deepEqual(
      world.log.filter((entry) => entry.startsWith("plug")),
      ["plug /layers/a"],
    );
  });

  it("tells create, start, exit and delete of a container in this order, each once", async () => {
    const world = await runningPod();
    world.process("app").end(7);
    const exit = await world.pod.container("app").init.wait();
    assert.equal(exit.status, 7);
    await world.pod.delete("app");
    const events = world.eventNames().filter((name) => name.endsWith(" app"));
    assert.deepEqual(events, ["create app", "start app", "exit app", "delete app"]);
  });

  it("writes all output to the client before it tells the exit", async () => {
    const world = await runningPod();
    world.process("app").say("first ");
    world.process("app").say("last");
    world.process("app").end(0);
    await world.pod.container("app").init.wait();
    assert.equal(Buffer.concat(world.output).toString(), "first last");
  });

  it("closes the client's streams before it tells the exit, so that the client can drain them", async () => {
    const world = await runningPod();
    const before = world.openStreams;
    world.process("app").end(0);
    await world.pod.container("app").init.wait();
    assert.equal(world.openStreams, before - 1);
  });

  it("tells every exec's exit before the exit of the container", async () => {
    const world = await runningPod();
    await world.pod.addExec({ id: "app", execId: "e1", process: someProcess, stdio: someStdio });
    await world.pod.container("app").startExec("e1");
    world.process("app").end(0);
    await world.pod.container("app").init.wait();
    const exits = world.eventNames().filter((name) => name.startsWith("exit"));
    assert.deepEqual(exits, ["exit app/e1", "exit app"]);
    assert.equal(world.pod.container("app").process("e1").exit?.status, 137);
  });

  it("refuses to start an exec whose container ended meanwhile, tells neither start nor exit, and leaves no process", async () => {
    const world = await runningPod();
    const { container, asked, answer } = await execInFlight(world);
    const starting = assert.rejects(container.startExec("e1"), /cannot start exec e1 in it: container app is ended/);
    await asked;
    world.process("app").end(0);
    await container.init.wait();
    answer();
    await starting;
    assert.ok(!world.eventNames().some((name) => name === "exec-started app/e1" || name === "exit app/e1"));
    assert.deepEqual(world.process("app", "e1").signals, [9]);
  });

  it("kills an exec that is killed before the guest has started it, as soon as it has", async () => {
    const world = await runningPod();
    const { container, asked, answer } = await execInFlight(world);
    const starting = container.startExec("e1");
    await asked;
    const killed = world.pod.kill("app", { execId: "e1", signal: 9, all: false });
    await turn();
    assert.deepEqual(world.process("app", "e1").signals, [], "the guest knows no such process yet");
    answer();
    await Promise.all([starting, killed]);
    assert.deepEqual(world.process("app", "e1").signals, [9]);
  });

  it("ends an exec whose Start nobody waits for any more, though the guest starts it later", async () => {
    const world = await runningPod();
    const { container, asked, answer } = await execInFlight(world);
    const givenUp = new AbortController();
    const starting = assert.rejects(container.startExec("e1", givenUp.signal), /starting exec e1 was cancelled/);
    await asked;
    givenUp.abort();
    await starting;
    assert.equal(container.deleteExec("e1").status, 137);
    answer();
    await turn();
    assert.deepEqual(world.process("app", "e1").signals, [9]);
    assert.ok(!world.eventNames().some((name) => name.startsWith("exec-started") || name === "exit app/e1"));
  });

  it("takes no exec once its container's end is under way: nobody would tell how that ended", async () => {
    const world = await runningPod();
    const { container } = await execInFlight(world);
    const { stats } = world.guest.control;
    const asked = new Deferred<void>();
    const answered = new Deferred<void>();
    world.guest.control.stats = async (id) => {
      asked.resolve();
      await answered.promise;
      return await stats(id);
    };
    world.process("app").end(137);
    await asked.promise;
    await assert.rejects(container.startExec("e1"), WrongState);
    const late = world.pod.addExec({ id: "app", execId: "e2", process: someProcess, stdio: someStdio });
    await assert.rejects(late, /cannot add an exec: container app is ending/);
    answered.resolve();
    await container.init.wait();
  });

  it("asks no guest why a container ended that never ran", async () => {
    const world = await runningPod();
    world.stats = { ...someStats, memory: { ...someStats.memory, oomKills: 1 } };
    await world.pod.create(world.request("idle", "container"));
    await world.pod.kill("idle", { execId: "", signal: 9, all: true });
    assert.ok(!world.eventNames().includes("oom idle"));
  });

  it("refuses to start a container that ended meanwhile", async () => {
    const world = new FakeWorld();
    const sandbox = await world.pod.create(world.request("pod1", "sandbox"));
    world.guest.startContainer = () => sandbox.finishAll();
    await assert.rejects(sandbox.start(), WrongState);
    assert.ok(!world.eventNames().includes("start pod1"));
  });

  it("lets those who wait for a created container or exec go when it is deleted, with the exit its deleter gets", async () => {
    const world = await runningPod();
    const created = await world.pod.create(world.request("fresh", "container"));
    const waiting = created.init.wait();
    const deleted = await world.pod.delete("fresh");
    assert.equal(deleted.status, 0);
    assert.deepEqual(await waiting, deleted);
    await world.pod.addExec({ id: "app", execId: "e1", process: someProcess, stdio: someStdio });
    const app = world.pod.container("app");
    const exec = app.process("e1");
    assert.deepEqual(app.deleteExec("e1"), await exec.wait());
    assert.ok(!world.eventNames().some((name) => name.startsWith("exit")));
  });

  it("deletes a created container that is being killed with the exit of the kill", async () => {
    const world = await runningPod();
    const created = await world.pod.create(world.request("fresh", "container"));
    const killed = world.pod.kill("fresh", { execId: "", signal: 9, all: true });
    const [deleted, waited] = await Promise.all([world.pod.delete("fresh"), created.init.wait(), killed]);
    assert.deepEqual([deleted.status, waited], [137, deleted]);
  });

  it("ends a created container by SIGKILL without asking the guest and without an exit event", async () => {
    const world = new FakeWorld();
    await (await world.pod.create(world.request("pod1", "sandbox"))).start();
    await world.pod.create(world.request("app", "container"));
    await world.pod.kill("app", { execId: "", signal: 9, all: true });
    assert.equal((await world.pod.container("app").init.wait()).status, 137);
    assert.ok(!world.eventNames().includes("exit app"));
  });

  it("asks the guest to end the whole container for SIGKILL, and one process for other signals", async () => {
    const world = await runningPod();
    await world.pod.kill("app", { execId: "", signal: 15, all: false });
    assert.deepEqual(world.process("app").signals, [15]);
    await world.pod.kill("app", { execId: "", signal: 9, all: true });
    assert.ok(world.log.includes("kill all app"));
  });

  it("sends a signal that is for all to every exec that runs, and none to the others", async () => {
    const world = await runningPod();
    for (const execId of ["e1", "e2", "idle"]) {
      await world.pod.addExec({ id: "app", execId, process: someProcess, stdio: someStdio });
      if (execId !== "idle") await world.pod.container("app").startExec(execId);
    }
    world.process("app", "e1").signal = () => Promise.reject(new Error("ESRCH"));
    await world.pod.kill("app", { execId: "", signal: 15, all: true });
    const signals = ["", "e2", "idle"].map((execId) => world.process("app", execId).signals);
    assert.deepEqual(signals, [[15], [15], []]);
  });

  it("ends the VM and all containers when its sandbox is killed, the sandbox last", async () => {
    const world = await runningPod();
    await world.pod.kill("pod1", { execId: "", signal: 9, all: true });
    const exits = world.eventNames().filter((name) => name.startsWith("exit"));
    assert.deepEqual(exits, ["exit app", "exit pod1"]);
    assert.ok(world.log.indexOf("vm stop") < world.log.indexOf("reclaim"));
    assert.equal(world.pod.container("app").init.exit?.status, 137);
  });

  it("reports 137 for every process when the VM dies by itself, and reclaims", async () => {
    const world = await runningPod();
    world.vmExit.resolve({ exitCode: null, signal: "SIGKILL", stderrTail: "", consoleTail: "" });
    const [app, sandbox] = await Promise.all(["app", "pod1"].map((id) => world.pod.container(id).init.wait()));
    assert.equal(app?.status, 137);
    assert.equal(sandbox?.status, 137);
    await turn();
    assert.ok(world.log.includes("reclaim"));
  });

  it("refuses to delete what runs, and answers a repeated delete with NotFound", async () => {
    const world = await runningPod();
    await assert.rejects(world.pod.delete("app"), WrongState);
    world.process("app").end(0);
    await world.pod.container("app").init.wait();
    const [first, second] = await Promise.all([world.pod.delete("app"), world.pod.delete("app")]);
    assert.deepEqual(first, second);
    await assert.rejects(world.pod.delete("app"), NotFound);
  });

  it("refuses a second container of the same id and changes nothing", async () => {
    const world = await runningPod();
    await assert.rejects(world.pod.create(world.request("app", "container")), AlreadyExists);
    assert.equal(world.pod.container("app").init.lifecycle.state, "running");
  });

  it("leaves nothing of a container that the guest refuses", async () => {
    const world = new FakeWorld();
    await (await world.pod.create(world.request("pod1", "sandbox"))).start();
    const streams = world.openStreams;
    world.failCreate = new Error("the file nosuch was not found");
    await assert.rejects(world.pod.create(world.request("app", "container")), /nosuch/);
    assert.equal(world.openStreams, streams);
    assert.deepEqual(world.pod.containerIds, ["pod1"]);
    assert.ok(!world.eventNames().some((name) => name.endsWith(" app")));
    world.failCreate = null;
    await world.pod.create(world.request("app", "container"));
  });

  it("releases what the host made for a container whose mounts it refuses", async () => {
    const world = new FakeWorld();
    await (await world.pod.create(world.request("pod1", "sandbox"))).start();
    const request = world.request("app", "container");
    const mounts = [{ destination: "/data", type: "bind", source: "/nosuch", options: ["rbind"] }];
    await assert.rejects(
      world.pod.create({ ...request, spec: { ...request.spec, mounts } }),
      /the host path does not exist/,
    );
    assert.deepEqual(world.log.slice(-2), ["rootfs app", "release app"]);
  });

  it("takes a container's shares from the guest once the guest has let go of them, while the pod goes on", async () => {
    const world = new FakeWorld();
    world.volumes = { ...world.volumes, hostPaths: "share" };
    world.sources = new Map([["/data", { kind: "directory", mode: 0o755, submounts: [] }]]);
    await (await world.pod.create(world.request("pod1", "sandbox"))).start();
    const request = world.request("app", "container");
    const mounts = [{ destination: "/data", type: "bind", source: "/data", options: ["rbind"] }];
    await world.pod.create({ ...request, spec: { ...request.spec, mounts } });
    await world.pod.delete("app");
    const order = ["share /data for app", "create app", "remove app", "release app"];
    assert.deepEqual(
      world.log.filter((entry) => order.includes(entry)),
      order,
    );
    assert.ok(world.pod.lifecycle.is("ready"));
  });

  describe("with a volume that the kubelet replaces", () => {
    const volume = "/pods/1/volumes/kubernetes.io~configmap/settings";

    async function podBesideVolume() {
      const world = new FakeWorld();
      world.sources = new Map([[volume, { kind: "directory", mode: 0o755, submounts: [] }]]);
      await (await world.pod.create(world.request("pod1", "sandbox"))).start();
      const request = world.request("app", "container");
      const mounts = [{ destination: "/settings", type: "bind", source: volume, options: ["rbind", "ro"] }];
      return { world, request: { ...request, spec: { ...request.spec, mounts } } };
    }

    function told(world: FakeWorld): readonly string[] {
      return world.log
        .filter((entry) => /^(copy|follow|unfollow|create app)/.test(entry))
        .map((entry) => entry.split("/")[0] ?? "");
    }

    it("follows it from before it reads it, and sends an update only after the first copy", async () => {
      const { world, request } = await podBesideVolume();
      const { copyIn } = world.guest;
      let updated: Promise<void> | undefined;
      let copies = 0;
      world.guest.copyIn = async (copy) => {
        updated ??= world.changed.get(volume)?.();
        await turn();
        assert.equal(copies++, world.log.filter((entry) => entry.startsWith("copy")).length);
        await copyIn(copy);
      };
      await world.pod.create(request);
      await updated;
      assert.deepEqual(told(world).toSorted(), ["copy ", "copy ", "create app", "follow "]);
      assert.equal(told(world)[0], "follow ");
    });

    it("follows it no longer when the guest refuses the container", async () => {
      const { world, request } = await podBesideVolume();
      world.failCreate = new Error("the file nosuch was not found");
      await assert.rejects(world.pod.create(request), /nosuch/);
      assert.deepEqual(told(world), ["follow ", "copy ", "unfollow "]);
    });
  });

  it("reclaims everything and is idle again when its boot fails", async () => {
    const world = new FakeWorld();
    world.failLaunch = new Error("no firmware");
    await assert.rejects(world.pod.create(world.request("pod1", "sandbox")), /no firmware/);
    assert.ok(world.log.includes("reclaim"));
    assert.ok(world.pod.idle);
    assert.deepEqual(world.events, []);
  });

  it("refuses a pod that asks for the host's namespaces before it boots anything", async () => {
    const world = new FakeWorld();
    const request = world.request("pod1", "sandbox");
    const namespaces = [{ type: "ipc" as const }, { type: "pid" as const }];
    const hostNetwork = { ...request, spec: { ...request.spec, linux: { namespaces } } };
    await assert.rejects(world.pod.create(hostNetwork), /hostNetwork/);
    assert.ok(!world.log.includes("launch"));
  });

  it("tells an out-of-memory kill before the exit it caused", async () => {
    const world = await runningPod();
    world.stats = { ...someStats, memory: { ...someStats.memory, oomKills: 1 } };
    world.process("app").end(137);
    await world.pod.container("app").init.wait();
    const names = world.eventNames().filter((name) => name.endsWith(" app"));
    assert.deepEqual(names.slice(-2), ["oom app", "exit app"]);
  });

  it("tells an exit by SIGKILL though the guest does not say whether memory ran out", async function () {
    this.timeout(10_000);
    const world = await runningPod();
    world.guest.control.stats = () => new Promise(() => undefined);
    world.process("app").end(137);
    assert.equal((await world.pod.container("app").init.wait()).status, 137);
  });

  it("keeps the VM of a single container until it is deleted", async () => {
    const world = new FakeWorld();
    await (await world.pod.create(world.request("solo", "single"))).start();
    world.process("solo").end(3);
    assert.equal((await world.pod.container("solo").init.wait()).status, 3);
    assert.ok(!world.log.includes("vm stop"));
    await world.pod.delete("solo");
    assert.ok(world.log.includes("vm stop"));
    assert.ok(world.pod.idle);
  });
});

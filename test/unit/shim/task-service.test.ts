import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { runtimeVersion } from "../../../src/lib/version.ts";
import { OciTypeUrl, packAny, packJsonAny } from "../../../src/wire/any.ts";
import { Metrics } from "../../../src/wire/gen/containerd/metrics_v2.ts";
import { Options } from "../../../src/wire/gen/containerd/runtimeoptions.ts";
import { Task as TaskV2 } from "../../../src/wire/gen/containerd/task.ts";
import { Deferred } from "../pod/fake-world.ts";
import { containerSpec, refusal, sandboxSpec, TaskHarness } from "./task-harness.ts";

// google.rpc.Code
const notFound = 5;
const alreadyExists = 6;
const failedPrecondition = 9;
const unimplemented = 12;

const execSpec = packJsonAny(OciTypeUrl.process, { args: ["ls"], cwd: "/", user: { uid: 0, gid: 0 } });

async function until(happened: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !happened(); await turn()) assert.ok(Date.now() < end, "it never happened");
}

async function exec(harness: TaskHarness, id = "e1"): Promise<void> {
  await harness.task.Exec({ id: "app", exec_id: id, stdout: "/exec-out", spec: execSpec });
}

describe("the Task service, in the life of a container", () => {
  it("creates, starts, reports and deletes, with a pid from the first answer on", async () => {
    using harness = TaskHarness.open();
    assert.equal(await harness.create("pod1", sandboxSpec()), 4242);
    const created = await harness.task.State({ id: "pod1" });
    assert.deepEqual([created.status, created.pid, created.stdout], [1, 4242, "/out"]);
    assert.equal((await harness.task.Start({ id: "pod1" })).pid, 4242);
    assert.equal((await harness.task.State({ id: "pod1" })).status, 2);
    await harness.create("app", containerSpec());
    await harness.task.Start({ id: "app" });
    const waiting = harness.task.Wait({ id: "app" });
    harness.world.process("app").end(7);
    const exit = await waiting;
    assert.equal(exit.exit_status, 7);
    const stopped = await harness.task.State({ id: "app" });
    assert.deepEqual([stopped.status, stopped.exit_status, stopped.exited_at], [3, 7, exit.exited_at]);
    const deleted = await harness.task.Delete({ id: "app" });
    assert.deepEqual([deleted.pid, deleted.exit_status, deleted.exited_at], [4242, 7, exit.exited_at]);
    assert.equal((await refusal(harness.task.State({ id: "app" }))).code, notFound);
    assert.equal((await refusal(harness.task.Delete({ id: "app" }))).code, notFound);
  });

  it("answers the same under containerd's third Task API", async () => {
    using harness = await TaskHarness.running();
    assert.deepEqual(await harness.taskV3.State({ id: "app" }), await harness.task.State({ id: "app" }));
    assert.deepEqual((await harness.taskV3.Pids({ id: "app" })).processes.length, 1);
  });

  it("tells everyone who waits, before and after the exit", async () => {
    using harness = await TaskHarness.running();
    const waiting = [1, 2, 3].map(() => harness.task.Wait({ id: "app" }));
    harness.world.process("app").end(3);
    const answers = await Promise.all([...waiting, harness.task.Wait({ id: "app" })]);
    assert.deepEqual(
      answers.map((answer) => answer.exit_status),
      [3, 3, 3, 3],
    );
  });

  it("ends the waits of a connection that closed, and no other", async () => {
    using harness = await TaskHarness.running();
    const second = harness.connect();
    const lost = second.service(TaskV2).Wait({ id: "app" });
    const kept = harness.task.Wait({ id: "app" });
    await until(() => harness.served[1]?.activeCalls.length === 1);
    second.close();
    await assert.rejects(lost);
    await until(() => harness.served[1]?.activeCalls.length === 0);
    assert.equal(harness.served[0]?.activeCalls.length, 1);
    harness.world.process("app").end(1);
    assert.equal((await kept).exit_status, 1);
  });

  it("refuses to delete what runs, to start twice, and to create an id twice", async () => {
    using harness = await TaskHarness.running();
    const running = await refusal(harness.task.Delete({ id: "app" }));
    assert.equal(running.code, failedPrecondition);
    assert.match(running.text, /stop it first/);
    assert.equal((await refusal(harness.task.Start({ id: "app" }))).code, failedPrecondition);
    assert.equal((await refusal(harness.create("app", containerSpec()))).code, alreadyExists);
    assert.equal((await refusal(harness.create("pod1", sandboxSpec()))).code, alreadyExists);
    assert.equal((await harness.task.State({ id: "app" })).status, 2);
  });

  it("keeps a stopped sandbox until it is deleted: its id is taken", async () => {
    using harness = await TaskHarness.running();
    await harness.task.Kill({ id: "pod1", signal: 9, all: true });
    assert.equal((await harness.task.Wait({ id: "pod1" })).exit_status, 137);
    assert.equal((await refusal(harness.create("pod1", sandboxSpec()))).code, alreadyExists);
    assert.equal((await harness.task.Delete({ id: "pod1" })).exit_status, 137);
  });

  it("signals, kills a created container, and says NotFound for what has ended", async () => {
    using harness = await TaskHarness.running();
    await harness.task.Kill({ id: "app", signal: 15 });
    assert.deepEqual(harness.world.process("app").signals, [15]);
    await harness.create("fresh", containerSpec());
    await harness.task.Kill({ id: "fresh", signal: 9, all: true });
    assert.equal((await harness.task.Wait({ id: "fresh" })).exit_status, 137);
    assert.equal((await refusal(harness.task.Kill({ id: "fresh", signal: 9 }))).code, notFound);
    assert.equal((await harness.task.Delete({ id: "fresh" })).exit_status, 137);
  });

  it("pauses and resumes, and tells containerd so", async () => {
    using harness = await TaskHarness.running();
    await harness.task.Pause({ id: "app" });
    assert.equal((await harness.task.State({ id: "app" })).status, 4);
    await harness.task.Resume({ id: "app" });
    assert.equal((await harness.task.State({ id: "app" })).status, 2);
    assert.deepEqual(harness.emitted, ["paused app", "resumed app"]);
    assert.equal((await refusal(harness.task.Resume({ id: "app" }))).code, failedPrecondition);
  });

  it("tells no pause of a container that ended while the guest was asked", async () => {
    using harness = await TaskHarness.running();
    harness.world.guest.control.pause = async () => {
      harness.world.process("app").end(0);
      await harness.world.pod.container("app").init.wait();
    };
    assert.equal((await refusal(harness.task.Pause({ id: "app" }))).code, failedPrecondition);
    assert.deepEqual(harness.emitted, []);
  });

  it("ends calls to a guest that goes away, saying why", async () => {
    using harness = await TaskHarness.running();
    const answer = new Deferred<void>();
    harness.world.guest.control.pause = () => answer.promise;
    const pausing = refusal(harness.task.Pause({ id: "app" }));
    await until(() => harness.served[0]?.activeCalls.length === 1);
    harness.world.vmExit.resolve({ exitCode: null, signal: "SIGKILL", stderrTail: "", consoleTail: "" });
    assert.match((await pausing).text, /the VM ended/);
    assert.equal((await harness.task.Wait({ id: "app" })).exit_status, 137);
  });
});

describe("the Task service, for execs", () => {
  it("adds, starts, waits for and deletes an exec beside its container", async () => {
    using harness = await TaskHarness.running();
    await exec(harness);
    const added = await harness.task.State({ id: "app", exec_id: "e1" });
    assert.deepEqual([added.status, added.exec_id, added.stdout], [1, "e1", "/exec-out"]);
    const waiting = harness.task.Wait({ id: "app", exec_id: "e1" });
    assert.equal((await harness.task.Start({ id: "app", exec_id: "e1" })).pid, 4242);
    harness.world.process("app", "e1").end(2);
    assert.equal((await waiting).exit_status, 2);
    assert.equal((await harness.task.Delete({ id: "app", exec_id: "e1" })).exit_status, 2);
    assert.equal((await refusal(harness.task.State({ id: "app", exec_id: "e1" }))).code, notFound);
    assert.equal((await harness.task.State({ id: "app" })).status, 2);
  });

  it("deletes an exec that never ran with status 0, and refuses to delete one that runs", async () => {
    using harness = await TaskHarness.running();
    await exec(harness);
    assert.equal((await harness.task.Delete({ id: "app", exec_id: "e1" })).exit_status, 0);
    await exec(harness);
    await harness.task.Start({ id: "app", exec_id: "e1" });
    assert.equal((await refusal(harness.task.Delete({ id: "app", exec_id: "e1" }))).code, failedPrecondition);
  });

  it("refuses a second exec of one id, and one in a container that has ended", async () => {
    using harness = await TaskHarness.running();
    await exec(harness);
    assert.equal((await refusal(exec(harness))).code, alreadyExists);
    harness.world.process("app").end(0);
    await harness.task.Wait({ id: "app" });
    assert.equal((await refusal(exec(harness, "e2"))).code, failedPrecondition);
    assert.equal((await refusal(harness.task.Start({ id: "app", exec_id: "e1" }))).code, failedPrecondition);
  });

  it("lets those who wait for an exec go when the guest refuses to start it, and tells no exit", async () => {
    using harness = await TaskHarness.running();
    await exec(harness);
    harness.world.guest.execProcess = () => Promise.reject(new Error("the file nosuch was not found"));
    const waiting = harness.task.Wait({ id: "app", exec_id: "e1" });
    assert.match((await refusal(harness.task.Start({ id: "app", exec_id: "e1" }))).text, /nosuch/);
    await waiting;
    assert.ok(!harness.world.eventNames().includes("exit app/e1"));
    await harness.task.Delete({ id: "app", exec_id: "e1" });
  });

  it("forgets an exec whose streams cannot be opened: the same id works the next time", async () => {
    using harness = await TaskHarness.running();
    const open = harness.world.openStdio.bind(harness.world);
    harness.world.openStdio = () => Promise.reject(new Error("no such FIFO"));
    assert.match((await refusal(exec(harness))).text, /no such FIFO/);
    harness.world.openStdio = open;
    assert.ok(!harness.world.eventNames().includes("exec-added app/e1"));
    await exec(harness);
  });

  it("holds no stream of an exec after many were run and deleted, as by a kubelet's probes", async () => {
    using harness = await TaskHarness.running();
    const before = harness.world.openStreams;
    for (let round = 0; round < 20; round++) {
      const id = `probe${round}`;
      await exec(harness, id);
      if (round % 2 === 0) {
        await harness.task.Start({ id: "app", exec_id: id });
        harness.world.process("app", id).end(0);
        await harness.task.Wait({ id: "app", exec_id: id });
      }
      await harness.task.Delete({ id: "app", exec_id: id });
    }
    await turn();
    assert.equal(harness.world.openStreams, before);
    assert.deepEqual(harness.pods.container("app").execIds, []);
  });
});

describe("the Task service, for the rest", () => {
  it("names at least one pid for every container, since none at all makes containerd end the shim", async () => {
    using harness = await TaskHarness.running();
    assert.deepEqual(
      (await harness.task.Pids({ id: "app" })).processes.map(({ pid }) => pid),
      [4242],
    );
    harness.world.process("app").end(0);
    await harness.task.Wait({ id: "app" });
    assert.equal((await harness.task.Pids({ id: "app" })).processes.length, 1);
    assert.equal((await refusal(harness.task.Pids({ id: "nosuch" }))).code, notFound);
  });

  it("connects for unknown ids too, with pid 0, as containerd's load needs it", async () => {
    using harness = await TaskHarness.running();
    const known = await harness.task.Connect({ id: "app" });
    assert.deepEqual([known.shim_pid, known.task_pid, known.version], [process.pid, 4242, runtimeVersion]);
    assert.equal((await harness.task.Connect({ id: "nosuch" })).task_pid, 0);
  });

  it("stays while a container is left, and ends when asked after the last", async () => {
    using harness = await TaskHarness.running();
    await harness.task.Shutdown({ id: "app" });
    assert.equal(harness.shutdowns, 0);
    await harness.task.Kill({ id: "pod1", signal: 9 });
    await harness.task.Delete({ id: "app" });
    await harness.task.Shutdown({ id: "app" });
    assert.equal(harness.shutdowns, 0);
    await harness.task.Delete({ id: "pod1" });
    await harness.task.Shutdown({ id: "pod1", now: true });
    assert.equal(harness.shutdowns, 1);
  });

  it("ends when asked while its first container is still being made", async () => {
    using harness = TaskHarness.open();
    const launch = new Deferred<never>();
    harness.world.launch = () => launch.promise;
    const creating = refusal(harness.create("pod1", sandboxSpec()));
    await until(() => harness.made.length > 0);
    await harness.task.Shutdown({ id: "pod1" });
    assert.equal(harness.shutdowns, 1);
    launch.reject(new Error("given up"));
    assert.match((await creating).text, /given up/);
  });

  it("keeps no exec whose Start took longer than its deadline: it can be deleted", async () => {
    using harness = await TaskHarness.running();
    await exec(harness);
    harness.world.guest.execProcess = () => new Promise(() => undefined);
    const waiting = harness.task.Wait({ id: "app", exec_id: "e1" });
    await assert.rejects(harness.task.Start({ id: "app", exec_id: "e1" }, { timeoutMs: 50 }));
    assert.equal((await waiting).exit_status, 137);
    assert.equal((await harness.task.Delete({ id: "app", exec_id: "e1" })).exit_status, 137);
  });

  it("keeps no container whose Create took longer than its deadline, and ends when asked", async () => {
    using harness = TaskHarness.open();
    await harness.create("pod1", sandboxSpec());
    const { open } = harness.world.gate("prepareRootfs");
    const bundle = harness.bundle("app", containerSpec());
    await assert.rejects(harness.task.Create({ id: "app", bundle }, { timeoutMs: 50 }));
    assert.equal((await refusal(harness.task.Delete({ id: "app" }))).code, notFound);
    open();
    await until(() => harness.world.log.includes("release app"));
    assert.deepEqual(harness.world.eventNames(), ["create pod1"]);
    await harness.task.Kill({ id: "pod1", signal: 9 });
    await harness.task.Delete({ id: "pod1" });
    await harness.task.Shutdown({ id: "pod1" });
    assert.deepEqual([harness.shutdowns, harness.pods.busy], [1, false]);
  });

  it("keeps no container that is deleted while it is created, though its Create has no deadline", async () => {
    using harness = TaskHarness.open();
    await harness.create("pod1", sandboxSpec());
    const { asked, open } = harness.world.gate("prepareRootfs");
    const creating = refusal(harness.create("app", containerSpec()));
    await asked;
    assert.equal((await refusal(harness.task.Delete({ id: "app" }))).code, notFound);
    open();
    assert.match((await creating).text, /creating app was cancelled/);
    assert.deepEqual(harness.pods.podOf("pod1").containerIds, ["pod1"]);
    assert.deepEqual(harness.world.eventNames(), ["create pod1"]);
    await harness.create("app", containerSpec());
  });

  it("says Delete is NotFound after a failed Create, so that containerd goes on to Shutdown", async () => {
    using harness = TaskHarness.open();
    harness.world.failLaunch = new Error("no firmware");
    assert.match((await refusal(harness.create("pod1", sandboxSpec()))).text, /no firmware/);
    assert.equal((await refusal(harness.task.Delete({ id: "pod1" }))).code, notFound);
    await harness.task.Shutdown({ id: "pod1" });
    assert.equal(harness.shutdowns, 1);
  });

  it("gives statistics as the message that containerd's CRI plugin reads", async () => {
    using harness = await TaskHarness.running();
    const { stats } = await harness.task.Stats({ id: "app" });
    assert.equal(stats?.type_url, "io.containerd.cgroups.v2.Metrics");
    assert.equal(Metrics.decode(stats?.value ?? new Uint8Array()).pids?.current, 1n);
    assert.equal((await refusal(harness.task.Stats({ id: "nosuch" }))).code, notFound);
  });

  it("has statistics of a container that started, though the guest is busy by the time they are asked for", async () => {
    using harness = await TaskHarness.running();
    harness.world.guest.control.stats = () => Promise.reject(new Error("the guest is busy"));
    const { stats } = await harness.task.Stats({ id: "app" });
    assert.equal(Metrics.decode(stats?.value ?? new Uint8Array()).pids?.current, 1n);
  });

  it("hands new limits to the guest, whatever prefix their type has", async () => {
    using harness = await TaskHarness.running();
    const seen: unknown[] = [];
    harness.world.guest.control.update = async (id, resources) => void seen.push([id, resources.memory?.limit]);
    const resources = { memory: { limit: 64 * 1024 * 1024 } };
    await harness.task.Update({ id: "app", resources: packJsonAny(OciTypeUrl.linuxResources, resources) });
    const prefixed = `type.googleapis.com/${OciTypeUrl.linuxResources}`;
    await harness.task.Update({ id: "app", resources: packJsonAny(prefixed, resources) });
    assert.deepEqual(seen.map(String), ["app,67108864", "app,67108864"]);
  });

  it("takes a resize of what has no terminal, and CloseIO of what has no input", async () => {
    using harness = await TaskHarness.running();
    await harness.task.ResizePty({ id: "app", width: 80, height: 25 });
    await harness.task.CloseIO({ id: "app", stdin: true });
  });

  it("never does a checkpoint, and says why", async () => {
    using harness = await TaskHarness.running();
    const { code, text } = await refusal(harness.task.Checkpoint({ id: "app" }));
    assert.equal(code, unimplemented);
    assert.match(text, /confidential/);
  });

  it("takes the configuration from containerd's options, and the default for options of another type", async () => {
    for (const [options, expected] of [
      [packAny(Options, { config_path: "/etc/mine.toml" }), "/etc/mine.toml"],
      [packAny(Options, {}), "/etc/default.toml"],
      [{ type_url: "containerd.runc.v1.Options", value: Buffer.from([1, 2, 3]) }, "/etc/default.toml"],
      [undefined, "/etc/default.toml"],
    ] as const) {
      using harness = TaskHarness.open();
      const asked: string[] = [];
      const launch = harness.world.launch.bind(harness.world);
      harness.world.launch = (request, signal) => {
        asked.push((request as { configPath: string }).configPath);
        return launch(request, signal);
      };
      await harness.create("pod1", sandboxSpec(), { options });
      assert.deepEqual(asked, [expected]);
    }
  });
});

// The pod's whole traffic with a guest, over the agent's protocol on a socket: pod above, fake agent
// below. What the fake forbids, the real agent forbids.
import assert from "node:assert/strict";
import { connectAgent } from "../../../src/agent/agent-client.ts";
import { setUpSandbox } from "../../../src/agent/sandbox-setup.ts";
import { AgentLost, NotFound, WrongState } from "../../../src/lib/errors.ts";
import { guestPort, readGuestFeatures } from "../../../src/runtime/guest-port.ts";
import { sandboxStorages } from "../../../src/translate/storages.ts";
import { AgentRefusal, FakeAgent } from "../../fakes/fake-agent.ts";
import { Deferred, FakeWorld } from "../pod/fake-world.ts";

const limits = { requestMs: 5000, createContainerMs: 5000, readBytes: 16 * 1024 };
const network = { interfaces: [], routes: [], neighbours: [] };
const vmExit = { exitCode: null, signal: "SIGKILL", stderrTail: "", consoleTail: "" };

interface Booted extends AsyncDisposable {
  readonly agent: FakeAgent;
  readonly world: FakeWorld;
}

/** A world whose guest is the fake agent, set up as src/runtime/launch-pod.ts does. */
async function booted(extraFeatures: readonly string[] = ["kata-cvm-layers"], given = limits): Promise<Booted> {
  const agent = await FakeAgent.listen();
  agent.extraFeatures = extraFeatures;
  const world = new FakeWorld();
  const client = await connectAgent(agent.dial(), { timeoutMs: 5000 });
  await setUpSandbox(
    client.rpc,
    { sandboxId: "pod1", hostname: "web", dns: [], network, storages: sandboxStorages, holdsPids: false },
    5000,
  );
  const features = await readGuestFeatures(client.rpc, 5000);
  const guest = guestPort(client, { vm: world.vm, features, limits: given });
  world.launch = async () => ({ vm: world.vm, guest, volumes: world.volumes, memoryOverheadMiB: 512 });
  return {
    agent,
    world,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await agent[Symbol.asyncDispose]();
    },
  };
}

async function running(given = limits): Promise<Booted> {
  const both = await booted(undefined, given);
  await (await both.world.pod.create(both.world.request("pod1", "sandbox"))).start();
  await (await both.world.pod.create(both.world.request("app", "container"))).start();
  return both;
}

async function until(happened: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !happened(); await new Promise((resolve) => setTimeout(resolve, 2))) {
    assert.ok(Date.now() < end, "it never happened");
  }
}

describe("a pod over the agent's protocol", () => {
  it("keeps the protocol's order from the first call to the last", async () => {
    await using both = await running();
    both.agent.process("app").stdout.write("hello");
    both.agent.process("app").end(7);
    assert.equal((await both.world.pod.container("app").init.wait()).status, 7);
    await both.world.pod.delete("app");
    assert.deepEqual(both.agent.violations, []);
    assert.equal(Buffer.concat(both.world.output).toString(), "hello");
    const kept = [
      "CreateSandbox",
      "GetGuestDetails",
      "CreateContainer",
      "StartContainer",
      "WaitProcess",
      "RemoveContainer",
    ];
    const order = both.agent.calls.filter((call) => kept.includes(call));
    assert.deepEqual(order.slice(0, 6), [
      "CreateSandbox",
      "GetGuestDetails",
      "CreateContainer",
      "StartContainer",
      "CreateContainer",
      "StartContainer",
    ]);
    assert.ok(both.agent.calls.indexOf("WaitProcess") < both.agent.calls.indexOf("RemoveContainer"));
  });

  it("ends the guest's sandbox before a VM whose volumes must keep what was written, and its own sandbox last", async () => {
    await using both = await booted();
    const { world } = both;
    world.volumes = { ...world.volumes, hostPaths: "share" };
    world.sources = new Map([["/data", { kind: "directory", mode: 0o755, submounts: [] }]]);
    await (await world.pod.create(world.request("pod1", "sandbox"))).start();
    const request = world.request("app", "container");
    const mounts = [{ destination: "/data", type: "bind", source: "/data", options: ["rbind"] }];
    await (await world.pod.create({ ...request, spec: { ...request.spec, mounts } })).start();
    const { stop } = world.vm;
    world.vm.stop = async () => {
      assert.ok(both.agent.calls.includes("DestroySandbox"));
      await world.pod.container("app").init.wait();
      assert.equal(world.pod.container("pod1").init.exit, null);
      await stop();
    };
    await world.pod.kill("pod1", { execId: "", signal: 9, all: true });
    assert.deepEqual(
      world.eventNames().filter((name) => name.startsWith("exit")),
      ["exit app", "exit pod1"],
    );
  });

  it("asks for an exit only after both outputs have ended", async () => {
    await using both = await running();
    const process = both.agent.process("app");
    process.stdout.write("some");
    await until(() => both.world.output.length === 1);
    assert.ok(!both.agent.calls.includes("WaitProcess"));
    process.end(0);
    await both.world.pod.container("app").init.wait();
  });

  it("kills a whole container by an empty exec id, and signals one process by its own", async () => {
    await using both = await running();
    await both.world.pod.kill("app", { execId: "", signal: 15, all: false });
    assert.deepEqual(both.agent.process("app").signals, [15]);
    await both.world.pod.kill("app", { execId: "", signal: 9, all: true });
    assert.equal((await both.world.pod.container("app").init.wait()).status, 137);
    const signals = both.agent.requests.filter((one) => one.method === "SignalProcess");
    assert.deepEqual(
      signals.map(({ request }) => (request as { exec_id: string }).exec_id),
      ["app", ""],
    );
  });

  it("runs execs beside the container, and ends with their status", async () => {
    await using both = await running();
    const stdio = { stdin: "", stdout: "/out", stderr: "", terminal: false };
    const process = { args: ["ls"], cwd: "/", user: { uid: 0, gid: 0 } };
    await both.world.pod.addExec({ id: "app", execId: "e1", process, stdio });
    await both.world.pod.container("app").startExec("e1");
    both.agent.process("app", "e1").end(3);
    assert.equal((await both.world.pod.container("app").process("e1").wait()).status, 3);
    assert.equal(both.world.pod.container("app").init.lifecycle.state, "running");
  });

  for (const [clock, limitMs] of [
    ["the agent's", 5000],
    ["its own", 500],
  ] as const) {
    it(`ends an exec whose start took too long by ${clock} clock, as it may run all the same`, async () => {
      await using both = await running({ ...limits, requestMs: limitMs });
      const stdio = { stdin: "", stdout: "/out", stderr: "", terminal: false };
      const process = { args: ["ls"], cwd: "/", user: { uid: 0, gid: 0 } };
      await both.world.pod.addExec({ id: "app", execId: "slow", process, stdio });
      both.agent.before.set("ExecProcess", () => {
        if (limitMs === 5000) throw new AgentRefusal(4, "ExecProcess: timeout");
        for (const end = Date.now() + 700; Date.now() < end; );
      });
      await assert.rejects(both.world.pod.container("app").startExec("slow"));
      await until(() => both.agent.calls.includes("SignalProcess"));
      const { request } = both.agent.requests.find((one) => one.method === "SignalProcess") ?? {};
      const { container_id, exec_id, signal } = request as { container_id: string; exec_id: string; signal: number };
      assert.deepEqual({ container_id, exec_id, signal }, { container_id: "app", exec_id: "slow", signal: 9 });
    });
  }

  for (const [clock, limitMs] of [
    ["the agent's", 5000],
    ["its own", 300],
  ] as const) {
    it(`is over when a SIGKILL took too long by ${clock} clock`, async () => {
      await using both = await running({ ...limits, requestMs: limitMs });
      both.agent.before.set("SignalProcess", () => {
        if (limitMs === 5000) throw new AgentRefusal(4, "SignalProcess: timeout");
        for (const end = Date.now() + 500; Date.now() < end; );
      });
      await both.world.pod.kill("app", { execId: "", signal: 9, all: true });
      assert.equal((await both.world.pod.ended).status, 137);
      assert.ok(both.world.log.includes("vm stop"));
    });
  }

  it("tells a container's want of memory when the guest does", async () => {
    await using both = await running();
    both.agent.runOutOfMemory("app");
    await until(() => both.world.eventNames().includes("oom app"));
    both.agent.runOutOfMemory("app");
    both.agent.process("app").end(137);
    await both.world.pod.container("app").init.wait();
    assert.equal(both.world.eventNames().filter((name) => name === "oom app").length, 1);
  });

  it("fetches a container's message for the kubelet, and no more of it than the kubelet takes", async () => {
    await using both = await running();
    const control = both.world.pod.launched?.guest.control;
    both.agent.terminationMessage = "out of luck";
    assert.equal(Buffer.from((await control?.terminationLog("app")) ?? []).toString(), "out of luck");
    both.agent.terminationMessage = `${"x".repeat(1 << 20)}end`;
    assert.equal(Buffer.from((await control?.terminationLog("app")) ?? []).toString(), `${"x".repeat(4093)}end`);
  });

  it("asks a guest without our layers for no dm-verity and no pids limit", async () => {
    await using both = await booted([]);
    await both.world.pod.create(both.world.request("pod1", "sandbox"));
    const created = both.agent.requests.find((one) => one.method === "CreateContainer")?.request;
    const { storages } = created as { storages: { options: string[]; driver: string }[] };
    assert.equal(storages.at(-1)?.driver, "overlayfs");
    assert.ok(!storages.some(({ options }) => options.some((option) => option.includes("dmverity"))));
  });

  it("gives up a container whose creation the guest refuses, and keeps the pod", async () => {
    await using both = await running();
    both.agent.before.set("CreateContainer", () => {
      throw new AgentRefusal(13, "the file nosuch was not found\nstack backtrace: 0: rust");
    });
    const creating = both.world.pod.create(both.world.request("bad", "container"));
    await assert.rejects(creating, (error: Error) => /nosuch/.test(error.message) && !error.message.includes("\n"));
    both.agent.before.delete("CreateContainer");
    await both.world.pod.create(both.world.request("bad", "container"));
  });

  it("does not wait for ever for a guest that does not answer a removal", async function () {
    this.timeout(15_000);
    await using both = await running();
    both.agent.process("app").end(0);
    await both.world.pod.container("app").init.wait();
    both.world.pod.launched?.guest.gone.catch(() => undefined);
    const guest = both.world.pod.launched?.guest;
    assert.ok(guest !== undefined);
    guest.removeContainer = () => new Deferred<void>().promise;
    assert.equal((await both.world.pod.delete("app")).status, 0);
  });

  it("says why the guest is gone: the VM's end before the connection's", async () => {
    await using both = await running();
    const gone = both.world.pod.launched?.guest.gone ?? Promise.reject(new Error("not launched"));
    both.agent.die();
    both.world.vmExit.resolve(vmExit);
    await assert.rejects(gone, (error: Error) => {
      assert.ok(error instanceof AgentLost);
      assert.match(error.message, /the VM ended/);
      return true;
    });
    assert.equal((await both.world.pod.container("app").init.wait()).status, 137);
  });

  it("is over when only the agent dies: every process ends with 137, and the VM is stopped", async () => {
    await using both = await running();
    both.agent.die();
    const exits = await Promise.all(["app", "pod1"].map((id) => both.world.pod.container(id).init.wait()));
    assert.deepEqual(
      exits.map(({ status }) => status),
      [137, 137],
    );
    assert.ok(both.world.log.includes("vm stop"));
    await assert.rejects(both.world.pod.create(both.world.request("more", "container")), WrongState);
    assert.throws(() => both.world.pod.container("more"), NotFound);
  });
});

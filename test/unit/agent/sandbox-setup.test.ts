import assert from "node:assert/strict";
import { type SandboxSetup, setUpSandbox } from "../../../src/agent/sandbox-setup.ts";
import { AgentRefusal } from "../../fakes/fake-agent.ts";
import { connected } from "./connected.ts";

const link = {
  name: "eth0",
  mac: "02:00:00:00:00:01",
  mtu: 1450,
  kind: "veth",
  isNoArp: false,
  addresses: [
    { family: "v4", address: "10.88.0.5", prefixLength: 16 },
    { family: "v6", address: "fd00::5", prefixLength: 64 },
  ],
} as const;
const route = {
  family: "v4",
  destination: "",
  gateway: "10.88.0.1",
  device: "eth0",
  source: "",
  scope: 0,
  flags: 0,
  mtu: 0,
};
const neighbour = { address: "10.88.0.1", device: "eth0", mac: "02:00:00:00:00:02", state: 128 };

function setup(network: object = {}): SandboxSetup {
  return {
    sandboxId: "pod1",
    hostname: "web",
    dns: ["nameserver 10.0.0.10", "options ndots:5"],
    holdsPids: false,
    network: { interfaces: [link], routes: [route], neighbours: [neighbour], ...network } as SandboxSetup["network"],
    storages: [{ driver: "ephemeral", source: "shm", fstype: "tmpfs", mount_point: "/run/shm" }],
  };
}

function sent(agent: { requests: readonly { method: string; request: unknown }[] }, method: string): unknown {
  return agent.requests.find((one) => one.method === method)?.request;
}

describe("setting up the guest's sandbox", () => {
  it("sends interfaces, routes and neighbours before the one CreateSandbox, which wipes the agent's files", async () => {
    await using both = await connected();
    await setUpSandbox(both.client.rpc, setup({ interfaces: [link, { ...link, name: "eth1" }] }), 5000);
    const order = ["UpdateInterface", "UpdateInterface", "UpdateRoutes", "AddARPNeighbors", "CreateSandbox"];
    assert.deepEqual(both.agent.calls, order);
    assert.deepEqual(both.agent.violations, []);
  });

  it("names the link, its addresses with prefix lengths as text, and its MTU", async () => {
    await using both = await connected();
    await setUpSandbox(both.client.rpc, setup({ interfaces: [{ ...link, isNoArp: true }] }), 5000);
    const { interface: given } = sent(both.agent, "UpdateInterface") as { interface: Record<string, unknown> };
    assert.equal(given["device"], "eth0");
    assert.equal(given["hwAddr"], "02:00:00:00:00:01");
    assert.equal(given["mtu"], 1450n);
    assert.equal(given["raw_flags"], 0x80);
    assert.deepEqual(given["IPAddresses"], [
      { family: 0, address: "10.88.0.5", mask: "16" },
      { family: 1, address: "fd00::5", mask: "64" },
    ]);
  });

  it("hands over hostname, id, storages and the lines of resolv.conf as they are", async () => {
    await using both = await connected();
    await setUpSandbox(both.client.rpc, setup(), 5000);
    const request = sent(both.agent, "CreateSandbox") as Record<string, unknown>;
    assert.equal(request["hostname"], "web");
    assert.equal(request["sandbox_id"], "pod1");
    assert.deepEqual(request["dns"], ["nameserver 10.0.0.10", "options ndots:5"]);
    assert.equal((request["storages"] as { source: string }[])[0]?.source, "shm");
    assert.equal(request["sandbox_pidns"], false);
  });

  it("asks the guest to hold a process namespace where no container of the pod does", async () => {
    await using both = await connected();
    await setUpSandbox(both.client.rpc, { ...setup(), holdsPids: true }, 5000);
    assert.equal((sent(both.agent, "CreateSandbox") as Record<string, unknown>)["sandbox_pidns"], true);
  });

  it("sends no empty lists of routes and neighbours", async () => {
    await using both = await connected();
    await setUpSandbox(both.client.rpc, setup({ interfaces: [], routes: [], neighbours: [] }), 5000);
    assert.deepEqual(both.agent.calls, ["CreateSandbox"]);
  });

  it("waits for a link that the guest's kernel has not found yet", async () => {
    await using both = await connected();
    let missing = 3;
    both.agent.before.set("UpdateInterface", () => {
      if (missing-- > 0) throw new AgentRefusal(13, "Link not found (02:00:00:00:00:01)");
    });
    await setUpSandbox(both.client.rpc, setup(), 5000);
    assert.equal(both.agent.calls.filter((call) => call === "UpdateInterface").length, 4);
    assert.equal(both.agent.calls.at(-1), "CreateSandbox");
  });

  it("gives a link up that never comes, and other refusals at once", async () => {
    await using both = await connected();
    both.agent.before.set("UpdateInterface", () => {
      throw new AgentRefusal(13, "Link not found");
    });
    await assert.rejects(setUpSandbox(both.client.rpc, setup(), 5000), /Link not found/);
    assert.equal(both.agent.calls.length, 20);
    both.agent.calls.length = 0;
    both.agent.before.set("UpdateInterface", () => {
      throw new AgentRefusal(7, "UpdateInterfaceRequest is blocked by policy");
    });
    await assert.rejects(setUpSandbox(both.client.rpc, setup(), 5000), /blocked by policy/);
    assert.equal(both.agent.calls.length, 1);
  });

  it("goes on without neighbours in a guest that knows no such call", async () => {
    await using both = await connected();
    both.agent.before.set("AddARPNeighbors", () => {
      throw new AgentRefusal(12, "not there");
    });
    await setUpSandbox(both.client.rpc, setup(), 5000);
    assert.equal(both.agent.calls.at(-1), "CreateSandbox");
    both.agent.before.set("AddARPNeighbors", () => {
      throw new AgentRefusal(13, "netlink says no");
    });
    await assert.rejects(setUpSandbox(both.client.rpc, setup(), 5000), /netlink says no/);
  });
});

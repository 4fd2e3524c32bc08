import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { readNetworkFacts } from "../../src/host/netns.ts";
import { createTap, removeTap } from "../../src/host/tap.ts";
import { HostCallFailed, HostCommandFailed, InvalidRequest } from "../../src/lib/errors.ts";
import type { OwnedThing, Ownership } from "../../src/lib/owned.ts";
import { skip } from "../support/tools.ts";

const name = `kcvm${process.pid}`;
const netns = `/run/netns/${name}`;
const ip = (...args: string[]) => execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
const inside = (...args: string[]) =>
  execFileSync("nsenter", [`--net=${netns}`, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

describe("a pod's network namespace", () => {
  const claims: OwnedThing[] = [];
  const ownership: Ownership = {
    claim: async (thing) => void claims.push(thing),
    release: async () => undefined,
  };

  before(function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
  });
  beforeEach(() => {
    claims.length = 0;
    ip("netns", "add", name);
  });
  afterEach(async () => {
    ip("netns", "del", name);
    // The kernel takes a namespace apart in its own time.
    for (let tries = 0; tries < 100 && ip("link").includes(`h${process.pid}`); tries++) await sleep(20);
    assert.ok(!ip("link").includes(`h${process.pid}`), "the veth went with its namespace");
  });

  const addVeth = (at: { host: string; inner: string; hostAddress: string; address: string; mac: string }) => {
    ip("link", "add", at.host, "type", "veth", "peer", "name", at.inner, "netns", name, "address", at.mac);
    ip("addr", "add", at.hostAddress, "dev", at.host);
    ip("link", "set", at.host, "up");
    ip("-n", name, "addr", "add", at.address, "dev", at.inner);
    ip("-n", name, "link", "set", at.inner, "mtu", "1400", "up");
  };
  const first = {
    host: `h${process.pid}`,
    inner: "eth0",
    hostAddress: "198.51.100.1/24",
    address: "198.51.100.2/24",
    mac: "02:00:5e:00:53:01",
  };

  it("is empty when the CNI put nothing into it", async () => {
    assert.deepEqual(await readNetworkFacts(netns), { interfaces: [], routes: [], neighbours: [] });
  });

  it("gives interfaces, routes and neighbours of both families", async () => {
    addVeth(first);
    ip("-n", name, "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad");
    ip("-n", name, "route", "add", "default", "via", "198.51.100.1");
    ip("-n", name, "route", "add", "203.0.113.0/24", "dev", "eth0", "src", "198.51.100.2", "mtu", "1300");
    ip("-n", name, "route", "add", "192.0.2.9", "via", "192.0.2.1", "dev", "eth0", "onlink");
    ip("-n", name, "-6", "route", "add", "default", "via", "2001:db8::1");
    ip("-n", name, "neigh", "add", "198.51.100.1", "lladdr", "02:00:5e:00:53:02", "dev", "eth0", "nud", "permanent");
    ip("-n", name, "neigh", "add", "198.51.100.7", "lladdr", "02:00:5e:00:53:07", "dev", "eth0", "nud", "stale");
    const facts = await readNetworkFacts(netns);
    assert.deepEqual(facts.interfaces, [
      {
        name: "eth0",
        mac: "02:00:5e:00:53:01",
        mtu: 1400,
        kind: "veth",
        isNoArp: false,
        addresses: [
          { family: "v4", address: "198.51.100.2", prefixLength: 24 },
          { family: "v6", address: "2001:db8::2", prefixLength: 64 },
        ],
      },
    ]);
    const route = {
      family: "v4",
      destination: "",
      gateway: "",
      device: "eth0",
      source: "",
      scope: 0,
      flags: 0,
      mtu: 0,
    };
    assert.deepEqual(facts.routes, [
      { ...route, gateway: "198.51.100.1" },
      { ...route, destination: "192.0.2.9/32", gateway: "192.0.2.1", flags: 4 },
      { ...route, destination: "203.0.113.0/24", source: "198.51.100.2", scope: 253, mtu: 1300 },
      { ...route, family: "v6", gateway: "2001:db8::1" },
    ]);
    assert.deepEqual(facts.neighbours, [
      { address: "198.51.100.1", device: "eth0", mac: "02:00:5e:00:53:02", state: 0x80 },
    ]);
  });

  it("says which namespace is missing", async () => {
    await assert.rejects(readNetworkFacts("/run/netns/no-such-one"), (error: unknown) => {
      assert.ok(error instanceof HostCallFailed);
      assert.match(error.message, /no-such-one: ENOENT/);
      return true;
    });
  });

  it("carries frames both ways between the host's end of the veth and whoever holds the tap", async () => {
    addVeth(first);
    await createTap({ netns, peer: "eth0", name: "tap0", mtu: 1400 }, ownership);
    assert.deepEqual(claims, [{ kind: "tap", netns, name: "tap0", peer: "eth0" }]);
    const script = `${import.meta.dirname}/host-tap-peer.mjs`;
    const guest = spawn("nsenter", [`--net=${netns}`, process.execPath, script, "tap0", first.mac], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(guest.stdout, "data");
      assert.equal(await echo("198.51.100.2", "through the tap"), "through the tap");
    } finally {
      guest.kill("SIGKILL");
      await once(guest, "exit");
    }
  });

  it("keeps several interfaces apart", async () => {
    addVeth(first);
    addVeth({
      ...first,
      host: `g${process.pid}`,
      inner: "net1",
      hostAddress: "203.0.113.1/24",
      address: "203.0.113.2/24",
      mac: "02:00:5e:00:53:11",
    });
    await createTap({ netns, peer: "eth0", name: "tap0", mtu: 1400 }, ownership);
    await createTap({ netns, peer: "net1", name: "tap1", mtu: 1400, queues: 2 }, ownership);
    const facts = await readNetworkFacts(netns);
    assert.deepEqual(facts.interfaces.map((one) => one.name).sort(), ["eth0", "net1"], "taps are not the guest's");
    assert.match(inside("tc", "filter", "show", "dev", "net1", "ingress"), /Redirect to device tap1/);
    assert.match(inside("tc", "filter", "show", "dev", "tap0", "ingress"), /Redirect to device eth0/);
  });

  it("removes tap and redirects, and removing them again or without the namespace is fine", async () => {
    addVeth(first);
    const tap = { netns, peer: "eth0", name: "tap0" };
    await createTap({ ...tap, mtu: 1400 }, ownership);
    await removeTap(tap);
    assert.ok(!inside("ip", "link").includes("tap0"));
    assert.ok(!inside("tc", "qdisc").includes("ingress"));
    await removeTap(tap);
    await removeTap({ ...tap, netns: "/run/netns/no-such-one" });
  });

  it("fails with iproute2's own words when the interface is not there", async () => {
    await assert.rejects(createTap({ netns, peer: "eth9", name: "tap0", mtu: 1400 }, ownership), (error: unknown) => {
      assert.ok(error instanceof HostCommandFailed);
      assert.match(error.stderrTail, /eth9/);
      return true;
    });
  });

  it("refuses a name that would add a line to the batch", async () => {
    const evil = { netns, peer: "eth0\nlink", name: "tap0", mtu: 1400 };
    await assert.rejects(createTap(evil, ownership), InvalidRequest);
    assert.deepEqual(claims, []);
  });
});

/** Sends a datagram and resolves with what comes back. */
async function echo(address: string, text: string): Promise<string> {
  const socket = createSocket("udp4");
  const timer = setInterval(() => socket.send(text, 7, address), 200);
  try {
    socket.send(text, 7, address);
    const limit = AbortSignal.timeout(5000);
    const [message] = (await once(socket, "message", { signal: limit })) as [Buffer];
    return message.toString();
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

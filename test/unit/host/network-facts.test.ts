import assert from "node:assert/strict";
import { parseNetworkFacts } from "../../../src/host/network-facts.ts";
import { ProtocolViolation } from "../../../src/lib/errors.ts";

const link = (more: Record<string, unknown>) => ({
  link_type: "ether",
  flags: [],
  mtu: 1500,
  address: "02:00:5e:00:53:01",
  ...more,
});
const v4 = { family: "inet", local: "198.51.100.2", prefixlen: 24, scope: "global" };
const parse = (links: unknown[], routes: unknown[] = [], neighbours: unknown[] = []) =>
  parseNetworkFacts([links, routes, neighbours].map((part) => JSON.stringify(part)).join("\n"));
const eth0 = link({ ifname: "eth0", addr_info: [v4] });

describe("network facts", () => {
  it("leave out loopback, taps, fallback tunnels and interfaces without an address", () => {
    const { interfaces } = parse([
      link({ ifname: "lo", link_type: "loopback", addr_info: [v4] }),
      link({ ifname: "sit0", link_type: "sit", addr_info: [] }),
      link({ ifname: "tap0", linkinfo: { info_kind: "tun" }, addr_info: [v4] }),
      link({ ifname: "eth1", addr_info: [{ family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" }] }),
      eth0,
    ]);
    assert.deepEqual(
      interfaces.map((one) => one.name),
      ["eth0"],
    );
  });

  it("keep an IPv4 link-local address, which no guest makes by itself", () => {
    const { interfaces } = parse([
      link({ ifname: "eth0", addr_info: [{ ...v4, local: "169.254.1.2", scope: "link" }] }),
    ]);
    assert.deepEqual(interfaces[0]?.addresses, [{ family: "v4", address: "169.254.1.2", prefixLength: 24 }]);
  });

  it("write the MAC in lower case and mark devices without ARP", () => {
    const { interfaces } = parse([link({ ...eth0, address: "0A:0B:0C:0D:0E:0F", flags: ["NOARP"] })]);
    assert.deepEqual([interfaces[0]?.mac, interfaces[0]?.isNoArp], ["0a:0b:0c:0d:0e:0f", true]);
  });

  it("leave out routes of the kernel, of other tables and of other kinds", () => {
    const route = { dst: "203.0.113.0/24", dev: "eth0", protocol: "boot", scope: "link", flags: [] };
    const { routes } = parse(
      [eth0],
      [
        { ...route, protocol: "kernel" },
        { ...route, table: "local" },
        { ...route, type: "blackhole" },
        { ...route, dev: "lo" },
        { ...route, table: "main", type: "unicast" },
      ],
    );
    assert.deepEqual(
      routes.map((one) => one.destination),
      ["203.0.113.0/24"],
    );
  });

  it("tell the family of a default route without gateway, and take the first of several hops", () => {
    const default6 = { dst: "default", dev: "eth0", protocol: "static", scope: "global", flags: [], pref: "medium" };
    const hops = [
      { gateway: "198.51.100.1", dev: "eth0", flags: ["onlink"] },
      { gateway: "198.51.100.9", dev: "eth0", flags: [] },
    ];
    const via = {
      dst: "2001:db8:9::/48",
      protocol: "static",
      flags: [],
      dev: "eth0",
      via: { family: "inet6", host: "fe80::1" },
    };
    const { routes } = parse(
      [eth0],
      [default6, { dst: "default", protocol: "static", flags: [], nexthops: hops }, via],
    );
    assert.deepEqual(
      routes.map(({ family, gateway, flags }) => ({ family, gateway, flags })),
      [
        { family: "v6", gateway: "", flags: 0 },
        { family: "v4", gateway: "198.51.100.1", flags: 4 },
        { family: "v6", gateway: "fe80::1", flags: 0 },
      ],
    );
  });

  it("take of routes that differ in metric alone the one that is used, of each family", () => {
    const eth1 = { ...eth0, ifname: "eth1" };
    const way = (dev: string, metric: number, more = {}) => ({ dst: "default", dev, metric, flags: [], ...more });
    const v6 = { gateway: "2001:db8::1", pref: "medium" };
    const { routes } = parse(
      [eth0, eth1],
      [way("eth0", 100), way("eth1", 200), way("eth1", 1024, v6), way("eth0", 2048, v6)],
    );
    assert.deepEqual(
      routes.map(({ family, device }) => `${family} ${device}`),
      ["v4 eth0", "v6 eth1"],
    );
  });

  it("are refused when iproute2's answer is cut or is no JSON", () => {
    assert.throws(() => parseNetworkFacts("[]\n[]\n"), ProtocolViolation);
    assert.throws(() => parseNetworkFacts("[]\n[\n[]\n"), ProtocolViolation);
  });
});

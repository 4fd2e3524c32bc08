// What a pod's network namespace holds, out of iproute2's JSON, reduced to what a guest must be
// given (agent-protocol §4.8). Pure. The namespace's content is the CNI plugin's: nothing is assumed.
import { ProtocolViolation } from "../lib/errors.ts";

export type AddressFamily = "v4" | "v6";

export interface NetworkFacts {
  readonly interfaces: readonly NetworkInterface[];
  readonly routes: readonly NetworkRoute[];
  readonly neighbours: readonly NetworkNeighbour[];
}

export interface NetworkInterface {
  readonly name: string;
  /** lower case with colons */
  readonly mac: string;
  readonly mtu: number;
  /** veth, macvlan and so on; empty for a physical device */
  readonly kind: string;
  /** the device does not resolve addresses (IFF_NOARP) */
  readonly isNoArp: boolean;
  readonly addresses: readonly NetworkAddress[];
}

export interface NetworkAddress {
  readonly family: AddressFamily;
  readonly address: string;
  readonly prefixLength: number;
}

export interface NetworkRoute {
  readonly family: AddressFamily;
  /** `address/prefix length`, or empty for the default route */
  readonly destination: string;
  /** empty for a directly attached network */
  readonly gateway: string;
  readonly device: string;
  /** preferred source address, or empty */
  readonly source: string;
  /** rtnetlink(7) scope number */
  readonly scope: number;
  /** rtnetlink(7) next-hop flags; 4 is on-link */
  readonly flags: number;
  /** 0 when the route sets none */
  readonly mtu: number;
}

export interface NetworkNeighbour {
  readonly address: string;
  readonly device: string;
  readonly mac: string;
  /** rtnetlink(7) state; 0x80 is permanent, and no other is taken */
  readonly state: number;
}

/** What `ip -j -d -batch` is asked, in the order that parseNetworkFacts expects. */
export const factsBatch = "address show\nroute show table all\nneighbour show nud permanent\n";

const nudPermanent = 0x80;
const onLink = 4;
const scopes: Readonly<Record<string, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };

/** Reads the three JSON arrays, one a line, that iproute2 prints for `factsBatch`. */
export function parseNetworkFacts(text: string): NetworkFacts {
  const [links, routes, neighbours] = text.split("\n").filter((line) => line.trim() !== "");
  if (links === undefined || routes === undefined || neighbours === undefined) {
    throw new ProtocolViolation("iproute2", "expected three JSON arrays", { bytes: Buffer.from(text) });
  }
  const interfaces = parseArray(links)
    .filter((entry) => entry["link_type"] === "ether")
    .map(parseInterface)
    .filter(isForGuest);
  const names = new Set(interfaces.map((one) => one.name));
  return {
    interfaces,
    routes: preferred(
      parseArray(routes)
        .filter(isRouteForGuest)
        .map(parseRoute)
        .filter((route) => names.has(route.device)),
    ),
    neighbours: parseArray(neighbours)
      .filter((entry) => list(entry["state"]).includes("PERMANENT"))
      .map(parseNeighbour)
      .filter((one) => names.has(one.device) && one.mac !== ""),
  };
}

type Entry = Readonly<Record<string, unknown>>;

function parseInterface(entry: Entry): NetworkInterface {
  const addresses = list(entry["addr_info"]).filter(isEntry);
  return {
    name: text(entry["ifname"]),
    mac: text(entry["address"]).toLowerCase(),
    mtu: number(entry["mtu"]),
    kind: isEntry(entry["linkinfo"]) ? text(entry["linkinfo"]["info_kind"]) : "",
    isNoArp: list(entry["flags"]).includes("NOARP"),
    // The guest's kernel makes the link-local address itself, from the same MAC.
    addresses: addresses
      .filter((address) => address["family"] === "inet" || address["scope"] !== "link")
      .filter((address) => address["local"] !== undefined)
      .map(parseAddress),
  };
}

function parseAddress(entry: Entry): NetworkAddress {
  return {
    family: entry["family"] === "inet6" ? "v6" : "v4",
    address: text(entry["local"]),
    prefixLength: number(entry["prefixlen"]),
  };
}

/** Without an address it is a fallback device of the kernel's (tunl0, sit0) or a tap of ours. */
function isForGuest(found: NetworkInterface): boolean {
  return found.kind !== "tun" && found.addresses.length > 0;
}

function isRouteForGuest(entry: Entry): boolean {
  const isMain = entry["table"] === undefined || entry["table"] === "main";
  const isUnicast = entry["type"] === undefined || entry["type"] === "unicast";
  return isMain && isUnicast && entry["protocol"] !== "kernel";
}

/** The agent's protocol has no metric: of several routes to one place the first, which is the one the kernel uses. */
function preferred(routes: readonly NetworkRoute[]): readonly NetworkRoute[] {
  const place = ({ family, destination }: NetworkRoute) => `${family} ${destination}`;
  return routes.filter((route, index) => routes.findIndex((other) => place(other) === place(route)) === index);
}

function parseRoute(entry: Entry): NetworkRoute {
  // The agent takes one next hop a route: of several, the first.
  const hop = list(entry["nexthops"]).find(isEntry) ?? entry;
  const via = isEntry(hop["via"]) ? hop["via"]["host"] : undefined;
  const gateway = text(hop["gateway"] ?? via);
  const destination = text(entry["dst"]);
  // iproute2 prints the router preference for IPv6 routes only.
  const isV6 = [destination, gateway].some((part) => part.includes(":")) || entry["pref"] !== undefined;
  const prefix = destination.includes("/") ? "" : isV6 ? "/128" : "/32";
  const metrics = list(entry["metrics"]).find(isEntry);
  return {
    family: isV6 ? "v6" : "v4",
    destination: destination === "default" ? "" : `${destination}${prefix}`,
    gateway,
    device: text(hop["dev"]),
    source: text(entry["prefsrc"]),
    scope: scopes[text(entry["scope"])] ?? 0,
    flags: list(hop["flags"]).includes("onlink") ? onLink : 0,
    mtu: number(metrics?.["mtu"]),
  };
}

function parseNeighbour(entry: Entry): NetworkNeighbour {
  return {
    address: text(entry["dst"]),
    device: text(entry["dev"]),
    mac: text(entry["lladdr"]).toLowerCase(),
    state: nudPermanent,
  };
}

function parseArray(line: string): readonly Entry[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ProtocolViolation("iproute2", "not JSON", { bytes: Buffer.from(line) });
  }
  return list(value).filter(isEntry);
}

function isEntry(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

// Routes and neighbours. Routes without a gateway come first, since the others are reached through them.
import { InvalidRequest } from "../../lib/errors.ts";
import type { ARPNeighbor, Route } from "../../wire/gen/kata/types.ts";
import { attribute, attributes, NLM_F, netlink } from "../sys/netlink.ts";
import {
  AF_INET,
  AF_INET6,
  type IpAddress,
  type IpPrefix,
  parseAddress,
  parseMac,
  parsePrefix,
  renderAddress,
} from "./addresses.ts";
import { linkIndex, listLinks } from "./links.ts";

const RTM = { newRoute: 24, getRoute: 26, newNeighbor: 28 } as const;
const RTA = { destination: 1, outInterface: 4, gateway: 5, preferredSource: 7, metrics: 8 } as const;
const RTAX_MTU = 2;
const NDA = { destination: 1, linkAddress: 2 } as const;
const ROUTE_HEADER = 12;
const NEIGHBOR_HEADER = 12;
const TABLE_MAIN = 254;
const PROTOCOL_BOOT = 3;
const UNICAST = 1;
const NUD_PERMANENT = 0x80;
const nothing = Buffer.alloc(0);

/** Adds or replaces each. */
export function applyRoutes(routes: readonly Route[]): void {
  const ordered = [...routes].sort((a, b) => Number(a.gateway !== "") - Number(b.gateway !== ""));
  for (const route of ordered) addRoute(route);
}

/** The main table, with true destinations (the real agent reports a gateway route as 0.0.0.0). */
export function describeRoutes(): Route[] {
  const names = new Map(listLinks().map((link) => [link.index, link.name]));
  return [AF_INET, AF_INET6].flatMap((family) => {
    const header = Buffer.alloc(ROUTE_HEADER);
    header.writeUInt8(family, 0);
    const answers = netlink("list routes", { type: RTM.getRoute, flags: NLM_F.dump, body: header });
    return answers.filter(isMainUnicast).flatMap((body) => describeRoute(body, names));
  });
}

export function addNeighbors(neighbors: readonly ARPNeighbor[]): void {
  for (const neighbor of neighbors) {
    const address = parseAddress("neighbors.toIPAddress", neighbor.toIPAddress?.address ?? "");
    const header = Buffer.alloc(NEIGHBOR_HEADER);
    header.writeUInt8(address.family, 0);
    header.writeInt32LE(linkIndex(neighbor.device), 4);
    header.writeUInt16LE(neighbor.state === 0 ? NUD_PERMANENT : neighbor.state & 0xffff, 8);
    header.writeUInt8(neighbor.flags & 0xff, 10);
    const lladdr =
      neighbor.lladdr === "" ? [] : [attribute(NDA.linkAddress, parseMac("neighbors.lladdr", neighbor.lladdr))];
    const body = Buffer.concat([header, attribute(NDA.destination, address.bytes), ...lladdr]);
    const flags = NLM_F.ack | NLM_F.create | NLM_F.replace;
    netlink(`neighbor ${renderAddress(address.bytes)}`, { type: RTM.newNeighbor, flags, body });
  }
}

function addRoute(route: Route): void {
  const gateway = optional(route.gateway, (text) => parseAddress("routes.gateway", text));
  const source = optional(route.source, (text) => parseAddress("routes.source", text));
  const destination = optional(route.dest, (text) => parsePrefix("routes.dest", text));
  const family = destination?.family ?? gateway?.family ?? (route.family === 1 ? AF_INET6 : AF_INET);
  if ([gateway, source].some((part) => part !== undefined && part.family !== family)) {
    throw new InvalidRequest("routes", "addresses of one route have different families");
  }
  const body = Buffer.concat([
    routeHeader(route, family, destination),
    addressAttribute(RTA.destination, destination),
    attribute(RTA.outInterface, linkIndex(route.device)),
    addressAttribute(RTA.gateway, gateway),
    addressAttribute(RTA.preferredSource, source),
    route.mtu === 0 ? nothing : attribute(RTA.metrics, attribute(RTAX_MTU, route.mtu)),
  ]);
  // create and replace: a route that exists is no error
  const flags = NLM_F.ack | NLM_F.create | NLM_F.replace;
  netlink(`route ${route.dest || "default"}`, { type: RTM.newRoute, flags, body });
}

function optional<T>(text: string, parse: (text: string) => T): T | undefined {
  return text === "" ? undefined : parse(text);
}

function addressAttribute(type: number, address: IpAddress | undefined): Buffer {
  return address === undefined ? nothing : attribute(type, address.bytes);
}

function routeHeader(route: Route, family: number, destination: IpPrefix | undefined): Buffer {
  const header = Buffer.alloc(ROUTE_HEADER);
  header.writeUInt8(family, 0);
  header.writeUInt8(destination?.length ?? 0, 1);
  header.writeUInt8(TABLE_MAIN, 4);
  header.writeUInt8(PROTOCOL_BOOT, 5);
  header.writeUInt8(route.scope & 0xff, 6);
  header.writeUInt8(UNICAST, 7);
  header.writeUInt32LE(route.flags, 8);
  return header;
}

function isMainUnicast(body: Buffer): boolean {
  return body.readUInt8(4) === TABLE_MAIN && body.readUInt8(7) === UNICAST;
}

function describeRoute(body: Buffer, names: ReadonlyMap<number, string>): Route[] {
  const found = attributes(body, ROUTE_HEADER);
  const family = body.readUInt8(0);
  const device = names.get(found.get(RTA.outInterface)?.readUInt32LE(0) ?? -1);
  if (device === undefined) return [];
  const text = (type: number) => renderOptional(found.get(type));
  const destination = text(RTA.destination);
  return [
    {
      dest: destination === "" ? "" : `${destination}/${body.readUInt8(1)}`,
      gateway: text(RTA.gateway),
      device,
      source: text(RTA.preferredSource),
      scope: body.readUInt8(6),
      family: family === AF_INET6 ? 1 : 0,
      flags: body.readUInt32LE(8),
      mtu: 0,
    },
  ];
}

function renderOptional(bytes: Buffer | undefined): string {
  return bytes === undefined ? "" : renderAddress(bytes);
}

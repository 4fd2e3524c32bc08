// Interfaces and their addresses. The host names a link by its MAC address and says what it shall be
// called; its old name may even belong to another link for a moment.

import { InvalidRequest } from "../../lib/errors.ts";
import type { Interface } from "../../wire/gen/kata/types.ts";
import { AgentFailure } from "../status.ts";
import { attribute, attributes, NLM_F, netlink } from "../sys/netlink.ts";
import { type IpPrefix, parseMac, parsePrefix, renderAddress, renderMac } from "./addresses.ts";

const RTM = { newLink: 16, getLink: 18, newAddress: 20, deleteAddress: 21, getAddress: 22 } as const;
const IFLA = { address: 1, name: 3, mtu: 4 } as const;
const IFA = { address: 1, local: 2, flags: 8 } as const;
const IFF = { up: 1, noArp: 0x80 } as const;
/** the host assigned it; duplicate detection would only delay the pod */
const IFA_F_NODAD = 2;
const LINK_HEADER = 16;
const ADDRESS_HEADER = 8;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly flags: number;
}

export function listLinks(): Link[] {
  return netlink("list links", { type: RTM.getLink, flags: NLM_F.dump, body: Buffer.alloc(LINK_HEADER) }).map(
    (body) => {
      const found = attributes(body, LINK_HEADER);
      return {
        index: body.readInt32LE(4),
        flags: body.readUInt32LE(8),
        name: found.get(IFLA.name)?.toString("utf8").replace(/\0.*$/, "") ?? "",
        mac: renderMac(found.get(IFLA.address) ?? Buffer.alloc(0)),
        mtu: found.get(IFLA.mtu)?.readUInt32LE(0) ?? 0,
      };
    },
  );
}

export function linkIndex(name: string): number {
  const link = listLinks().find((candidate) => candidate.name === name);
  if (link === undefined)
    throw new AgentFailure("internal", `Link not found (device ${JSON.stringify(name.slice(0, 16))})`);
  return link.index;
}

export function listAddresses(index: number): IpPrefix[] {
  const answers = netlink("list addresses", {
    type: RTM.getAddress,
    flags: NLM_F.dump,
    body: Buffer.alloc(ADDRESS_HEADER),
  });
  return answers
    .filter((body) => body.readUInt32LE(4) === index)
    .flatMap((body) => {
      const found = attributes(body, ADDRESS_HEADER);
      const bytes = found.get(IFA.local) ?? found.get(IFA.address);
      const family = body.readUInt8(0) as IpPrefix["family"];
      return bytes === undefined ? [] : [{ family, bytes, length: body.readUInt8(1) }];
    });
}

/** Sets name, addresses, MTU and flags of the link with this MAC, and brings it up. */
export function applyInterface(wanted: Interface): void {
  if (!NAME.test(wanted.name))
    throw new InvalidRequest("interface.name", `${JSON.stringify(wanted.name.slice(0, 32))} is not an interface name`);
  const mac = renderMac(parseMac("interface.hwAddr", wanted.hwAddr));
  const prefixes = wanted.IPAddresses.map((ip) => parsePrefix("interface.IPAddresses", `${ip.address}/${ip.mask}`));
  const links = listLinks();
  const link = links.find((candidate) => candidate.mac === mac && candidate.name !== "lo");
  if (link === undefined) throw new AgentFailure("internal", `Link not found (hwAddr ${mac})`);
  const needsRename = link.name !== wanted.name;
  if (needsRename) {
    setFlags(link.index, 0, IFF.up);
    const holder = links.find((candidate) => candidate.name === wanted.name);
    if (holder !== undefined) rename(holder.index, `${wanted.name.slice(0, 10)}_temp`);
    rename(link.index, wanted.name);
  }
  replaceAddresses(link.index, prefixes);
  const mtu = Number(wanted.mtu);
  if (mtu > 0 && mtu !== link.mtu) setLink(link.index, [attribute(IFLA.mtu, mtu)]);
  setFlags(link.index, IFF.up | (wanted.raw_flags & IFF.noArp), IFF.up | IFF.noArp);
}

export function bringUpLoopback(): void {
  const loopback = listLinks().find((link) => link.name === "lo");
  if (loopback !== undefined && (loopback.flags & IFF.up) === 0) setFlags(loopback.index, IFF.up, IFF.up);
}

/** As a host reads it back (agent-protocol §3.4). */
export function describeInterfaces(): Interface[] {
  return listLinks().map((link) => ({
    device: link.name,
    name: link.name,
    IPAddresses: listAddresses(link.index).map((prefix) => ({
      family: prefix.bytes.length === 4 ? 0 : 1,
      address: renderAddress(prefix.bytes),
      mask: String(prefix.length),
    })),
    mtu: BigInt(link.mtu),
    hwAddr: link.mac,
    devicePath: "",
    type: "",
    raw_flags: link.flags,
  }));
}

function rename(index: number, name: string): void {
  setFlags(index, 0, IFF.up);
  setLink(index, [attribute(IFLA.name, name)]);
}

function setFlags(index: number, flags: number, mask: number): void {
  setLink(index, [], { flags, mask });
}

function setLink(index: number, changes: readonly Buffer[], bits = { flags: 0, mask: 0 }): void {
  const header = Buffer.alloc(LINK_HEADER);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(bits.flags, 8);
  header.writeUInt32LE(bits.mask, 12);
  netlink(`change link ${index}`, { type: RTM.newLink, flags: NLM_F.ack, body: Buffer.concat([header, ...changes]) });
}

/** Link-local IPv6 addresses are the kernel's own and stay. */
function replaceAddresses(index: number, wanted: readonly IpPrefix[]): void {
  const same = (a: IpPrefix, b: IpPrefix) => a.length === b.length && a.bytes.equals(b.bytes);
  const present = listAddresses(index);
  for (const old of present) {
    const isLinkLocal = old.bytes.length === 16 && old.bytes.readUInt16BE(0) === 0xfe80;
    if (!isLinkLocal && !wanted.some((prefix) => same(prefix, old))) changeAddress(RTM.deleteAddress, index, old);
  }
  for (const prefix of wanted) {
    if (!present.some((old) => same(old, prefix))) changeAddress(RTM.newAddress, index, prefix);
  }
}

function changeAddress(type: number, index: number, prefix: IpPrefix): void {
  const header = Buffer.alloc(ADDRESS_HEADER);
  header.writeUInt8(prefix.family, 0);
  header.writeUInt8(prefix.length, 1);
  header.writeUInt32LE(index, 4);
  const body = Buffer.concat([
    header,
    attribute(IFA.local, prefix.bytes),
    attribute(IFA.address, prefix.bytes),
    ...(prefix.bytes.length === 16 ? [attribute(IFA.flags, IFA_F_NODAD)] : []),
  ]);
  const flags = NLM_F.ack | (type === RTM.newAddress ? NLM_F.create | NLM_F.replace : 0);
  netlink(`address ${renderAddress(prefix.bytes)} on link ${index}`, { type, flags, body });
}

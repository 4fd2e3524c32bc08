// Generated from protos/kata/types.proto by `npm run gen`; do not edit.
import { bits64, message, readMessage, readUint64, type MessageType, writeMessage } from "../../message.ts";

export const IPFamily = { v4: 0, v6: 1 } as const;
/** Open: a newer peer may send other numbers. */
export type IPFamily = number;

export const FSGroupChangePolicy = { Always: 0, OnRootMismatch: 1 } as const;
/** Open: a newer peer may send other numbers. */
export type FSGroupChangePolicy = number;

export interface IPAddress {
  family: IPFamily;
  address: string;
  mask: string;
}
export const IPAddress: MessageType<IPAddress> = message<IPAddress>({
  name: "types.IPAddress",
  empty: () => ({ family: 0, address: "", mask: "" }),
  write(init, writer) {
    if (init.family) writer.uint32(8).int32(init.family);
    if (init.address) writer.uint32(18).string(init.address);
    if (init.mask) writer.uint32(26).string(init.mask);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.family = reader.int32();
        return;
      case 18:
        message.address = reader.stringVerify();
        return;
      case 26:
        message.mask = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Interface {
  device: string;
  name: string;
  IPAddresses: IPAddress[];
  mtu: bigint;
  hwAddr: string;
  devicePath: string;
  type: string;
  raw_flags: number;
}
export const Interface: MessageType<Interface> = message<Interface>({
  name: "types.Interface",
  empty: () => ({ device: "", name: "", IPAddresses: [], mtu: 0n, hwAddr: "", devicePath: "", type: "", raw_flags: 0 }),
  write(init, writer) {
    if (init.device) writer.uint32(10).string(init.device);
    if (init.name) writer.uint32(18).string(init.name);
    for (const item of init.IPAddresses ?? []) writeMessage(IPAddress, item, writer.uint32(26));
    if (init.mtu) writer.uint32(32).uint64(bits64(init.mtu));
    if (init.hwAddr) writer.uint32(42).string(init.hwAddr);
    if (init.devicePath) writer.uint32(50).string(init.devicePath);
    if (init.type) writer.uint32(58).string(init.type);
    if (init.raw_flags) writer.uint32(64).uint32(init.raw_flags);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.device = reader.stringVerify();
        return;
      case 18:
        message.name = reader.stringVerify();
        return;
      case 26:
        message.IPAddresses.push(readMessage(IPAddress, reader));
        return;
      case 32:
        message.mtu = readUint64(reader);
        return;
      case 42:
        message.hwAddr = reader.stringVerify();
        return;
      case 50:
        message.devicePath = reader.stringVerify();
        return;
      case 58:
        message.type = reader.stringVerify();
        return;
      case 64:
        message.raw_flags = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Route {
  dest: string;
  gateway: string;
  device: string;
  source: string;
  scope: number;
  family: IPFamily;
  flags: number;
  mtu: number;
}
export const Route: MessageType<Route> = message<Route>({
  name: "types.Route",
  empty: () => ({ dest: "", gateway: "", device: "", source: "", scope: 0, family: 0, flags: 0, mtu: 0 }),
  write(init, writer) {
    if (init.dest) writer.uint32(10).string(init.dest);
    if (init.gateway) writer.uint32(18).string(init.gateway);
    if (init.device) writer.uint32(26).string(init.device);
    if (init.source) writer.uint32(34).string(init.source);
    if (init.scope) writer.uint32(40).uint32(init.scope);
    if (init.family) writer.uint32(48).int32(init.family);
    if (init.flags) writer.uint32(56).uint32(init.flags);
    if (init.mtu) writer.uint32(64).uint32(init.mtu);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.dest = reader.stringVerify();
        return;
      case 18:
        message.gateway = reader.stringVerify();
        return;
      case 26:
        message.device = reader.stringVerify();
        return;
      case 34:
        message.source = reader.stringVerify();
        return;
      case 40:
        message.scope = reader.uint32();
        return;
      case 48:
        message.family = reader.int32();
        return;
      case 56:
        message.flags = reader.uint32();
        return;
      case 64:
        message.mtu = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ARPNeighbor {
  toIPAddress?: IPAddress | undefined;
  device: string;
  lladdr: string;
  state: number;
  flags: number;
}
export const ARPNeighbor: MessageType<ARPNeighbor> = message<ARPNeighbor>({
  name: "types.ARPNeighbor",
  empty: () => ({ device: "", lladdr: "", state: 0, flags: 0 }),
  write(init, writer) {
    if (init.toIPAddress !== undefined) writeMessage(IPAddress, init.toIPAddress, writer.uint32(10));
    if (init.device) writer.uint32(18).string(init.device);
    if (init.lladdr) writer.uint32(26).string(init.lladdr);
    if (init.state) writer.uint32(32).int32(init.state);
    if (init.flags) writer.uint32(40).int32(init.flags);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.toIPAddress = readMessage(IPAddress, reader);
        return;
      case 18:
        message.device = reader.stringVerify();
        return;
      case 26:
        message.lladdr = reader.stringVerify();
        return;
      case 32:
        message.state = reader.int32();
        return;
      case 40:
        message.flags = reader.int32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

// rtnetlink without iproute2: one request, its answers, synchronous. The kernel answers a netlink
// request while it handles the send, so nothing here waits. Numbers are <linux/netlink.h>'s.
import { closeSync } from "node:fs";
import { HostCallFailed } from "../../lib/errors.ts";
import { errnoName, systemCall } from "./libc.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_ROUTE = 0;
const HEADER = 16;
const RECEIVE_SIZE = 64 * 1024;
const NLMSG = { error: 2, done: 3 } as const;
export const NLM_F = { request: 1, ack: 4, dump: 0x300, replace: 0x100, create: 0x400 } as const;

export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  /** family-specific header followed by attributes */
  readonly body: Buffer;
}

/** Sends and returns the bodies of the answers; the kernel's refusal becomes HostCallFailed. */
export function netlink(operation: string, request: NetlinkRequest): Buffer[] {
  const fd = systemCall("socket", "socket(AF_NETLINK)", [AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE]);
  try {
    const message = encode(request);
    systemCall("sendto", operation, [fd, message, message.length, 0, null, 0]);
    return receive(fd, operation);
  } finally {
    closeSync(fd);
  }
}

function encode(request: NetlinkRequest): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32LE(HEADER + request.body.length, 0);
  header.writeUInt16LE(request.type, 4);
  header.writeUInt16LE(request.flags | NLM_F.request, 6);
  header.writeUInt32LE(1, 8);
  return Buffer.concat([header, request.body]);
}

function receive(fd: number, operation: string): Buffer[] {
  const bodies: Buffer[] = [];
  for (;;) {
    const buffer = Buffer.alloc(RECEIVE_SIZE);
    const size = systemCall("recv", operation, [fd, buffer, buffer.length, 0]);
    for (let at = 0; at + HEADER <= size; ) {
      const length = buffer.readUInt32LE(at);
      const type = buffer.readUInt16LE(at + 4);
      const body = buffer.subarray(at + HEADER, at + length);
      if (type === NLMSG.done) return bodies;
      if (type === NLMSG.error) {
        const error = body.readInt32LE(0);
        if (error !== 0) throw new HostCallFailed(operation, errnoName(-error));
        return bodies;
      }
      bodies.push(body);
      at += Math.max(HEADER, align(length));
    }
  }
}

/** One attribute, padded. */
export function attribute(type: number, value: Buffer | number | string): Buffer {
  const data =
    typeof value === "number" ? uint32(value) : typeof value === "string" ? Buffer.from(`${value}\0`) : value;
  const buffer = Buffer.alloc(align(4 + data.length));
  buffer.writeUInt16LE(4 + data.length, 0);
  buffer.writeUInt16LE(type, 2);
  data.copy(buffer, 4);
  return buffer;
}

/** Attributes behind a fixed header of `headerSize` bytes. */
export function attributes(body: Buffer, headerSize: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = align(headerSize); at + 4 <= body.length; ) {
    const length = Math.max(4, body.readUInt16LE(at));
    found.set(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + length));
    at += align(length);
  }
  return found;
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value, 0);
  return buffer;
}

function align(size: number): number {
  return (size + 3) & ~3;
}

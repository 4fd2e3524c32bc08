// AF_VSOCK for Node. net.Socket refuses such a descriptor by itself, but a TCP handle that adopts
// it works on Node 20: libuv only ever calls read, write, shutdown, listen and accept on it.
import net from "node:net";
import type { Duplex } from "node:stream";
import { pause } from "../lib/deadline.ts";
import { Cancelled, DeadlineExceeded, EnvironmentLacks, errnoOf, HostCallFailed } from "../lib/errors.ts";
import { checked, type Libc, loadLibc } from "./libc.ts";

/** Connects to a port of one guest; both transports offer this shape. */
export type DialPort = (port: number, options: DialOptions) => Promise<Duplex>;

export interface DialOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

// linux/vm_sockets.h, asm-generic/errno.h, bits/socket.h, poll.h
const afVsock = 40;
const sockStream = 1;
const sockNonblock = 0o4000;
const sockCloexec = 0o2000000;
const solSocket = 1;
const soError = 4;
const pollOut = 4;
const cidAny = 0xffffffff;

/** True for a failed dial that may succeed later: the guest has not booted or nothing listens there yet. */
export function isRetryableDial(error: unknown): boolean {
  if (!(error instanceof HostCallFailed)) return false;
  return ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENODEV", "ETIMEDOUT", "ENOENT", "EHOSTUNREACH"].includes(error.errno);
}

/** Connects to `port` of the guest with context id `cid`. */
export async function dialVsock(cid: number, port: number, options: DialOptions): Promise<net.Socket> {
  const libc = await loadVsock();
  const name = `connect vsock ${cid}:${port}`;
  const fd = checked(libc, name, libc.socket(afVsock, sockStream | sockNonblock | sockCloexec, 0));
  try {
    if (libc.connect(fd, vsockAddress(cid, port), 16) === -1) {
      if (libc.errnoName() !== "EINPROGRESS") throw new HostCallFailed(name, libc.errnoName());
      await connected(libc, fd, { name, ...options });
    }
    return new net.Socket({ handle: adopt(fd), allowHalfOpen: true } as net.SocketConstructorOpts);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Accepts connections to `port` of this machine from any context id. */
export async function listenVsock(port: number, onConnection: (socket: net.Socket) => void): Promise<net.Server> {
  const libc = await loadVsock();
  const name = `listen on vsock port ${port}`;
  const fd = checked(libc, name, libc.socket(afVsock, sockStream | sockNonblock | sockCloexec, 0));
  try {
    checked(libc, name, libc.bind(fd, vsockAddress(cidAny, port), 16));
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  const handle = adopt(fd);
  const server = net.createServer({ allowHalfOpen: true }, onConnection);
  return await new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      handle.close();
      reject(new HostCallFailed(name, errnoOf(cause) ?? "EUNKNOWN", { cause }));
    });
    server.listen(handle, () => resolve(server));
  });
}

async function loadVsock(): Promise<Libc> {
  const libc = await loadLibc();
  const probe = libc.socket(afVsock, sockStream | sockCloexec, 0);
  if (probe === -1) {
    const what = `this kernel has no vsock sockets (${libc.errnoName()})`;
    throw new EnvironmentLacks(what, "load the kernel module vhost_vsock");
  }
  libc.close(probe);
  return libc;
}

/** struct sockaddr_vm: family u16, reserved u16, port u32, cid u32, zero padding to 16 bytes. */
function vsockAddress(cid: number, port: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(afVsock, 0);
  address.writeUInt32LE(port, 4);
  address.writeUInt32LE(cid, 8);
  return address;
}

/** Waits without a thread: a vsock connection is made or refused within a few milliseconds, or never. */
async function connected(libc: Libc, fd: number, options: DialOptions & { name: string }): Promise<void> {
  const end = performance.now() + options.timeoutMs;
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(fd, 0);
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 20)) {
    entry.writeInt16LE(pollOut, 4);
    if (checked(libc, options.name, libc.poll(entry, 1, 0)) > 0) break;
    if (options.signal?.aborted) throw new Cancelled(options.name);
    if (performance.now() >= end) throw new DeadlineExceeded(options.name, options.timeoutMs);
    await pause(waitMs, options.signal);
  }
  const value = Buffer.alloc(4);
  const length = Buffer.from([4, 0, 0, 0]);
  checked(libc, options.name, libc.getsockopt(fd, solSocket, soError, value, length));
  const error = value.readInt32LE(0);
  if (error !== 0) throw new HostCallFailed(options.name, libc.nameOf(error));
}

/** The part of Node's TCP handle that adopting needs. */
interface TcpHandle {
  open(fd: number): number;
  close(): void;
}

interface TcpBinding {
  readonly TCP: new (type: number) => TcpHandle;
  readonly constants: { readonly SOCKET: number };
}

/** A libuv TCP handle that owns `fd`. Node has no public way to wrap a socket of another family. */
export function adopt(fd: number): TcpHandle {
  const { binding } = process as unknown as { binding(name: "tcp_wrap"): TcpBinding };
  const { TCP, constants } = binding.call(process, "tcp_wrap");
  const handle = new TCP(constants.SOCKET);
  const result = handle.open(fd);
  if (result !== 0) {
    handle.close();
    throw new HostCallFailed("adopt a vsock descriptor", `error ${-result}`);
  }
  return handle;
}

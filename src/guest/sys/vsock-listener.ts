// A vsock listener as an ordinary net.Server. Node cannot create AF_VSOCK sockets and refuses their
// descriptors, but libuv's accept loop does not care about the family: a TCP handle that adopts a
// bound descriptor listens and accepts like any other (measured on Node 20).
import { createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { HostCallFailed } from "../../lib/errors.ts";
import { errnoName, systemCall } from "./libc.ts";
import { pacedStream } from "./paced-stream.ts";

const AF_VSOCK = 40;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const VMADDR_CID_ANY = 0xffffffff;
const SOCKADDR_VM_SIZE = 16;

interface TcpHandle {
  open(fd: number): number;
}

interface TcpBinding {
  readonly TCP: new (kind: number) => TcpHandle;
  readonly constants: { readonly SERVER: number };
}

export function listenVsock(port: number, onConnection: (stream: Duplex) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => onConnection(pacedStream(socket)));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(adopt(bindVsock(port)), () => resolve(server));
  });
}

function bindVsock(port: number): number {
  const fd = systemCall("socket", "socket(AF_VSOCK)", [AF_VSOCK, SOCK_STREAM_CLOEXEC, 0]);
  const address = Buffer.alloc(SOCKADDR_VM_SIZE);
  address.writeUInt16LE(AF_VSOCK, 0);
  address.writeUInt32LE(port, 4);
  address.writeUInt32LE(VMADDR_CID_ANY, 8);
  systemCall("bind", `bind vsock port ${port}`, [fd, address, address.length]);
  return fd;
}

function adopt(fd: number): TcpHandle {
  const { binding } = process as unknown as { binding(name: "tcp_wrap"): TcpBinding };
  const { TCP, constants } = binding("tcp_wrap");
  const handle = new TCP(constants.SERVER);
  const error = handle.open(fd);
  if (error < 0) throw new HostCallFailed("adopt the vsock listener", errnoName(-error));
  return handle;
}

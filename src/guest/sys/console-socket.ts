// Receives a terminal's master end from the runtime: crun connects to this socket and sends the
// descriptor as SCM_RIGHTS before it exits. Node's own sockets drop such descriptors.
import { closeSync, rmSync } from "node:fs";
import { ProtocolViolation } from "../../lib/errors.ts";
import { addressOf, systemCall } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC_NONBLOCK = 1 | 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** longest path a sockaddr_un holds, without its terminating zero */
const PATH_MAX = 107;
/** cmsg header (16) and one descriptor, padded to 8 */
const CONTROL_SIZE = 24;

export class ConsoleSocket implements Disposable {
  readonly path: string;
  readonly #fd: number;

  constructor(path: string) {
    if (Buffer.byteLength(path) > PATH_MAX) throw new ProtocolViolation("console socket", `path too long: ${path}`);
    this.path = path;
    rmSync(path, { force: true });
    this.#fd = systemCall("socket", "socket(AF_UNIX)", [AF_UNIX, SOCK_STREAM_CLOEXEC_NONBLOCK, 0]);
    const address = Buffer.alloc(2 + PATH_MAX + 1);
    address.writeUInt16LE(AF_UNIX, 0);
    address.write(path, 2);
    systemCall("bind", `bind ${path}`, [this.#fd, address, address.length]);
    systemCall("listen", `listen on ${path}`, [this.#fd, 1]);
  }

  /** The descriptor sent by a runtime that has already exited; never waits. */
  receive(): number {
    const connection = systemCall("accept4", `accept on ${this.path}`, [this.#fd, null, null, 0]);
    try {
      return receiveDescriptor(connection);
    } finally {
      closeSync(connection);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
    rmSync(this.path, { force: true });
  }
}

function receiveDescriptor(socket: number): number {
  const data = Buffer.alloc(256);
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(addressOf(data), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  const control = Buffer.alloc(CONTROL_SIZE);
  const header = Buffer.alloc(56);
  header.writeBigUInt64LE(addressOf(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  systemCall("recvmsg", "receive the terminal", [socket, header, MSG_CMSG_CLOEXEC]);
  const isRights = control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
  if (header.readBigUInt64LE(40) < 20n || !isRights) {
    throw new ProtocolViolation("console socket", "the runtime sent no descriptor");
  }
  return control.readInt32LE(16);
}

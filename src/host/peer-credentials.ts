// Who is at the other end of a Unix socket, as the kernel recorded it at connect time (unix(7)).
import type net from "node:net";
import { HostCallFailed } from "../lib/errors.ts";
import { checked, loadLibc } from "./libc.ts";

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

const solSocket = 1;
const soPeercred = 17;

export async function readPeerCredentials(socket: net.Socket): Promise<PeerCredentials> {
  const libc = await loadLibc();
  const fd = descriptorOf(socket);
  const value = Buffer.alloc(12);
  const length = Buffer.from([value.length, 0, 0, 0]);
  checked(libc, "read the peer's credentials", libc.getsockopt(fd, solSocket, soPeercred, value, length));
  return { pid: value.readInt32LE(0), uid: value.readUInt32LE(4), gid: value.readUInt32LE(8) };
}

// Node has no public name for the descriptor of a socket.
function descriptorOf(socket: net.Socket): number {
  const { _handle: handle } = socket as unknown as { _handle: { fd?: number } | null };
  if (handle?.fd === undefined || handle.fd < 0) throw new HostCallFailed("read the peer's credentials", "EBADF");
  return handle.fd;
}

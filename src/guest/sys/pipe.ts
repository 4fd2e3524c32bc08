// Pipes for container stdio. They must be real pipes: what child_process calls a pipe is a socket
// pair, and a workload that opens /dev/stdout gets ENXIO from a socket.
import { systemCall } from "./libc.ts";

const O_CLOEXEC = 0o2000000;
const FIONREAD = 0x541b;

export interface PipeEnds {
  readonly read: number;
  readonly write: number;
}

export function makePipe(): PipeEnds {
  const fds = Buffer.alloc(8);
  systemCall("pipe2", "pipe2", [fds, O_CLOEXEC]);
  return { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
}

/** What was written to a pipe and not read yet, by either of its ends. */
export function bytesHeld(fd: number): number {
  const count = Buffer.alloc(4);
  systemCall("ioctl", "ioctl(FIONREAD)", [fd, FIONREAD, count]);
  return count.readInt32LE(0);
}

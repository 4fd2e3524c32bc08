// The two ioctls of a container's terminal that Node lacks.
import { systemCall } from "./libc.ts";

const TIOCSWINSZ = 0x5414;
const TIOCGPTPEER = 0x5441;
const O_RDWR_NOCTTY_CLOEXEC = 2 | 0o400 | 0o2000000;

export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

export function resizeTerminal(master: number, size: WindowSize): void {
  const winsize = Buffer.alloc(8);
  winsize.writeUInt16LE(Math.min(size.rows, 0xffff), 0);
  winsize.writeUInt16LE(Math.min(size.columns, 0xffff), 2);
  systemCall("ioctl", "ioctl(TIOCSWINSZ)", [master, TIOCSWINSZ, winsize]);
}

/** Opens the slave of `master`, whatever mount namespace its devpts lives in. */
export function openSlave(master: number): number {
  return systemCall("ioctlValue", "ioctl(TIOCGPTPEER)", [master, TIOCGPTPEER, O_RDWR_NOCTTY_CLOEXEC]);
}

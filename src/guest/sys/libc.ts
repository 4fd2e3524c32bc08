// The system calls that Node lacks, through koffi. Nothing is loaded or bound before its first use: the
// agent's snapshot cannot hold native code, and each binding costs time that the boot waits for.
import { createRequire } from "node:module";
import { constants } from "node:os";
import type { default as Koffi } from "koffi";
import { HostCallFailed } from "../../lib/errors.ts";

type Argument = number | bigint | string | Buffer | null;
type Native = (...args: Argument[]) => number;

const cached = <T>(make: () => T): (() => T) => {
  const slot: { value?: T } = {};
  return () => {
    slot.value ??= make();
    return slot.value;
  };
};

const koffi = cached(() => createRequire(import.meta.url)("koffi") as typeof Koffi);
const libc = cached(() => koffi().load(null));
const bind = (prototype: string): (() => Native) => cached(() => libc().func(prototype) as Native);

const native = {
  mount: bind("int mount(const char *, const char *, const char *, unsigned long, const char *)"),
  umount2: bind("int umount2(const char *, int)"),
  sync: bind("void sync()"),
  open_tree: bind("int open_tree(int, const char *, unsigned int)"),
  mount_setattr: bind("int mount_setattr(int, const char *, unsigned int, void *, unsigned long)"),
  move_mount: bind("int move_mount(int, const char *, int, const char *, unsigned int)"),
  prctl: bind("int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)"),
  waitid: bind("int waitid(int, int, void *, int)"),
  waitpid: bind("int waitpid(int, void *, int)"),
  pipe2: bind("int pipe2(void *, int)"),
  socket: bind("int socket(int, int, int)"),
  bind: bind("int bind(int, void *, uint32_t)"),
  listen: bind("int listen(int, int)"),
  accept4: bind("int accept4(int, void *, void *, int)"),
  sendto: bind("long sendto(int, void *, unsigned long, int, void *, uint32_t)"),
  recv: bind("long recv(int, void *, unsigned long, int)"),
  recvmsg: bind("long recvmsg(int, void *, int)"),
  ioctl: bind("int ioctl(int, unsigned long, void *)"),
  ioctlValue: cached(() => libc().func("int ioctl(int, unsigned long, unsigned long)") as Native),
  unshare: bind("int unshare(int)"),
  setns: bind("int setns(int, int)"),
  sethostname: bind("int sethostname(const char *, unsigned long)"),
  settimeofday: bind("int settimeofday(void *, void *)"),
} as const;

/** Calls and throws HostCallFailed with the errno's name when the result is negative. */
export function systemCall(name: keyof typeof native, operation: string, args: readonly Argument[]): number {
  const result = Number(native[name]()(...args));
  if (result < 0) throw new HostCallFailed(operation, errnoName(koffi().errno()));
  return result;
}

/** libuv's own table lacks some, ECHILD among them. */
export function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}

/** Address of a buffer for structures that hold pointers; the buffer must stay referenced meanwhile. */
export function addressOf(buffer: Buffer): bigint {
  return BigInt(koffi().address(buffer));
}

// The few system calls that Node does not offer. koffi costs about 20 ms to load, so it is
// loaded at the first call and only by the paths that need it.
import { HostCallFailed } from "../lib/errors.ts";

export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  close(fd: number): number;
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: Uint8Array): number;
  poll(fds: Uint8Array, count: number, timeoutMs: number): number;
  pipe2(fds: Uint8Array, flags: number): number;
  flock(fd: number, operation: number): number;
  setns(fd: number, type: number): number;
  mknod(path: string, mode: number, device: bigint): number;
  lsetxattr(path: string, name: string, value: Uint8Array, length: number, flags: number): number;
  // by number: glibc names the calls that take these only since 2.36
  syscallPath(number: number, fd: number, path: string, flags: number): number;
  syscallBytes(
    number: number,
    ...call: [fd: number, path: string, flags: number, bytes: Uint8Array, size: number]
  ): number;
  syscallPaths(number: number, ...call: [fd: number, path: string, toFd: number, to: string, flags: number]): number;
  /** errno of the last call on this thread, by name */
  errnoName(): string;
  /** the name of an error number */
  nameOf(errno: number): string;
}

const loading = new Map<"libc", Promise<Libc>>();

export function loadLibc(): Promise<Libc> {
  const known = loading.get("libc");
  if (known !== undefined) return known;
  const fresh = open();
  loading.set("libc", fresh);
  return fresh;
}

/** The result of a call, or HostCallFailed when it is -1. */
export function checked(libc: Libc, operation: string, result: number): number {
  if (result === -1) throw new HostCallFailed(operation, libc.errnoName());
  return result;
}

async function open(): Promise<Libc> {
  const { default: koffi } = await import("koffi");
  const lib = koffi.load(null);
  const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
  const nameOf = (errno: number) => names.get(errno) ?? `errno ${errno}`;
  return {
    socket: lib.func("int socket(int domain, int type, int protocol)"),
    bind: lib.func("int bind(int fd, const uint8_t *address, uint32_t length)"),
    connect: lib.func("int connect(int fd, const uint8_t *address, uint32_t length)"),
    close: lib.func("int close(int fd)"),
    ioctl: lib.func("int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)"),
    getsockopt: lib.func(
      "int getsockopt(int fd, int level, int option, _Inout_ uint8_t *value, _Inout_ uint8_t *length)",
    ),
    poll: lib.func("int poll(_Inout_ uint8_t *fds, unsigned long count, int timeoutMs)"),
    pipe2: lib.func("int pipe2(_Inout_ uint8_t *fds, int flags)"),
    flock: lib.func("int flock(int fd, int operation)"),
    setns: lib.func("int setns(int fd, int type)"),
    mknod: lib.func("int mknod(const char *path, uint32_t mode, uint64_t device)"),
    lsetxattr: lib.func(
      "int lsetxattr(const char *path, const char *name, const uint8_t *value, size_t length, int flags)",
    ),
    syscallPath: lib.func("long syscall(long number, int fd, const char *path, unsigned int flags)"),
    syscallBytes: lib.func(
      "long syscall(long number, int fd, const char *path, unsigned int flags, const uint8_t *bytes, size_t size)",
    ),
    syscallPaths: lib.func(
      "long syscall(long number, int fd, const char *path, int toFd, const char *to, unsigned int flags)",
    ),
    errnoName: () => nameOf(koffi.errno()),
    nameOf,
  };
}

// Port-forward for a pod in a VM. containerd enters the pod's host-side network namespace and dials
// 127.0.0.1, where nothing listens: the servers are in the guest (shim-contract §5.6). So whatever is
// dialled there is redirected to a listener of ours, which learns from the kernel what was meant.
import { closeSync, openSync } from "node:fs";
import net from "node:net";
import { EnvironmentLacks, errnoOf, errorText, HostCallFailed, HostCommandFailed } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import { programMissing } from "./exec.ts";
import { checked, type Libc, loadLibc } from "./libc.ts";
import { hasNetns, runInNetns } from "./netns.ts";

export interface ForwardListener extends AsyncDisposable {
  /** of our own socket on 127.0.0.1 in the namespace */
  readonly port: number;
}

/** Gets a connection and the port that its client dialled. */
export type OnForward = (socket: net.Socket, port: number) => void;

const table = "kata_cvm_forward";
// linux/sched.h, linux/in.h, linux/netfilter_ipv4.h
const cloneNewnet = 0x40000000;
const solIp = 0;
const soOriginalDst = 80;
/** exit status of a command that could not be found (POSIX, and util-linux's EX_EXEC_ENOENT); nft's own are 0 and 1 */
const nsenterFoundNoProgram = 127;

/** Listens in the namespace and redirects every other port of its 127.0.0.1 there. */
export async function listenForForwards(
  netns: string,
  onForward: OnForward,
  ownership: Ownership,
): Promise<ForwardListener> {
  const libc = await loadLibc();
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const port = originalPort(libc, socket);
    if (port === null || port === bound.port) socket.destroy();
    else onForward(socket, port);
  });
  const bound = { port: 0 };
  const handle = bindIn(libc, netns);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(new HostCallFailed("listen for forwards", errorText(cause), { cause })));
    server.listen(handle, resolve);
  });
  const address = server.address();
  bound.port = typeof address === "object" && address !== null ? address.port : 0;
  // a container's end must not wait for a forward that somebody left open
  const open = new Set<net.Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  try {
    await addRedirect(netns, bound.port, ownership);
  } catch (error) {
    // a socket that stays would keep the whole namespace
    await close();
    throw error;
  }
  return { port: bound.port, [Symbol.asyncDispose]: close };
}

/** Redirects what is dialled on 127.0.0.1 in the namespace to `port` there; owns nothing when it could not. */
export async function addRedirect(netns: string, port: number, ownership: Ownership): Promise<void> {
  const owned = { kind: "nft-table", netns, name: table } as const;
  await ownership.claim(owned);
  try {
    await runNft(netns, renderRedirect(port));
  } catch (error) {
    // a kernel without nf_tables could not remove the table either: the claim would hold up the pod's end for ever
    if (madeNothing(error)) await ownership.release(owned);
    throw error;
  }
}

/** Idempotent: a table or a namespace that is gone is fine. */
export async function removeRedirect(owned: { netns: string; name: string }): Promise<void> {
  if (!(await hasNetns(owned.netns))) return;
  try {
    // `add` first makes the removal of what is not there a success
    await runNft(owned.netns, `add table ip ${owned.name}\ndelete table ip ${owned.name}\n`);
  } catch (error) {
    // without nft we made none; had it been uninstalled since, the table ends with the pod's namespace
    if (!(error instanceof EnvironmentLacks)) throw error;
  }
}

async function runNft(netns: string, input: string): Promise<void> {
  try {
    await runInNetns(netns, ["nft", "-f", "-"], { input });
  } catch (error) {
    if (error instanceof HostCommandFailed && error.exitCode === nsenterFoundNoProgram) {
      throw programMissing("nft", error);
    }
    throw error;
  }
}

/** nft commits all of its input or nothing; one that a signal or our deadline ended may have done either. */
function madeNothing(error: unknown): boolean {
  return error instanceof EnvironmentLacks || (error instanceof HostCommandFailed && error.exitCode !== null);
}

function renderRedirect(port: number): string {
  return `table ip ${table} {
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.1 tcp dport != ${port} redirect to :${port}
  }
}
`;
}

interface TcpHandle {
  readonly fd: number;
  bind(address: string, port: number): number;
  close(): void;
}

interface TcpBinding {
  readonly TCP: new (kind: number) => TcpHandle;
  readonly constants: { readonly SERVER: number };
}

/** libuv makes the socket inside `bind`, and a socket stays in the namespace it was made in. */
function bindIn(libc: Libc, netns: string): TcpHandle {
  const { TCP, constants } = (process as unknown as { binding(name: "tcp_wrap"): TcpBinding }).binding("tcp_wrap");
  const own = openSync("/proc/thread-self/ns/net", "r");
  const theirs = openNamespace(netns, own);
  const handle = new TCP(constants.SERVER);
  try {
    checked(libc, `enter network namespace ${netns}`, libc.setns(theirs, cloneNewnet));
    const error = handle.bind("127.0.0.1", 0);
    if (error < 0) throw new HostCallFailed("bind on 127.0.0.1 of the pod's namespace", libc.nameOf(-error));
    return handle;
  } catch (error) {
    handle.close();
    throw error;
  } finally {
    // nothing ran in between: this thread never waits while it is away
    libc.setns(own, cloneNewnet);
    closeSync(own);
    closeSync(theirs);
  }
}

function openNamespace(netns: string, own: number): number {
  try {
    return openSync(netns, "r");
  } catch (cause) {
    closeSync(own);
    throw new HostCallFailed(`open network namespace ${netns}`, errnoOf(cause) ?? errorText(cause), { cause });
  }
}

/** The destination before the redirect: struct sockaddr_in, port in network order at offset 2. */
function originalPort(libc: Libc, socket: net.Socket): number | null {
  const { fd = -1 } = (socket as unknown as { _handle?: { fd?: number } })._handle ?? {};
  const address = Buffer.alloc(16);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  return libc.getsockopt(fd, solIp, soOriginalDst, address, length) === 0 ? address.readUInt16BE(2) : null;
}

// Guest vsock behind a Unix socket, as vhost-device-vsock, Firecracker and Cloud Hypervisor offer it.
// Host to guest: connect, say `CONNECT port\n`, read `OK number\n`; what follows is the stream, and
// bytes that arrive together with the answer belong to it. Guest to host: the VMM connects to PATH_PORT.
import net from "node:net";
import { withDeadline } from "../lib/deadline.ts";
import { errnoOf, HostCallFailed, ProtocolViolation } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import type { DialOptions } from "./vsock.ts";

const maxAnswerBytes = 64;

/** Connects to a guest port through the Unix socket at `path`. */
export async function dialHybrid(path: string, port: number, options: DialOptions): Promise<net.Socket> {
  const socket = net.connect({ path, allowHalfOpen: true });
  const operation = `connect to guest port ${port} through ${path}`;
  try {
    await withDeadline(handshake(socket, port, operation), { operation, ...options });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Where the VMM looks for a host listener of a guest-initiated connection. */
export function hybridListenPath(path: string, port: number): string {
  return `${path}_${port}`;
}

/** Accepts connections that the guest makes to host port `port`. */
export async function listenHybrid(
  at: { path: string; port: number; ownership: Ownership },
  onConnection: (socket: net.Socket) => void,
): Promise<net.Server> {
  const path = hybridListenPath(at.path, at.port);
  await at.ownership.claim({ kind: "path", path });
  const server = net.createServer({ allowHalfOpen: true }, onConnection);
  return await new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new HostCallFailed(`listen on ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause })),
    );
    server.listen(path, () => resolve(server));
  });
}

function handshake(socket: net.Socket, port: number, operation: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const settle = (error?: Error) => {
      socket.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onError);
      // The socket stays quiet between this handler and the caller's own.
      if (error === undefined) resolve();
      else {
        socket.on("error", () => undefined);
        reject(error);
      }
    };
    const onReadable = () => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        answer = Buffer.concat([answer, chunk]);
        const end = answer.indexOf(10);
        if (end === -1 && answer.length <= maxAnswerBytes) continue;
        const rest = answer.subarray(end + 1);
        if (end === -1 || !/^OK [0-9]+\r?$/.test(answer.toString("latin1", 0, end))) {
          settle(new ProtocolViolation("hybrid vsock", "expected OK and a number", { bytes: answer }));
          return;
        }
        settle();
        if (rest.length > 0) socket.unshift(rest);
        return;
      }
    };
    // The daemon hangs up without a word when nothing in the guest listens, or no guest is there yet.
    const onEnd = () => settle(new HostCallFailed(operation, "ECONNRESET"));
    const onError = (cause: Error) => settle(new HostCallFailed(operation, errnoOf(cause) ?? "EUNKNOWN", { cause }));
    socket.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", onError);
    socket.write(`CONNECT ${port}\n`);
  });
}

// Lets the host reach servers on the guest's localhost, for `crictl port-forward`: a line
// `CONNECT port`, answered `OK`, then the bytes of the connection. The guest of a TEE refuses it
// unless its measured command line says so: localhost is where servers expect friends.
import { connect, type Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import type { Logger } from "../lib/logger.ts";
import type { HostDoor } from "./host-doors.ts";
import { listenVsock } from "./sys/vsock-listener.ts";

export const PORT_FORWARD_PORT = 1031;
const LINE_LIMIT = 32;
const CONNECT_LIMIT_MS = 5000;

export async function servePortForward(log: Logger, door: HostDoor): Promise<void> {
  await listenVsock(PORT_FORWARD_PORT, (host) => {
    host.on("error", () => host.destroy());
    serveOne(host, door).catch((error: unknown) => {
      log.debug("port-forward failed", { error: String(error) });
      host.destroy();
    });
  });
}

async function serveOne(host: Duplex, door: HostDoor): Promise<void> {
  const port = await readPort(host);
  const server = (await door()) ? ((await tryConnect("127.0.0.1", port)) ?? (await tryConnect("::1", port))) : null;
  if (server === null) {
    host.end("REFUSED\n");
    return;
  }
  host.write("OK\n");
  pipeline(host, server, () => undefined);
  pipeline(server, host, () => undefined);
}

function tryConnect(host: string, port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const settle = (outcome: Socket | null) => () => {
      socket.setTimeout(0);
      if (outcome === null) socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(CONNECT_LIMIT_MS, settle(null));
    socket.once("connect", settle(socket)).once("error", settle(null));
  });
}

/** Takes the line alone; bytes after it are the connection's and stay in the stream. */
async function readPort(host: Duplex): Promise<number> {
  let line = "";
  while (!line.endsWith("\n")) {
    const byte = host.read(1) as Buffer | null;
    if (byte !== null) line += byte.toString("latin1");
    else if (host.readableEnded || host.destroyed) throw new Error("the host hung up");
    else await new Promise((resolve) => host.once("readable", resolve).once("close", resolve));
    if (line.length > LINE_LIMIT) throw new Error("no request");
  }
  const port = Number(/^CONNECT (\d{1,5})\n$/.exec(line)?.[1]);
  if (!(port > 0 && port < 65536)) throw new Error(`not a request: ${JSON.stringify(line)}`);
  return port;
}

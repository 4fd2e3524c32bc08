// Joins a dialled port of the pod's host-side namespace with the same port of the guest's localhost:
// by the forwarder of our agent on a vsock port of its own (`CONNECT port`, answered `OK`).
import type { Socket } from "node:net";
import { pipeline } from "node:stream";
import { listenForForwards } from "../host/port-redirect.ts";
import { errorText, ProtocolViolation } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { Ownership } from "../lib/owned.ts";
import type { PodVm } from "../pod/ports.ts";

export interface PortForwardContext {
  readonly netns: string;
  readonly vm: PodVm;
  /** vsock port of the guest's forwarder */
  readonly port: number;
  readonly ownership: Ownership;
  readonly logger: Logger;
}

const dialLimitMs = 5000;
const maxAnswerBytes = 64;

export async function servePortForward(context: PortForwardContext): Promise<AsyncDisposable> {
  const { netns, ownership, logger } = context;
  return await listenForForwards(
    netns,
    (socket, port) => {
      forward(socket, port, context).catch((error: unknown) => {
        logger.info("a port-forward was refused", { port, error: errorText(error) });
        socket.destroy();
      });
    },
    ownership,
  );
}

async function forward(socket: Socket, port: number, context: PortForwardContext): Promise<void> {
  const guest = await context.vm.dialGuest(context.port, { timeoutMs: dialLimitMs });
  guest.write(`CONNECT ${port}\n`);
  const answer = await readLine(guest);
  if (answer !== "OK") {
    guest.destroy();
    throw new ProtocolViolation("port-forward", `the guest answers ${JSON.stringify(answer)}`);
  }
  // either side's end of file goes on to the other; an error ends both
  const settle = (): void => undefined;
  pipeline(socket, guest, settle);
  pipeline(guest, socket, settle);
}

/** Reads byte by byte what is not the peer's data yet; what follows the line stays in the stream. */
async function readLine(stream: NodeJS.ReadableStream & { destroy(): void }): Promise<string> {
  const bytes: number[] = [];
  for (;;) {
    const chunk = stream.read(1) as Buffer | null;
    if (chunk === null) await readable(stream);
    else if (chunk[0] === 0x0a) return Buffer.from(bytes).toString("utf8");
    else bytes.push(chunk[0] ?? 0);
    if (bytes.length > maxAnswerBytes) throw new ProtocolViolation("port-forward", "the guest's answer has no end");
  }
}

function readable(stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (outcome: () => void) => () => {
      stream.removeListener("readable", onReadable).removeListener("end", onEnd).removeListener("close", onEnd);
      outcome();
    };
    const onReadable = done(resolve);
    const onEnd = done(() => reject(new ProtocolViolation("port-forward", "nobody listens on this port in the guest")));
    stream.once("readable", onReadable).once("end", onEnd).once("close", onEnd);
  });
}

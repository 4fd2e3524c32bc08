// One forwarded connection: joins a client with a port of the guest's localhost by the forwarder of our agent,
// which listens on a vsock port of its own (`CONNECT port`, answered `OK`) and hangs up on what it cannot reach.
import { type Duplex, pipeline } from "node:stream";
import { withDeadline } from "../lib/deadline.ts";
import { ProtocolViolation } from "../lib/errors.ts";
import type { PodVm } from "../pod/ports.ts";

const dialLimitMs = 5000;
const answerLimitMs = 10_000;
const maxAnswerBytes = 64;

export interface ForwardTarget {
  readonly vm: Pick<PodVm, "dialGuest">;
  /** vsock port of the guest's forwarder */
  readonly forwarder: number;
  /** of the guest's localhost */
  readonly port: number;
  readonly answerMs?: number;
}

/** Resolves once both are joined; the client is the caller's to destroy when they cannot be. */
export async function joinGuestPort(client: Duplex, target: ForwardTarget): Promise<void> {
  // that either side broke off is told by its end: without a listener it would be an error of the daemon's
  client.on("error", () => undefined);
  const guest = await target.vm.dialGuest(target.forwarder, { timeoutMs: dialLimitMs });
  guest.on("error", () => undefined);
  try {
    guest.write(`CONNECT ${target.port}\n`);
    const limits = { operation: "waiting for the guest's forwarder", timeoutMs: target.answerMs ?? answerLimitMs };
    const answer = await withDeadline(readLine(guest), limits);
    if (answer !== "OK") throw new ProtocolViolation("port-forward", `the guest answers ${JSON.stringify(answer)}`);
  } catch (error) {
    // half-open, it would stay for ever
    guest.destroy();
    throw error;
  }
  // either side's end of file goes on to the other; an error ends both
  const settle = (): void => undefined;
  pipeline(client, guest, settle);
  pipeline(guest, client, settle);
}

/** Reads byte by byte what is not the peer's data yet; what follows the line stays in the stream. */
async function readLine(stream: Duplex): Promise<string> {
  const bytes: number[] = [];
  for (;;) {
    const chunk = stream.read(1) as Buffer | null;
    if (chunk === null) await readable(stream);
    else if (chunk[0] === 0x0a) return Buffer.from(bytes).toString("utf8");
    else bytes.push(chunk[0] ?? 0);
    if (bytes.length > maxAnswerBytes) throw new ProtocolViolation("port-forward", "the guest's answer has no end");
  }
}

function readable(stream: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new ProtocolViolation("port-forward", "nobody listens on this port in the guest"));
    // told already: what became readable was the end
    if (stream.readableEnded || stream.destroyed) return ended();
    const done = (outcome: () => void) => () => {
      stream.removeListener("readable", onReadable).removeListener("end", onEnd).removeListener("close", onEnd);
      outcome();
    };
    const onReadable = done(resolve);
    const onEnd = done(ended);
    stream.once("readable", onReadable).once("end", onEnd).once("close", onEnd);
  });
}

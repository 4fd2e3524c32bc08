// Connections to guest ports. While the guest boots nobody listens, so a dial is repeated until it
// works, the VM dies, the caller gives up or the time is over.
import type { Duplex } from "node:stream";
import { dialHybrid } from "../host/hybrid-vsock.ts";
import { type DialPort, dialVsock, isRetryableDial } from "../host/vsock.ts";
import { pause } from "../lib/deadline.ts";
import { Cancelled, DeadlineExceeded } from "../lib/errors.ts";
import type { VsockPlan } from "../plan/launch-plan.ts";

export function dialerOf(vsock: VsockPlan): DialPort {
  if (vsock.transport === "vhost") return (port, options) => dialVsock(vsock.cid, port, options);
  return (port, options) => dialHybrid(vsock.hybridSocket, port, options);
}

/** One attempt may hang in a daemon whose guest is not there yet. */
const firstAttemptMs = 1_000;
const longestAttemptMs = 8_000;

export async function dialUntilAnswered(
  dial: DialPort,
  port: number,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<Duplex> {
  const end = performance.now() + options.timeoutMs;
  let attemptMs = firstAttemptMs;
  for (let waitMs = 20; ; waitMs = Math.min(waitMs * 1.5, 200)) {
    if (options.signal.aborted) throw new Cancelled(`connecting to guest port ${port}`);
    const left = end - performance.now();
    if (left <= 0) throw new DeadlineExceeded(`connecting to guest port ${port}`, options.timeoutMs);
    try {
      return await dial(port, { timeoutMs: Math.min(attemptMs, left), signal: options.signal });
    } catch (error) {
      if (error instanceof DeadlineExceeded) attemptMs = Math.min(attemptMs * 2, longestAttemptMs);
      else if (!isRetryableDial(error)) throw error;
    }
    await pause(waitMs, options.signal);
  }
}

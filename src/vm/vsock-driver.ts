// When a guest behind vhost-device-vsock may be dialled. By its source (0.3.0, process_tx_queue) that daemon ends its
// only worker, silently and for good, if somebody connects while QEMU is telling it the guest's memory and queues: the
// memory is known, a queue is not ready, its iterator fails. One boot of some hundreds had an agent that listened and
// that nobody ever reached. So nobody connects before that is over.
import { pause } from "../lib/deadline.ts";
import { DeadlineExceeded } from "../lib/errors.ts";
import { vsockId } from "../plan/devices.ts";
import type { QmpSession } from "../wire/qmp/client.ts";

const pollMs = 50;
const askMs = 5_000;
/** how long the daemon may take to read what QEMU has written to it; the agent needs longer to listen */
const settleMs = 250;

/** Resolves once the guest's driver has started the device and the daemon knows it. */
export async function untilDriverStarted(
  qmp: Pick<QmpSession, "execute">,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const end = performance.now() + options.timeoutMs;
  while (!(await isStarted(qmp))) {
    if (performance.now() >= end) throw new DeadlineExceeded("waiting for the guest's vsock driver", options.timeoutMs);
    await pause(pollMs, options.signal);
  }
  await pause(settleMs, options.signal);
}

/** A QEMU that cannot tell is taken at its word, and one that is gone is the dial's matter. */
async function isStarted(qmp: Pick<QmpSession, "execute">): Promise<boolean> {
  const path = `/machine/peripheral/${vsockId}/virtio-backend`;
  try {
    return (await qmp.execute("x-query-virtio-status", { path }, { timeoutMs: askMs })).started;
  } catch {
    return true;
  }
}

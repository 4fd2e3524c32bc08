// What is done in a VM that has just booted: it loses to the VM's death, and to whoever gives the pod up.
import { pause, withDeadline } from "../lib/deadline.ts";
import { VmExited } from "../lib/errors.ts";
import type { PodVm } from "../pod/ports.ts";

/** how long the VM's end may take to be explained */
const explainLimitMs = 1000;

/** Nothing waits for `work` after `signal`, however slowly its guest answers: the VM's end will end it. */
export async function raceVmDeath<T>(
  work: Promise<T>,
  { vm, signal }: { vm: Pick<PodVm, "exited">; signal: AbortSignal },
): Promise<T> {
  // the step that waits knows best what the VM's end means: it gets a moment to say so
  const settled = work.catch(() => undefined);
  const died = vm.exited.then(async (exit): Promise<never> => {
    await Promise.race([settled, pause(explainLimitMs)]);
    throw new VmExited("starting the pod", exit);
  });
  died.catch(() => undefined);
  return await withDeadline(Promise.race([work, died]), { operation: "starting the pod", signal });
}

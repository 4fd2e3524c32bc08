// What acquires or releases for a pod at the moment. The pod's end waits for it: what is acquired after the
// ledger was read would stay, and a directory in which something is being mounted must not be emptied.
import { withDeadline } from "../lib/deadline.ts";

export class InFlight {
  readonly #works = new Set<Promise<unknown>>();

  /** Answers with what `work` answers. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#works.add(work);
    try {
      return await work;
    } finally {
      this.#works.delete(work);
    }
  }

  /** Resolves once all that was begun has ended, however; rejects after `timeoutMs`. */
  async ended(timeoutMs: number): Promise<void> {
    if (this.#works.size === 0) return;
    const all = Promise.allSettled([...this.#works]);
    await withDeadline(all, { operation: "waiting for what is being made in the pod", timeoutMs });
  }
}

/** Both results, or the first failure once neither runs any more: nothing is left behind half-made. */
export async function settleBoth<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [one, other] = await Promise.allSettled([first, second]);
  if (one.status === "rejected") throw one.reason;
  if (other.status === "rejected") throw other.reason;
  return [one.value, other.value];
}

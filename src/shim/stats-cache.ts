// containerd asks every second for every task, and one slow answer silences the whole node. Within
// its time the guest's fresh numbers are given; past it, and after the container's end, the last ones.
import { withDeadline } from "../lib/deadline.ts";
import { AgentLost, ConnectionLost, DeadlineExceeded, NotFound, VmExited } from "../lib/errors.ts";
import type { Container } from "../pod/container.ts";
import type { ContainerStats } from "../pod/ports.ts";

const freshLimitMs = 1000;

export class StatsCache {
  readonly #last = new WeakMap<Container, ContainerStats>();
  readonly #asking = new WeakMap<Container, Promise<ContainerStats>>();

  /** Asks in the background, so that a guest that is slow to answer the first request has something to fall back on. */
  warm(container: Container): void {
    if (!this.#asking.has(container)) void this.#start(container);
  }

  /** One question to the guest at a time for each container, however many ask; it goes on past the time of who asked. */
  async read(container: Container): Promise<ContainerStats> {
    const asking = this.#asking.get(container) ?? this.#start(container);
    const limits = { operation: "reading statistics from the guest", timeoutMs: freshLimitMs };
    try {
      return await withDeadline(asking, limits);
    } catch (error) {
      const last = container.finalStats ?? this.#last.get(container);
      if (last !== undefined) return last;
      // containerd passes over a task that is not there; any other answer fails the whole list
      throw hasNone(error) ? new NotFound("statistics of container", container.facts.id) : error;
    }
  }

  #start(container: Container): Promise<ContainerStats> {
    const asking = container
      .stats()
      .then((stats) => {
        this.#last.set(container, stats);
        return stats;
      })
      .finally(() => this.#asking.delete(container));
    this.#asking.set(container, asking);
    asking.catch(() => undefined);
    return asking;
  }
}

function hasNone(error: unknown): boolean {
  if (error instanceof DeadlineExceeded) return true;
  return error instanceof VmExited || error instanceof AgentLost || error instanceof ConnectionLost;
}

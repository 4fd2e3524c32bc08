// containerd asks every second for every task, and one slow answer silences the whole node. Within
// its time the guest's fresh numbers are given; past it, and after the container's end, the last ones.
import { withDeadline } from "../lib/deadline.ts";
import { AgentLost, ConnectionLost, NotFound, VmExited } from "../lib/errors.ts";
import type { Container } from "../pod/container.ts";
import type { ContainerStats } from "../pod/ports.ts";

const freshLimitMs = 1000;
/** with nothing to fall back on, a slow answer is better than none */
const firstLimitMs = 5000;

export class StatsCache {
  readonly #last = new WeakMap<Container, ContainerStats>();
  readonly #asking = new WeakMap<Container, Promise<ContainerStats>>();

  /** One question to the guest at a time for each container, however many ask. */
  async read(container: Container): Promise<ContainerStats> {
    const asking = this.#asking.get(container) ?? this.#start(container);
    const last = container.finalStats ?? this.#last.get(container);
    const timeoutMs = last === undefined ? firstLimitMs : freshLimitMs;
    try {
      return await withDeadline(asking, { operation: "reading statistics from the guest", timeoutMs });
    } catch (error) {
      if (last !== undefined) return last;
      // containerd passes over a task that is not there; any other answer fails the whole list
      throw isGone(error) ? new NotFound("running container", container.facts.id) : error;
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

function isGone(error: unknown): boolean {
  return error instanceof VmExited || error instanceof AgentLost || error instanceof ConnectionLost;
}

// Out-of-memory kills waiting to be told: one queue for the sandbox, each caller takes the next
// (agent-protocol §4.11). At the end every pending call fails with an empty text.
import { AgentFailure } from "./status.ts";

const KEPT_MAX = 1024;

export class OomEvents {
  #events: string[] = [];
  #takers: (() => void)[] = [];
  #isEnded = false;

  push(containerId: string): void {
    if (this.#events.length < KEPT_MAX) this.#events.push(containerId);
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async take(signal: AbortSignal): Promise<string> {
    const onAbort = () => this.#wake();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        const next = this.#events.shift();
        if (next !== undefined) return next;
        if (this.#isEnded) throw new AgentFailure("internal", "");
        await new Promise<void>((resolve) => this.#takers.push(resolve));
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #wake(): void {
    const takers = this.#takers;
    this.#takers = [];
    for (const wake of takers) wake();
  }
}

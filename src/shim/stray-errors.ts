// Errors that no call waits for, such as a stream's after everyone let go of it. One of them is no
// reason to end a user's pod; a storm of them means that the daemon cannot be trusted any more.
const limit = 10;
const windowMs = 60_000;

export class StrayErrors {
  readonly #now: () => number;
  #seen: readonly number[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts one more. */
  isTooMany(): boolean {
    const now = this.#now();
    this.#seen = [...this.#seen.filter((at) => at > now - windowMs), now];
    return this.#seen.length > limit;
  }
}

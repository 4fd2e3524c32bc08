// A typed state table. `move` is for commands and throws; `observe` is for facts and reports
// whether they were legal, so a late exit is harmless; `until` rejects once the state cannot come.
import { WrongState } from "./errors.ts";

export type TransitionTable<S extends string> = Readonly<Record<S, readonly S[]>>;

export class Lifecycle<S extends string> {
  readonly #subject: string;
  readonly #table: TransitionTable<S>;
  #state: S;
  #waiters: { target: S; resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(subject: string, table: TransitionTable<S>, initial: S) {
    this.#subject = subject;
    this.#table = table;
    this.#state = initial;
  }

  get state(): S {
    return this.#state;
  }

  is(...states: readonly S[]): boolean {
    return states.includes(this.#state);
  }

  /** Throws WrongState unless the present state is one of `states`. */
  require(operation: string, ...states: readonly S[]): void {
    if (!this.is(...states)) throw new WrongState(this.#subject, this.#state, operation);
  }

  move(next: S, operation: string): void {
    if (!this.observe(next)) throw new WrongState(this.#subject, this.#state, operation);
  }

  observe(next: S): boolean {
    if (!this.#table[this.#state].includes(next)) return false;
    this.#state = next;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) this.#settle(waiter);
    return true;
  }

  until(target: S): Promise<void> {
    return new Promise((resolve, reject) => this.#settle({ target, resolve, reject }));
  }

  #settle(waiter: { target: S; resolve: () => void; reject: (error: Error) => void }): void {
    if (waiter.target === this.#state) waiter.resolve();
    else if (this.#reachable(waiter.target)) this.#waiters.push(waiter);
    else waiter.reject(new WrongState(this.#subject, this.#state, `wait until ${waiter.target}`));
  }

  #reachable(target: S): boolean {
    const seen = new Set<S>([this.#state]);
    for (const state of seen) {
      if (state === target) return true;
      for (const next of this.#table[state]) seen.add(next);
    }
    return false;
  }
}

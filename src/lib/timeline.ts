// When each stage of a launch was reached: what a user who waits for a pod wants to see, and what
// the bench splits. Marks are milliseconds since the timeline began.
export interface TimelineMark {
  readonly stage: string;
  readonly atMs: number;
}

export class Timeline {
  readonly startedAt: number;
  readonly #now: () => number;
  readonly #marks: TimelineMark[] = [];

  /** `now` in milliseconds since the epoch, with fractions. */
  constructor(now: () => number) {
    this.#now = now;
    this.startedAt = now();
  }

  mark(stage: string): void {
    this.#marks.push({ stage, atMs: Math.round((this.#now() - this.startedAt) * 10) / 10 });
  }

  /** Takes over marks that were made elsewhere, in milliseconds since the epoch. */
  add(stage: string, epochMs: number): void {
    this.#marks.push({ stage, atMs: Math.round((epochMs - this.startedAt) * 10) / 10 });
  }

  get marks(): readonly TimelineMark[] {
    return this.#marks.toSorted((one, other) => one.atMs - other.atMs);
  }
}

// When each stage of a launch was reached: what a user who waits for a pod wants to see, and what
// the bench splits. Marks are milliseconds since the timeline began; a pod may live long, so the latest are dropped.
export interface TimelineMark {
  readonly stage: string;
  readonly atMs: number;
}

const maxMarks = 500;

export class Timeline {
  readonly startedAt: number;
  readonly #now: () => number;
  readonly #marks: TimelineMark[] = [];
  readonly #onMark: (mark: TimelineMark) => void;

  /** `now` in milliseconds since the epoch, with fractions; `onMark` hears each mark as it is made. */
  constructor(now: () => number, onMark: (mark: TimelineMark) => void = () => undefined) {
    this.#now = now;
    this.#onMark = onMark;
    this.startedAt = now();
  }

  mark(stage: string): void {
    this.add(stage, this.#now());
  }

  /** Takes over marks that were made elsewhere, in milliseconds since the epoch. */
  add(stage: string, epochMs: number): void {
    const mark = { stage, atMs: Math.round((epochMs - this.startedAt) * 10) / 10 };
    if (this.#marks.length < maxMarks) this.#marks.push(mark);
    this.#onMark(mark);
  }

  get marks(): readonly TimelineMark[] {
    return this.#marks.toSorted((one, other) => one.atMs - other.atMs);
  }
}

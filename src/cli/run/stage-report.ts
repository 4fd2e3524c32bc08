// Where the time goes, for a person who waits: one line a stage on stderr, its end and what it took.
export interface StageReport {
  /** a stage that just ended */
  ended(stage: string): void;
}

export const silentReport: StageReport = { ended: () => undefined };

export function reportTo(write: (line: string) => void, now: () => number = () => performance.now()): StageReport {
  const start = now();
  let last = start;
  return {
    ended: (stage) => {
      const at = now();
      write(`${seconds(at - start)}  ${`+${seconds(at - last).trim()}`.padStart(8)}  ${stage}\n`);
      last = at;
    },
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2).padStart(7)} s`;
}

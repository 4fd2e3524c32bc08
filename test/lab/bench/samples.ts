// Samples of one quantity and how they are told: median, lowest and highest, and the ratio to a
// peer measured in the same run, since absolute times of a shared machine mean little.
import { performance } from "node:perf_hooks";

export interface Run {
  readonly name: string;
  readonly unit: "ms" | "MiB" | "MB/s";
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly peer?: { readonly name: string; readonly median: number };
  /** median over the peer's median */
  readonly ratio?: number;
}

export interface Measured {
  readonly name: string;
  readonly unit: Run["unit"];
  readonly samples: readonly number[];
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function report(measured: Measured, peer?: Measured): Run {
  const { name, unit, samples } = measured;
  const own = {
    name,
    unit,
    median: round(median(samples)),
    min: round(Math.min(...samples)),
    max: round(Math.max(...samples)),
  };
  if (peer === undefined) return own;
  const reference = median(peer.samples);
  return { ...own, peer: { name: peer.name, median: round(reference) }, ratio: round(median(samples) / reference) };
}

/** Samples of several works in turn, so that the machine's other load meets all alike; the first round does not count. */
export async function samplesInTurn(
  rounds: number,
  works: readonly (() => Promise<number>)[],
): Promise<readonly number[][]> {
  const samples = works.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [at, work] of works.entries()) {
      const sample = await work();
      if (round > 0) samples[at]?.push(sample);
    }
  }
  return samples;
}

/** The same for works that are timed from outside, in milliseconds. */
export function timedInTurn(rounds: number, works: readonly (() => Promise<unknown>)[]): Promise<readonly number[][]> {
  const timedWork = (work: () => Promise<unknown>) => async () => {
    const began = performance.now();
    await work();
    return performance.now() - began;
  };
  return samplesInTurn(rounds, works.map(timedWork));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

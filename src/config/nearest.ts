// The known name that a mistyped one most likely meant.

/** `undefined` when nothing is near enough to be worth suggesting. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(name.length / 3));
  const tail = name.slice(name.indexOf(".") + 1);
  const best = known
    .map((candidate) => ({
      candidate,
      // The right key in the wrong section is the likeliest mistake of all.
      cost: candidate.endsWith(`.${tail}`) ? 0 : distance(name, candidate),
    }))
    .sort((a, b) => a.cost - b.cost)[0];
  return best !== undefined && best.cost <= limit ? best.candidate : undefined;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const swap = (row[j] ?? 0) + (letter === b[j] ? 0 : 1);
      next.push(Math.min(swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

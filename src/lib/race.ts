// Races of short work against something that lasts, such as a VM's life. Promise.race leaves a reaction
// on each promise until that one settles: raced with for every request, a lasting one gathers all their
// results. Here one reaction stands on it, and what is settled takes itself off.

interface Racer {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

/** by lasting promise; gone with it */
const racersOf = new WeakMap<Promise<unknown>, Set<Racer>>();

/** As Promise.race of both. */
export function raceLasting<Work, Lasting>(work: Promise<Work>, lasting: Promise<Lasting>): Promise<Work | Lasting> {
  return new Promise((resolve, reject) => {
    const racer = { resolve: resolve as Racer["resolve"], reject };
    // first, so that the work wins where both have ended
    work.then(resolve, reject).finally(() => racers.delete(racer));
    const racers = racersOf.get(lasting) ?? watch(lasting);
    racers.add(racer);
  });
}

function watch(lasting: Promise<unknown>): Set<Racer> {
  const racers = new Set<Racer>();
  racersOf.set(lasting, racers);
  const settle = (tell: (racer: Racer) => void) => {
    // whoever comes later watches anew, and hears at once
    racersOf.delete(lasting);
    for (const racer of racers) tell(racer);
    racers.clear();
  };
  lasting.then(
    (value) => settle((racer) => racer.resolve(value)),
    (reason: unknown) => settle((racer) => racer.reject(reason)),
  );
  return racers;
}

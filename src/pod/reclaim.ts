// Ledger -> ordered steps -> run all, collect failures. Used after a crash by `delete` and `reap`,
// and by the living daemon at the end of its pod: one way to end, so it is always exercised.
import { CleanupIncomplete } from "../lib/errors.ts";
import type { OwnedThing } from "../lib/owned.ts";

/** Must be idempotent: a thing that is already gone is a success. */
export type ReclaimPorts = {
  readonly [K in OwnedThing["kind"]]: (thing: Extract<OwnedThing, { kind: K }>) => Promise<void>;
};

/** Who uses must go before what is used: processes hold taps and mounts, mounts hold directories. */
const order: readonly OwnedThing["kind"][] = ["process", "nft-table", "tap", "mount", "cgroup", "path"];

/** Within one kind the last acquired goes first. */
export function planReclaim(owned: readonly OwnedThing[]): readonly OwnedThing[] {
  return order.flatMap((kind) => owned.filter((thing) => thing.kind === kind).reverse());
}

/** Runs every step whatever the others do; throws CleanupIncomplete naming those that failed. */
export async function reclaim(owned: readonly OwnedThing[], ports: ReclaimPorts): Promise<void> {
  const failures: { step: string; error: unknown }[] = [];
  const run = async (thing: OwnedThing): Promise<void> => {
    try {
      await release(thing, ports);
    } catch (error) {
      failures.push({ step: describeOwned(thing), error });
    }
  };
  const steps = planReclaim(owned);
  // processes do not hold one another up, and each may take its time to die
  await Promise.all(steps.filter((thing) => thing.kind === "process").map(run));
  for (const thing of steps.filter((other) => other.kind !== "process")) await run(thing);
  if (failures.length > 0) throw new CleanupIncomplete(failures);
}

export function describeOwned(thing: OwnedThing): string {
  switch (thing.kind) {
    case "process":
      return `end process ${thing.name}${thing.pid === undefined ? "" : ` (${thing.pid})`}`;
    case "tap":
      return `remove tap ${thing.name} in ${thing.netns}`;
    case "nft-table":
      return `remove nftables table ${thing.name} in ${thing.netns}`;
    case "mount":
      return `unmount ${thing.path}`;
    case "cgroup":
      return `remove cgroup ${thing.path}`;
    case "path":
      return `remove ${thing.path}`;
  }
}

function release(thing: OwnedThing, ports: ReclaimPorts): Promise<void> {
  switch (thing.kind) {
    case "process":
      return ports.process(thing);
    case "tap":
      return ports.tap(thing);
    case "nft-table":
      return ports["nft-table"](thing);
    case "mount":
      return ports.mount(thing);
    case "cgroup":
      return ports.cgroup(thing);
    case "path":
      return ports.path(thing);
  }
}

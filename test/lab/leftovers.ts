// What pods hold on the machine, as a set of lines, and what one set has that another has not.
// containerd removes some things after it has answered, so `settle` looks until nothing is left.
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { CommandOptions, Outcome } from "./command.ts";
import { mustSucceed } from "./command.ts";
import { PATIENCE } from "./patience.ts";

/** Lines such as `process<TAB>42 qemu-system-x86_64 …`. */
export type Leftovers = ReadonlySet<string>;

type Exec = (argv: readonly string[], options?: CommandOptions) => Promise<Outcome>;

const script = join(dirname(fileURLToPath(import.meta.url)), "holdings.sh");

export async function readHoldings(exec: Exec): Promise<Leftovers> {
  const { stdout } = await mustSucceed(exec([script]));
  return new Set(
    stdout
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== ""),
  );
}

export function leftSince(before: Leftovers, now: Leftovers): string[] {
  return [...now].filter((line) => !before.has(line));
}

/** What `read` still shows beyond `before` after at most `timeoutMs`; empty as soon as nothing is. */
export async function settle(
  before: Leftovers,
  read: () => Promise<Leftovers>,
  timeoutMs = 15_000 * PATIENCE,
): Promise<string[]> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const left = leftSince(before, await read());
    if (left.length === 0 || Date.now() > end) return left;
    await pause(200);
  }
}

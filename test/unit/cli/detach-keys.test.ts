import assert from "node:assert/strict";
import { DetachKeys } from "../../../src/cli/detach-keys.ts";

/** What reaches the process of some pieces of typing, and whether the user left. */
function typed(...pieces: readonly string[]): { passed: string; detached: boolean } {
  const keys = new DetachKeys();
  let passed = "";
  for (const piece of pieces) {
    const taken = keys.take(Buffer.from(piece));
    passed += Buffer.from(taken.passed).toString();
    if (taken.detached) return { passed, detached: true };
  }
  return { passed, detached: false };
}

describe("the keys that leave an attached terminal", () => {
  const p = "\x10";
  const q = "\x11";
  const cases: readonly (readonly [string, readonly string[], string, boolean])[] = [
    ["leave at Ctrl-P Ctrl-Q, after what was typed before and without what follows", [`ls\n${p}${q}rm`], "ls\n", true],
    ["leave when the two come apart", ["a", p, q], "a", true],
    ["pass a Ctrl-Q on its own", [`${q}x`], `${q}x`, false],
    ["pass a Ctrl-P on with the key after it", [p, "k"], `${p}k`, false],
    ["take the last Ctrl-P of several for theirs", [`${p}${p}${q}`], p, true],
    ["pass everything else unchanged", ["ü\x03\x1b[A"], "ü\x03\x1b[A", false],
  ];
  for (const [title, pieces, passed, detached] of cases) {
    it(title, () => assert.deepEqual(typed(...pieces), { passed, detached }));
  }
});

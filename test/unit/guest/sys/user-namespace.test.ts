import assert from "node:assert/strict";
import { closeSync, readdirSync, readlinkSync } from "node:fs";
import { holdNamespaces } from "../../../../src/guest/sys/user-namespace.ts";

/** Descriptors of this process that hold a namespace. */
function heldHere(): readonly string[] {
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // the descriptor of the listing itself
      return "";
    }
  });
  return targets.filter((target) => /^(user|ipc|uts):\[/.test(target));
}

describe("the namespaces of a pod's containers", () => {
  it("are held by descriptors, which are closed when they cannot be used", () => {
    const before = heldHere();
    const fail = () => {
      assert.equal(heldHere().length, before.length + 3);
      throw new Error("no such sysctl");
    };
    assert.throws(() => holdNamespaces(process.pid, fail), /no such sysctl/);
    assert.deepEqual(heldHere(), before);
    const held = holdNamespaces(process.pid, () => undefined);
    assert.equal(heldHere().length, before.length + 3);
    for (const path of Object.values(held)) closeSync(Number(path.split("/").at(-1)));
  });
});

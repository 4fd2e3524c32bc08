import assert from "node:assert/strict";
import { CleanupIncomplete } from "../../../src/lib/errors.ts";
import type { OwnedThing } from "../../../src/lib/owned.ts";
import { describeOwned, planReclaim, type ReclaimPorts, reclaim } from "../../../src/pod/reclaim.ts";

/** In the order in which a launch acquires them. */
const owned: readonly OwnedThing[] = [
  { kind: "path", path: "/run/p" },
  { kind: "cgroup", path: "/sys/fs/cgroup/p" },
  { kind: "tap", netns: "/run/netns/a", name: "tap0", peer: "eth0" },
  { kind: "nft-table", netns: "/run/netns/a", name: "ports" },
  { kind: "mount", path: "/run/p/m1" },
  { kind: "mount", path: "/run/p/m1/m2" },
  { kind: "process", name: "swtpm", match: "/run/p", pid: 1, startTime: "1" },
  { kind: "path", path: "/run/p/vm.sock" },
  { kind: "process", name: "qemu", match: "/run/p", pid: 2, startTime: "2" },
];

function recorder(failing: readonly string[] = []) {
  const log: string[] = [];
  const step = async (thing: OwnedThing): Promise<void> => {
    const name = describeOwned(thing);
    log.push(name);
    if (failing.includes(name)) throw new Error("busy");
  };
  const ports: ReclaimPorts = { process: step, "nft-table": step, tap: step, mount: step, cgroup: step, path: step };
  return { log, ports };
}

describe("reclaiming a pod", () => {
  it("ends users before what they use, and within one kind the last acquired first", () => {
    assert.deepEqual(planReclaim(owned).map(describeOwned), [
      "end process qemu (2)",
      "end process swtpm (1)",
      "remove nftables table ports in /run/netns/a",
      "remove tap tap0 in /run/netns/a",
      "unmount /run/p/m1/m2",
      "unmount /run/p/m1",
      "remove cgroup /sys/fs/cgroup/p",
      "remove /run/p/vm.sock",
      "remove /run/p",
    ]);
  });

  it("runs the steps in this order", async () => {
    const { log, ports } = recorder();
    await reclaim(owned, ports);
    assert.deepEqual(log, planReclaim(owned).map(describeOwned));
  });

  it("runs every step whatever the others do, and names all that failed", async () => {
    const { log, ports } = recorder(["end process qemu (2)", "unmount /run/p/m1"]);
    await assert.rejects(reclaim(owned, ports), (error: CleanupIncomplete) => {
      assert.ok(error instanceof CleanupIncomplete);
      assert.deepEqual(
        error.failures.map((failure) => failure.step),
        ["end process qemu (2)", "unmount /run/p/m1"],
      );
      return true;
    });
    assert.equal(log.length, owned.length);
  });

  it("ends all processes before it touches the rest, without one waiting for another", async () => {
    const log: string[] = [];
    const release: (() => void)[] = [];
    const { ports } = recorder();
    const slow: ReclaimPorts = {
      ...ports,
      process: async ({ name }) => {
        log.push(name);
        await new Promise<void>((resolve) => release.push(resolve));
      },
      tap: async () => void log.push("tap"),
    };
    const reclaiming = reclaim(owned, slow);
    assert.deepEqual(log, ["qemu", "swtpm"]);
    for (const letGo of release) letGo();
    await reclaiming;
    assert.deepEqual(log.slice(2, 3), ["tap"]);
  });

  it("does nothing for a pod that owns nothing", async () => {
    const { log, ports } = recorder();
    await reclaim([], ports);
    assert.deepEqual(log, []);
  });
});

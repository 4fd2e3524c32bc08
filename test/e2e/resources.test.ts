// README promise: limits reach the container's control group, updates change them in place, and
// statistics come from where the container runs.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { mustSucceed } from "../lab/command.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";

const MEBIBYTE = 1 << 20;

interface Stats {
  readonly stats: readonly {
    readonly attributes: { readonly id: string };
    readonly cpu: { readonly usageCoreNanoSeconds: { readonly value: string } };
    readonly memory: { readonly workingSetBytes: { readonly value: string } };
  }[];
}

interface PodStats {
  readonly stats: readonly {
    readonly attributes: { readonly id: string };
    readonly linux: Omit<Stats["stats"][number], "attributes">;
  }[];
}

describe("Resources", function () {
  this.timeout(60_000);
  const e2e = usePods();
  let pod: Pod;
  let container: string;

  before(async function () {
    this.timeout(BOOT_LIMIT_MS);
    pod = await e2e.cri.runPod();
    const resources = { memory_limit_in_bytes: 96 * MEBIBYTE, cpu_period: 100_000, cpu_quota: 50_000, cpu_shares: 512 };
    container = await e2e.cri.start(pod, { resources });
  });

  /** The container's own limits, read inside it, from version 2 or version 1 of the control groups. */
  const limits = async () => {
    const script =
      "cd /sys/fs/cgroup; if [ -e cgroup.controllers ]; then cat memory.max; cat cpu.max; " +
      "else cat memory/memory.limit_in_bytes; echo $(cat cpu/cpu.cfs_quota_us) $(cat cpu/cpu.cfs_period_us); fi";
    const [memory = "", cpu = ""] = (await e2e.cri.exec(container, ["sh", "-c", script])).split("\n");
    return { memory, cpu };
  };

  it("memory and CPU limits stand in the container's control group", async () => {
    assert.deepEqual(await limits(), { memory: String(96 * MEBIBYTE), cpu: "50000 100000" });
  });

  it("update changes them while the container runs", async () => {
    const update = [
      "update",
      "--memory",
      String(160 * MEBIBYTE),
      "--cpu-quota",
      "75000",
      "--cpu-period",
      "100000",
      container,
    ];
    await mustSucceed(e2e.cri.crictl(update));
    assert.deepEqual(await limits(), { memory: String(160 * MEBIBYTE), cpu: "75000 100000" });
  });

  const cpuNanoseconds = async () => {
    const { stats } = JSON.parse(await e2e.cri.text(["stats", "-a", "-o", "json", "--id", container])) as Stats;
    const [first] = stats;
    assert.ok(first !== undefined, "no statistics");
    assert.equal(first.attributes.id, container);
    assert.ok(Number(first.memory.workingSetBytes.value) > 0, "no memory in use");
    return Number(first.cpu.usageCoreNanoSeconds.value);
  };

  it("stats counts the container's CPU time and memory", async () => {
    const before = await cpuNanoseconds();
    await e2e.cri.exec(container, ["sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]);
    // containerd may answer from a cache of a second or more.
    for (const end = Date.now() + 20_000; (await cpuNanoseconds()) <= before; await pause(500)) {
      assert.ok(Date.now() < end, "no CPU time was counted");
    }
  });

  it("statsp counts what the pod takes of the host, the whole VM of it", async () => {
    const { stats } = JSON.parse(await e2e.cri.text(["statsp", "-o", "json", "--id", pod.id])) as PodStats;
    const [first] = stats;
    assert.ok(first !== undefined, "no statistics");
    assert.equal(first.attributes.id, pod.id);
    assert.ok(Number(first.linux.cpu.usageCoreNanoSeconds.value) > 0, "no CPU time");
    const { value } = first.linux.memory.workingSetBytes;
    assert.ok(Number(value) > (IS_OURS ? 64 * MEBIBYTE : 0), `${value} bytes`);
  });

  it("a process that outgrows its memory limit is ended and reported as OOMKilled", async () => {
    const greedy = await e2e.cri.start(pod, {
      command: ["sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=300M count=4"],
      resources: { memory_limit_in_bytes: 24 * MEBIBYTE },
    });
    const status = await e2e.cri.exited(greedy);
    assert.equal(status.exitCode, 137);
    assert.equal(status.reason, "OOMKilled");
  });

  it("leaves nothing behind", async () => {
    await assertNothingLeft(e2e);
  });
});

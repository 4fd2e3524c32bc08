import assert from "node:assert/strict";
import { cgroupStats } from "../../../src/guest/stats.ts";

// files as a 6.12 kernel writes them
const files: Record<string, string> = {
  "cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 4\nnr_throttled 2\nthrottled_usec 70\n",
  "memory.current": "4096000\n",
  "memory.peak": "8192000\n",
  "memory.max": "67108864\n",
  "memory.swap.current": "0\n",
  "memory.swap.max": "max\n",
  "memory.stat": "anon 1000\nfile 2000\nkernel 300\ninactive_file 1500\nactive_file 500\npgfault 42\npgmajfault 3\n",
  "memory.events": "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n",
  "pids.current": "5\n",
  "pids.max": "max\n",
  "io.stat": "8:0 rbytes=1024 wbytes=2048 rios=1 wios=2 dbytes=0 dios=0\n",
};
const stats = cgroupStats((name) => files[name]);

describe("cgroup statistics", () => {
  it("turn microseconds into nanoseconds", () => {
    assert.deepEqual(stats.cpu_stats, {
      cpu_usage: { total_usage: 1_500_000n, usage_in_usermode: 1_000_000n, usage_in_kernelmode: 500_000n },
      throttling_data: { periods: 4n, throttled_periods: 2n, throttled_time: 70_000n },
    });
  });

  it("give usage, peak, limit and failures of memory", () => {
    assert.deepEqual(stats.memory_stats?.usage, {
      usage: 4_096_000n,
      max_usage: 8_192_000n,
      failcnt: 7n,
      limit: 67_108_864n,
    });
    assert.deepEqual(stats.memory_stats?.swap_usage, { usage: 0n, limit: 18_446_744_073_709_551_615n });
  });

  it("carry both generations' names of memory counters, and the OOM kills", () => {
    const map = stats.memory_stats?.stats ?? {};
    const wanted = {
      anon: 1000n,
      rss: 1000n,
      cache: 2000n,
      inactive_file: 1500n,
      total_inactive_file: 1500n,
      pgfault: 42n,
      oom_kill: 1n,
    };
    for (const [name, value] of Object.entries(wanted)) assert.equal(map[name], value, name);
  });

  it("write no limit of processes as 0", () => {
    assert.deepEqual(stats.pids_stats, { current: 5n, limit: 0n });
  });

  it("split block I/O by device and direction", () => {
    assert.deepEqual(stats.blkio_stats?.io_service_bytes_recursive, [
      { major: 8, minor: 0, op: "Read", value: 1024n },
      { major: 8, minor: 0, op: "Write", value: 2048n },
    ]);
  });

  it("are zeros where a controller is absent", () => {
    const empty = cgroupStats(() => undefined);
    assert.deepEqual([empty.pids_stats, empty.hugetlb_stats], [{ current: 0n, limit: 0n }, {}]);
  });
});

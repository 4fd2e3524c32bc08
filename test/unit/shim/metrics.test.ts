import assert from "node:assert/strict";
import type { ContainerStats } from "../../../src/pod/ports.ts";
import { encodeMetrics, encodeUsage, metricsTypeUrl } from "../../../src/shim/metrics.ts";
import { Metrics } from "../../../src/wire/gen/containerd/metrics_v2.ts";

const stats: ContainerStats = {
  cpu: {
    usageNs: 5_000_999,
    userNs: 3_000_000,
    systemNs: 2_000_000,
    periods: 9,
    throttledPeriods: 4,
    throttledNs: 7000,
  },
  memory: {
    usageBytes: 6_000_000_000,
    limitBytes: 8_000_000_000,
    maxUsageBytes: 7_000_000_000,
    swapBytes: 11,
    swapLimitBytes: 12,
    oomKills: 2,
    detail: { anon: 100, inactive_file: 30, pgfault: 5, not_a_field: 1 },
  },
  pids: { current: 3, limit: 64 },
  io: [{ major: 253, minor: 1, readBytes: 4096, writtenBytes: 512, reads: 2, writes: 1 }],
};

describe("the metrics of a container", () => {
  it("are containerd's cgroup v2 message, in microseconds and bytes", () => {
    const metrics = Metrics.decode(encodeMetrics(stats));
    assert.equal(metricsTypeUrl, Metrics.typeName);
    assert.deepEqual(
      [metrics.cpu?.usage_usec, metrics.cpu?.user_usec, metrics.cpu?.system_usec],
      [5000n, 3000n, 2000n],
    );
    assert.deepEqual([metrics.cpu?.nr_periods, metrics.cpu?.nr_throttled, metrics.cpu?.throttled_usec], [9n, 4n, 7n]);
    assert.deepEqual([metrics.memory?.usage, metrics.memory?.usage_limit], [6_000_000_000n, 8_000_000_000n]);
    assert.deepEqual([metrics.memory?.swap_usage, metrics.memory?.swap_limit], [11n, 12n]);
    assert.deepEqual([metrics.pids?.current, metrics.pids?.limit], [3n, 64n]);
  });

  it("carry memory.stat by the kernel's names, which the kubelet's working set is made from", () => {
    const { memory } = Metrics.decode(encodeMetrics(stats));
    assert.equal(memory?.inactive_file, 30n);
    assert.equal(memory?.anon, 100n);
    assert.equal(memory?.pgfault, 5n);
    assert.equal(memory?.slab, 0n);
  });

  it("give no limit as the largest number, not as none at all", () => {
    const unlimited = { ...stats.memory, limitBytes: Number(2n ** 64n - 1n), swapLimitBytes: Number(2n ** 63n - 1n) };
    const { memory } = Metrics.decode(encodeMetrics({ ...stats, memory: unlimited }));
    assert.equal(memory?.usage_limit, 2n ** 64n - 1n);
    assert.equal(memory?.swap_limit, 2n ** 63n);
  });

  it("carry what went to and from each disk", () => {
    assert.deepEqual(Metrics.decode(encodeMetrics(stats)).io?.usage, [
      { major: 253n, minor: 1n, rbytes: 4096n, wbytes: 512n, rios: 2n, wios: 1n },
    ]);
  });

  it("tell how often the container ran out of memory", () => {
    assert.equal(Metrics.decode(encodeMetrics(stats)).memory_events?.oom_kill, 2n);
  });
});

describe("the metrics of a pod", () => {
  it("are what its cgroup on the host says, with the largest number where there is no limit", () => {
    const usage = {
      cpuUsageUsec: 12,
      memoryBytes: 4096,
      memoryLimitBytes: Number.POSITIVE_INFINITY,
      inactiveFileBytes: 1024,
      processes: 3,
    };
    const { cpu, memory, pids } = Metrics.decode(encodeUsage(usage));
    assert.deepEqual([cpu?.usage_usec, memory?.usage, memory?.inactive_file, pids?.current], [12n, 4096n, 1024n, 3n]);
    assert.equal(memory?.usage_limit, 2n ** 64n - 1n);
  });
});

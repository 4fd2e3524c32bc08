import assert from "node:assert/strict";
import { readContainerStats } from "../../../src/agent/container-stats.ts";
import { StatsContainerResponse } from "../../../src/wire/gen/kata/agent.ts";

describe("a container's statistics from the agent", () => {
  it("become plain numbers, each from its field of cgroup v1's shape", () => {
    const response = StatsContainerResponse.create({
      cgroup_stats: {
        cpu_stats: {
          cpu_usage: { total_usage: 10, usage_in_kernelmode: 4, usage_in_usermode: 6 },
          throttling_data: { periods: 3, throttled_periods: 2, throttled_time: 1 },
        },
        memory_stats: {
          usage: { usage: 100, max_usage: 150, limit: 200 },
          swap_usage: { usage: 7, limit: 8 },
          stats: { anon: 90, oom_kill: 2 },
        },
        pids_stats: { current: 5, limit: 64 },
      },
    });
    assert.deepEqual(readContainerStats(response), {
      cpu: { usageNs: 10, userNs: 6, systemNs: 4, periods: 3, throttledPeriods: 2, throttledNs: 1 },
      memory: {
        usageBytes: 100,
        limitBytes: 200,
        maxUsageBytes: 150,
        swapBytes: 7,
        swapLimitBytes: 8,
        oomKills: 2,
        detail: { anon: 90, oom_kill: 2 },
      },
      pids: { current: 5, limit: 64 },
    });
  });

  it("are zeros where the agent says nothing", () => {
    const stats = readContainerStats(StatsContainerResponse.create({}));
    assert.equal(stats.cpu.usageNs, 0);
    assert.equal(stats.memory.oomKills, 0);
    assert.deepEqual(stats.memory.detail, {});
  });
});

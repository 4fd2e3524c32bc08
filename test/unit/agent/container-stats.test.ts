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
        blkio_stats: {
          io_service_bytes_recursive: [
            { major: 8, minor: 16, op: "Read", value: 4096 },
            { major: 8, minor: 16, op: "Write", value: 512 },
            { major: 8, minor: 16, op: "Sync", value: 4608 },
            // kata-agent under cgroup v2
            { major: 8, minor: 32, op: "read", value: 1 },
          ],
          io_serviced_recursive: [{ major: 8, minor: 16, op: "Read", value: 2 }],
        },
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
      io: [
        { major: 8, minor: 16, readBytes: 4096, writtenBytes: 512, reads: 2, writes: 0 },
        { major: 8, minor: 32, readBytes: 1, writtenBytes: 0, reads: 0, writes: 0 },
      ],
    });
  });

  it("are zeros where the agent says nothing", () => {
    const stats = readContainerStats(StatsContainerResponse.create({}));
    assert.equal(stats.cpu.usageNs, 0);
    assert.equal(stats.memory.oomKills, 0);
    assert.deepEqual(stats.memory.detail, {});
  });

  it("are read in time in proportion to what the guest sends, and hold no more devices than a VM can have", () => {
    const entries = Array.from({ length: 60_000 }, (_, minor) => ({ major: 8, minor, op: "Read", value: 1 }));
    const blkio_stats = { io_service_bytes_recursive: entries, io_serviced_recursive: entries };
    const response = StatsContainerResponse.create({ cgroup_stats: { blkio_stats } });
    const began = performance.now();
    const { io } = readContainerStats(response);
    const tookMs = performance.now() - began;
    assert.ok(tookMs < 2000, `${tookMs} ms`);
    assert.equal(io.length, 1024);
  });
});

// StatsContainer's answer -> plain numbers. The agent speaks cgroup v1's shape whatever the guest has;
// memory_stats.stats carries memory.stat by the kernel's own names.
import type { StatsContainerResponse } from "../wire/gen/kata/agent.ts";

export function readContainerStats(response: StatsContainerResponse) {
  const { cpu_stats, memory_stats, pids_stats } = response.cgroup_stats ?? {};
  const { cpu_usage, throttling_data } = cpu_stats ?? {};
  const { usage, swap_usage } = memory_stats ?? {};
  const detail = Object.fromEntries(
    Object.entries(memory_stats?.stats ?? {}).map(([key, value]) => [key, Number(value)]),
  );
  return {
    cpu: {
      usageNs: Number(cpu_usage?.total_usage ?? 0n),
      userNs: Number(cpu_usage?.usage_in_usermode ?? 0n),
      systemNs: Number(cpu_usage?.usage_in_kernelmode ?? 0n),
      periods: Number(throttling_data?.periods ?? 0n),
      throttledPeriods: Number(throttling_data?.throttled_periods ?? 0n),
      throttledNs: Number(throttling_data?.throttled_time ?? 0n),
    },
    memory: {
      usageBytes: Number(usage?.usage ?? 0n),
      limitBytes: Number(usage?.limit ?? 0n),
      maxUsageBytes: Number(usage?.max_usage ?? 0n),
      swapBytes: Number(swap_usage?.usage ?? 0n),
      swapLimitBytes: Number(swap_usage?.limit ?? 0n),
      oomKills: detail["oom_kill"] ?? 0,
      detail,
    },
    pids: { current: Number(pids_stats?.current ?? 0n), limit: Number(pids_stats?.limit ?? 0n) },
  };
}

// The guest's numbers as containerd's cgroup v2 metrics, whatever the host's cgroups are: the guest
// has v2, and containerd's CRI plugin decides by the message's type (lab.md, "container_threads").
import type { CgroupUsage } from "../host/cgroup-usage.ts";
import type { ContainerStats } from "../pod/ports.ts";
import { Metrics } from "../wire/gen/containerd/metrics_v2.ts";
import type { Init } from "../wire/message.ts";

export const metricsTypeUrl = "io.containerd.cgroups.v2.Metrics";

type MemoryInit = NonNullable<Init<Metrics>["memory"]>;

/** Fields of MemoryStat that are named as the kernel names them in memory.stat. */
const kernelNames = [
  "anon",
  "file",
  "kernel_stack",
  "slab",
  "sock",
  "shmem",
  "file_mapped",
  "file_dirty",
  "file_writeback",
  "inactive_anon",
  "active_anon",
  "inactive_file",
  "active_file",
  "unevictable",
  "slab_reclaimable",
  "slab_unreclaimable",
  "pgfault",
  "pgmajfault",
] as const satisfies readonly (keyof MemoryInit)[];

export function encodeMetrics(stats: ContainerStats): Uint8Array {
  const { cpu, memory, pids, io } = stats;
  const usec = (ns: number): number => Math.floor(ns / 1000);
  const named = Object.fromEntries(kernelNames.map((name) => [name, memory.detail[name] ?? 0]));
  return Metrics.encode({
    pids: { current: pids.current, limit: uint64(pids.limit) },
    cpu: {
      usage_usec: usec(cpu.usageNs),
      user_usec: usec(cpu.userNs),
      system_usec: usec(cpu.systemNs),
      nr_periods: cpu.periods,
      nr_throttled: cpu.throttledPeriods,
      throttled_usec: usec(cpu.throttledNs),
    },
    memory: {
      ...named,
      usage: memory.usageBytes,
      usage_limit: uint64(memory.limitBytes),
      max_usage: memory.maxUsageBytes,
      swap_usage: memory.swapBytes,
      swap_limit: uint64(memory.swapLimitBytes),
    },
    io: {
      usage: io.map(({ major, minor, readBytes, writtenBytes, reads, writes }) => ({
        major,
        minor,
        rbytes: readBytes,
        wbytes: writtenBytes,
        rios: reads,
        wios: writes,
      })),
    },
    memory_events: { oom: memory.oomKills, oom_kill: memory.oomKills },
  });
}

/** What a pod as a whole uses on the host, in the same form. */
export function encodeUsage(usage: CgroupUsage): Uint8Array {
  return Metrics.encode({
    pids: { current: usage.processes },
    cpu: { usage_usec: usage.cpuUsageUsec },
    memory: {
      usage: usage.memoryBytes,
      usage_limit: uint64(usage.memoryLimitBytes),
      inactive_file: usage.inactiveFileBytes,
    },
  });
}

/** "No limit" is the largest number, which a double rounds up to one too many. */
function uint64(value: number): bigint {
  return value < 2 ** 64 ? BigInt(value) : 2n ** 64n - 1n;
}

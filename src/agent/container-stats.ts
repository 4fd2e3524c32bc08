// StatsContainer's answer -> plain numbers. The agent speaks cgroup v1's shape whatever the guest has;
// memory_stats.stats carries memory.stat by the kernel's own names.
import type { CgroupStats, StatsContainerResponse } from "../wire/gen/kata/agent.ts";

export function readContainerStats(response: StatsContainerResponse) {
  const stats = response.cgroup_stats;
  const pids = stats?.pids_stats;
  return {
    cpu: readCpu(stats?.cpu_stats),
    memory: readMemory(stats?.memory_stats),
    pids: { current: number(pids?.current), limit: number(pids?.limit) },
    io: readIo(stats?.blkio_stats),
  };
}

/** Bytes and operations come in lists of their own, one entry for each device and direction. */
function readIo(blkio: CgroupStats["blkio_stats"]) {
  const bytes = blkio?.io_service_bytes_recursive ?? [];
  const operations = blkio?.io_serviced_recursive ?? [];
  const devices = new Map([...bytes, ...operations].map(({ major, minor }) => [`${major}:${minor}`, { major, minor }]));
  return [...devices.values()].map((device) => ({
    major: Number(device.major),
    minor: Number(device.minor),
    readBytes: sumOf(bytes, device, "read"),
    writtenBytes: sumOf(bytes, device, "write"),
    reads: sumOf(operations, device, "read"),
    writes: sumOf(operations, device, "write"),
  }));
}

type IoEntry = NonNullable<CgroupStats["blkio_stats"]>["io_serviced_recursive"][number];

/** kata-agent writes the direction with a capital or without, by the guest's cgroup version. */
function sumOf(entries: readonly IoEntry[], { major, minor }: Pick<IoEntry, "major" | "minor">, op: string): number {
  const own = entries.filter((entry) => entry.major === major && entry.minor === minor);
  return own.filter((entry) => entry.op.toLowerCase() === op).reduce((sum, entry) => sum + number(entry.value), 0);
}

function readCpu(cpu: CgroupStats["cpu_stats"]) {
  const usage = cpu?.cpu_usage;
  const throttling = cpu?.throttling_data;
  return {
    usageNs: number(usage?.total_usage),
    userNs: number(usage?.usage_in_usermode),
    systemNs: number(usage?.usage_in_kernelmode),
    periods: number(throttling?.periods),
    throttledPeriods: number(throttling?.throttled_periods),
    throttledNs: number(throttling?.throttled_time),
  };
}

function readMemory(memory: CgroupStats["memory_stats"]) {
  const usage = memory?.usage;
  const swap = memory?.swap_usage;
  const detail = Object.fromEntries(Object.entries(memory?.stats ?? {}).map(([key, value]) => [key, Number(value)]));
  return {
    usageBytes: number(usage?.usage),
    limitBytes: number(usage?.limit),
    maxUsageBytes: number(usage?.max_usage),
    swapBytes: number(swap?.usage),
    swapLimitBytes: number(swap?.limit),
    oomKills: detail["oom_kill"] ?? 0,
    detail,
  };
}

function number(value: bigint | undefined): number {
  return Number(value ?? 0n);
}

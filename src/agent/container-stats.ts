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

/** more than a VM has places for disks; the list is the guest's, and may be of any length */
const maxDevices = 1024;

const counters = {
  bytes: { read: "readBytes", write: "writtenBytes" },
  operations: { read: "reads", write: "writes" },
} as const;

interface DeviceIo {
  readonly major: number;
  readonly minor: number;
  readBytes: number;
  writtenBytes: number;
  reads: number;
  writes: number;
}

/** Bytes and operations come in lists of their own, one entry for each device and direction. */
function readIo(blkio: CgroupStats["blkio_stats"]): readonly DeviceIo[] {
  const devices = new Map<string, DeviceIo>();
  const add = (entries: readonly IoEntry[], names: (typeof counters)[keyof typeof counters]) => {
    for (const { major, minor, op, value } of entries) {
      const device = deviceOf(devices, Number(major), Number(minor));
      // kata-agent writes the direction with a capital or without, by the guest's cgroup version
      const direction = op.toLowerCase();
      if (device !== undefined && (direction === "read" || direction === "write"))
        device[names[direction]] += Number(value);
    }
  };
  add(blkio?.io_service_bytes_recursive ?? [], counters.bytes);
  add(blkio?.io_serviced_recursive ?? [], counters.operations);
  return [...devices.values()];
}

type IoEntry = NonNullable<CgroupStats["blkio_stats"]>["io_serviced_recursive"][number];

function deviceOf(devices: Map<string, DeviceIo>, major: number, minor: number): DeviceIo | undefined {
  const key = `${major}:${minor}`;
  const known = devices.get(key);
  if (known !== undefined || devices.size >= maxDevices) return known;
  const fresh = { major, minor, readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 };
  devices.set(key, fresh);
  return fresh;
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

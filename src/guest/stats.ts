// cgroup v2 files -> the v1-shaped statistics of the agent protocol (§3.3). Times become nanoseconds; the
// map of memory counters holds memory.stat as it is plus the v1 names that collectors look for.

import type { BlkioStatsEntry, CgroupStats, HugetlbStats } from "../wire/gen/kata/agent.ts";
import type { Init } from "../wire/message.ts";

/** Content of one file of the container's cgroup, undefined when its controller is absent. */
export type ReadCgroupFile = (name: string) => string | undefined;

const NANOSECONDS = 1000n;
const UNLIMITED = 2n ** 64n - 1n;
const hugePageSizes = ["64KB", "2MB", "32MB", "1GB"] as const;

/** v1 name -> v2 name in memory.stat */
const memoryAliases: Readonly<Record<string, string>> = {
  cache: "file",
  rss: "anon",
  mapped_file: "file_mapped",
  dirty: "file_dirty",
  writeback: "file_writeback",
  total_cache: "file",
  total_rss: "anon",
  total_inactive_file: "inactive_file",
  total_active_file: "active_file",
  total_inactive_anon: "inactive_anon",
  total_active_anon: "active_anon",
  total_pgfault: "pgfault",
  total_pgmajfault: "pgmajfault",
};

export function cgroupStats(read: ReadCgroupFile): Init<CgroupStats> {
  return {
    cpu_stats: cpuStats(read),
    memory_stats: memoryStats(read),
    pids_stats: { current: single(read("pids.current")), limit: limitOrZero(read("pids.max")) },
    blkio_stats: blkioStats(read("io.stat") ?? ""),
    hugetlb_stats: hugetlbStats(read),
  };
}

function cpuStats(read: ReadCgroupFile): Init<CgroupStats["cpu_stats"]> {
  const stat = flatKeyed(read("cpu.stat"));
  const nanoseconds = (name: string) => (stat.get(name) ?? 0n) * NANOSECONDS;
  return {
    cpu_usage: {
      total_usage: nanoseconds("usage_usec"),
      usage_in_usermode: nanoseconds("user_usec"),
      usage_in_kernelmode: nanoseconds("system_usec"),
    },
    throttling_data: {
      periods: stat.get("nr_periods") ?? 0n,
      throttled_periods: stat.get("nr_throttled") ?? 0n,
      throttled_time: nanoseconds("throttled_usec"),
    },
  };
}

function memoryStats(read: ReadCgroupFile): Init<CgroupStats["memory_stats"]> {
  const stat = flatKeyed(read("memory.stat"));
  const events = flatKeyed(read("memory.events"));
  const limit = limitOrUnlimited(read("memory.max"));
  const swapLimit = limitOrUnlimited(read("memory.swap.max"));
  const stats = new Map(stat);
  for (const [v1, v2] of Object.entries(memoryAliases)) stats.set(v1, stat.get(v2) ?? 0n);
  for (const name of ["oom", "oom_kill"]) stats.set(name, events.get(name) ?? 0n);
  stats.set("hierarchical_memory_limit", limit);
  stats.set("hierarchical_memsw_limit", swapLimit);
  return {
    cache: stat.get("file") ?? 0n,
    usage: {
      usage: single(read("memory.current")),
      max_usage: single(read("memory.peak")),
      failcnt: events.get("max") ?? 0n,
      limit,
    },
    swap_usage: { usage: single(read("memory.swap.current")), limit: swapLimit },
    kernel_usage: { usage: stat.get("kernel") ?? 0n },
    use_hierarchy: true,
    stats: Object.fromEntries(stats),
  };
}

function blkioStats(text: string): Init<CgroupStats["blkio_stats"]> {
  const bytes: Init<BlkioStatsEntry>[] = [];
  const operations: Init<BlkioStatsEntry>[] = [];
  for (const line of text.split("\n")) {
    const [device = "", ...pairs] = line.split(" ");
    const match = /^(\d+):(\d+)$/.exec(device);
    if (match === null) continue;
    const at = { major: Number(match[1]), minor: Number(match[2]) };
    const value = (key: string) => BigInt(pairs.find((pair) => pair.startsWith(`${key}=`))?.slice(key.length + 1) ?? 0);
    bytes.push({ ...at, op: "Read", value: value("rbytes") }, { ...at, op: "Write", value: value("wbytes") });
    operations.push({ ...at, op: "Read", value: value("rios") }, { ...at, op: "Write", value: value("wios") });
  }
  return { io_service_bytes_recursive: bytes, io_serviced_recursive: operations };
}

function hugetlbStats(read: ReadCgroupFile): Record<string, Init<HugetlbStats>> {
  const found: Record<string, Init<HugetlbStats>> = {};
  for (const size of hugePageSizes) {
    const current = read(`hugetlb.${size}.current`);
    if (current === undefined) continue;
    const failures = flatKeyed(read(`hugetlb.${size}.events`)).get("max") ?? 0n;
    found[size] = { usage: single(current), failcnt: failures };
  }
  return found;
}

function flatKeyed(text: string | undefined): Map<string, bigint> {
  const entries = (text ?? "").split("\n").map((line) => /^(\S+) (\d+)$/.exec(line));
  return new Map(entries.flatMap((match) => (match === null ? [] : [[match[1] ?? "", BigInt(match[2] ?? 0)]])));
}

function single(text: string | undefined): bigint {
  const value = text?.trim() ?? "";
  return /^\d+$/.test(value) ? BigInt(value) : 0n;
}

function limitOrUnlimited(text: string | undefined): bigint {
  return text === undefined || text.trim() === "max" ? UNLIMITED : single(text);
}

function limitOrZero(text: string | undefined): bigint {
  return text?.trim() === "max" ? 0n : single(text);
}

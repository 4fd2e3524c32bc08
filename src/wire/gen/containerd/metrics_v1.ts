// Generated from protos/containerd/metrics_v1.proto by `npm run gen`; do not edit.
import { bits64, message, readMessage, readPacked, readUint64, type MessageType, writeMessage } from "../../message.ts";

export interface Metrics {
  hugetlb: HugetlbStat[];
  pids?: PidsStat | undefined;
  cpu?: CPUStat | undefined;
  memory?: MemoryStat | undefined;
  blkio?: BlkIOStat | undefined;
  rdma?: RdmaStat | undefined;
  network: NetworkStat[];
  cgroup_stats?: CgroupStats | undefined;
  memory_oom_control?: MemoryOomControl | undefined;
}
export const Metrics: MessageType<Metrics> = message<Metrics>({
  name: "io.containerd.cgroups.v1.Metrics",
  empty: () => ({ hugetlb: [], network: [] }),
  write(init, writer) {
    for (const item of init.hugetlb ?? []) writeMessage(HugetlbStat, item, writer.uint32(10));
    if (init.pids !== undefined) writeMessage(PidsStat, init.pids, writer.uint32(18));
    if (init.cpu !== undefined) writeMessage(CPUStat, init.cpu, writer.uint32(26));
    if (init.memory !== undefined) writeMessage(MemoryStat, init.memory, writer.uint32(34));
    if (init.blkio !== undefined) writeMessage(BlkIOStat, init.blkio, writer.uint32(42));
    if (init.rdma !== undefined) writeMessage(RdmaStat, init.rdma, writer.uint32(50));
    for (const item of init.network ?? []) writeMessage(NetworkStat, item, writer.uint32(58));
    if (init.cgroup_stats !== undefined) writeMessage(CgroupStats, init.cgroup_stats, writer.uint32(66));
    if (init.memory_oom_control !== undefined) writeMessage(MemoryOomControl, init.memory_oom_control, writer.uint32(74));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.hugetlb.push(readMessage(HugetlbStat, reader));
        return;
      case 18:
        message.pids = readMessage(PidsStat, reader);
        return;
      case 26:
        message.cpu = readMessage(CPUStat, reader);
        return;
      case 34:
        message.memory = readMessage(MemoryStat, reader);
        return;
      case 42:
        message.blkio = readMessage(BlkIOStat, reader);
        return;
      case 50:
        message.rdma = readMessage(RdmaStat, reader);
        return;
      case 58:
        message.network.push(readMessage(NetworkStat, reader));
        return;
      case 66:
        message.cgroup_stats = readMessage(CgroupStats, reader);
        return;
      case 74:
        message.memory_oom_control = readMessage(MemoryOomControl, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface HugetlbStat {
  usage: bigint;
  max: bigint;
  failcnt: bigint;
  pagesize: string;
}
export const HugetlbStat: MessageType<HugetlbStat> = message<HugetlbStat>({
  name: "io.containerd.cgroups.v1.HugetlbStat",
  empty: () => ({ usage: 0n, max: 0n, failcnt: 0n, pagesize: "" }),
  write(init, writer) {
    if (init.usage) writer.uint32(8).uint64(bits64(init.usage));
    if (init.max) writer.uint32(16).uint64(bits64(init.max));
    if (init.failcnt) writer.uint32(24).uint64(bits64(init.failcnt));
    if (init.pagesize) writer.uint32(34).string(init.pagesize);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.usage = readUint64(reader);
        return;
      case 16:
        message.max = readUint64(reader);
        return;
      case 24:
        message.failcnt = readUint64(reader);
        return;
      case 34:
        message.pagesize = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PidsStat {
  current: bigint;
  limit: bigint;
}
export const PidsStat: MessageType<PidsStat> = message<PidsStat>({
  name: "io.containerd.cgroups.v1.PidsStat",
  empty: () => ({ current: 0n, limit: 0n }),
  write(init, writer) {
    if (init.current) writer.uint32(8).uint64(bits64(init.current));
    if (init.limit) writer.uint32(16).uint64(bits64(init.limit));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.current = readUint64(reader);
        return;
      case 16:
        message.limit = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CPUStat {
  usage?: CPUUsage | undefined;
  throttling?: Throttle | undefined;
}
export const CPUStat: MessageType<CPUStat> = message<CPUStat>({
  name: "io.containerd.cgroups.v1.CPUStat",
  empty: () => ({  }),
  write(init, writer) {
    if (init.usage !== undefined) writeMessage(CPUUsage, init.usage, writer.uint32(10));
    if (init.throttling !== undefined) writeMessage(Throttle, init.throttling, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.usage = readMessage(CPUUsage, reader);
        return;
      case 18:
        message.throttling = readMessage(Throttle, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CPUUsage {
  total: bigint;
  kernel: bigint;
  user: bigint;
  per_cpu: bigint[];
}
export const CPUUsage: MessageType<CPUUsage> = message<CPUUsage>({
  name: "io.containerd.cgroups.v1.CPUUsage",
  empty: () => ({ total: 0n, kernel: 0n, user: 0n, per_cpu: [] }),
  write(init, writer) {
    if (init.total) writer.uint32(8).uint64(bits64(init.total));
    if (init.kernel) writer.uint32(16).uint64(bits64(init.kernel));
    if (init.user) writer.uint32(24).uint64(bits64(init.user));
    if (init.per_cpu?.length) {
      writer.uint32(34).fork();
      for (const item of init.per_cpu) writer.uint64(bits64(item));
      writer.ldelim();
    }
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.total = readUint64(reader);
        return;
      case 16:
        message.kernel = readUint64(reader);
        return;
      case 24:
        message.user = readUint64(reader);
        return;
      case 34:
        readPacked(reader, () => message.per_cpu.push(readUint64(reader)));
        return;
      case 32:
        message.per_cpu.push(readUint64(reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Throttle {
  periods: bigint;
  throttled_periods: bigint;
  throttled_time: bigint;
}
export const Throttle: MessageType<Throttle> = message<Throttle>({
  name: "io.containerd.cgroups.v1.Throttle",
  empty: () => ({ periods: 0n, throttled_periods: 0n, throttled_time: 0n }),
  write(init, writer) {
    if (init.periods) writer.uint32(8).uint64(bits64(init.periods));
    if (init.throttled_periods) writer.uint32(16).uint64(bits64(init.throttled_periods));
    if (init.throttled_time) writer.uint32(24).uint64(bits64(init.throttled_time));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.periods = readUint64(reader);
        return;
      case 16:
        message.throttled_periods = readUint64(reader);
        return;
      case 24:
        message.throttled_time = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface MemoryStat {
  cache: bigint;
  rss: bigint;
  rss_huge: bigint;
  mapped_file: bigint;
  dirty: bigint;
  writeback: bigint;
  pg_pg_in: bigint;
  pg_pg_out: bigint;
  pg_fault: bigint;
  pg_maj_fault: bigint;
  inactive_anon: bigint;
  active_anon: bigint;
  inactive_file: bigint;
  active_file: bigint;
  unevictable: bigint;
  hierarchical_memory_limit: bigint;
  hierarchical_swap_limit: bigint;
  total_cache: bigint;
  total_rss: bigint;
  total_rss_huge: bigint;
  total_mapped_file: bigint;
  total_dirty: bigint;
  total_writeback: bigint;
  total_pg_pg_in: bigint;
  total_pg_pg_out: bigint;
  total_pg_fault: bigint;
  total_pg_maj_fault: bigint;
  total_inactive_anon: bigint;
  total_active_anon: bigint;
  total_inactive_file: bigint;
  total_active_file: bigint;
  total_unevictable: bigint;
  usage?: MemoryEntry | undefined;
  swap?: MemoryEntry | undefined;
  kernel?: MemoryEntry | undefined;
  kernel_tcp?: MemoryEntry | undefined;
}
export const MemoryStat: MessageType<MemoryStat> = message<MemoryStat>({
  name: "io.containerd.cgroups.v1.MemoryStat",
  empty: () => ({ cache: 0n, rss: 0n, rss_huge: 0n, mapped_file: 0n, dirty: 0n, writeback: 0n, pg_pg_in: 0n, pg_pg_out: 0n, pg_fault: 0n, pg_maj_fault: 0n, inactive_anon: 0n, active_anon: 0n, inactive_file: 0n, active_file: 0n, unevictable: 0n, hierarchical_memory_limit: 0n, hierarchical_swap_limit: 0n, total_cache: 0n, total_rss: 0n, total_rss_huge: 0n, total_mapped_file: 0n, total_dirty: 0n, total_writeback: 0n, total_pg_pg_in: 0n, total_pg_pg_out: 0n, total_pg_fault: 0n, total_pg_maj_fault: 0n, total_inactive_anon: 0n, total_active_anon: 0n, total_inactive_file: 0n, total_active_file: 0n, total_unevictable: 0n }),
  write(init, writer) {
    if (init.cache) writer.uint32(8).uint64(bits64(init.cache));
    if (init.rss) writer.uint32(16).uint64(bits64(init.rss));
    if (init.rss_huge) writer.uint32(24).uint64(bits64(init.rss_huge));
    if (init.mapped_file) writer.uint32(32).uint64(bits64(init.mapped_file));
    if (init.dirty) writer.uint32(40).uint64(bits64(init.dirty));
    if (init.writeback) writer.uint32(48).uint64(bits64(init.writeback));
    if (init.pg_pg_in) writer.uint32(56).uint64(bits64(init.pg_pg_in));
    if (init.pg_pg_out) writer.uint32(64).uint64(bits64(init.pg_pg_out));
    if (init.pg_fault) writer.uint32(72).uint64(bits64(init.pg_fault));
    if (init.pg_maj_fault) writer.uint32(80).uint64(bits64(init.pg_maj_fault));
    if (init.inactive_anon) writer.uint32(88).uint64(bits64(init.inactive_anon));
    if (init.active_anon) writer.uint32(96).uint64(bits64(init.active_anon));
    if (init.inactive_file) writer.uint32(104).uint64(bits64(init.inactive_file));
    if (init.active_file) writer.uint32(112).uint64(bits64(init.active_file));
    if (init.unevictable) writer.uint32(120).uint64(bits64(init.unevictable));
    if (init.hierarchical_memory_limit) writer.uint32(128).uint64(bits64(init.hierarchical_memory_limit));
    if (init.hierarchical_swap_limit) writer.uint32(136).uint64(bits64(init.hierarchical_swap_limit));
    if (init.total_cache) writer.uint32(144).uint64(bits64(init.total_cache));
    if (init.total_rss) writer.uint32(152).uint64(bits64(init.total_rss));
    if (init.total_rss_huge) writer.uint32(160).uint64(bits64(init.total_rss_huge));
    if (init.total_mapped_file) writer.uint32(168).uint64(bits64(init.total_mapped_file));
    if (init.total_dirty) writer.uint32(176).uint64(bits64(init.total_dirty));
    if (init.total_writeback) writer.uint32(184).uint64(bits64(init.total_writeback));
    if (init.total_pg_pg_in) writer.uint32(192).uint64(bits64(init.total_pg_pg_in));
    if (init.total_pg_pg_out) writer.uint32(200).uint64(bits64(init.total_pg_pg_out));
    if (init.total_pg_fault) writer.uint32(208).uint64(bits64(init.total_pg_fault));
    if (init.total_pg_maj_fault) writer.uint32(216).uint64(bits64(init.total_pg_maj_fault));
    if (init.total_inactive_anon) writer.uint32(224).uint64(bits64(init.total_inactive_anon));
    if (init.total_active_anon) writer.uint32(232).uint64(bits64(init.total_active_anon));
    if (init.total_inactive_file) writer.uint32(240).uint64(bits64(init.total_inactive_file));
    if (init.total_active_file) writer.uint32(248).uint64(bits64(init.total_active_file));
    if (init.total_unevictable) writer.uint32(256).uint64(bits64(init.total_unevictable));
    if (init.usage !== undefined) writeMessage(MemoryEntry, init.usage, writer.uint32(266));
    if (init.swap !== undefined) writeMessage(MemoryEntry, init.swap, writer.uint32(274));
    if (init.kernel !== undefined) writeMessage(MemoryEntry, init.kernel, writer.uint32(282));
    if (init.kernel_tcp !== undefined) writeMessage(MemoryEntry, init.kernel_tcp, writer.uint32(290));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.cache = readUint64(reader);
        return;
      case 16:
        message.rss = readUint64(reader);
        return;
      case 24:
        message.rss_huge = readUint64(reader);
        return;
      case 32:
        message.mapped_file = readUint64(reader);
        return;
      case 40:
        message.dirty = readUint64(reader);
        return;
      case 48:
        message.writeback = readUint64(reader);
        return;
      case 56:
        message.pg_pg_in = readUint64(reader);
        return;
      case 64:
        message.pg_pg_out = readUint64(reader);
        return;
      case 72:
        message.pg_fault = readUint64(reader);
        return;
      case 80:
        message.pg_maj_fault = readUint64(reader);
        return;
      case 88:
        message.inactive_anon = readUint64(reader);
        return;
      case 96:
        message.active_anon = readUint64(reader);
        return;
      case 104:
        message.inactive_file = readUint64(reader);
        return;
      case 112:
        message.active_file = readUint64(reader);
        return;
      case 120:
        message.unevictable = readUint64(reader);
        return;
      case 128:
        message.hierarchical_memory_limit = readUint64(reader);
        return;
      case 136:
        message.hierarchical_swap_limit = readUint64(reader);
        return;
      case 144:
        message.total_cache = readUint64(reader);
        return;
      case 152:
        message.total_rss = readUint64(reader);
        return;
      case 160:
        message.total_rss_huge = readUint64(reader);
        return;
      case 168:
        message.total_mapped_file = readUint64(reader);
        return;
      case 176:
        message.total_dirty = readUint64(reader);
        return;
      case 184:
        message.total_writeback = readUint64(reader);
        return;
      case 192:
        message.total_pg_pg_in = readUint64(reader);
        return;
      case 200:
        message.total_pg_pg_out = readUint64(reader);
        return;
      case 208:
        message.total_pg_fault = readUint64(reader);
        return;
      case 216:
        message.total_pg_maj_fault = readUint64(reader);
        return;
      case 224:
        message.total_inactive_anon = readUint64(reader);
        return;
      case 232:
        message.total_active_anon = readUint64(reader);
        return;
      case 240:
        message.total_inactive_file = readUint64(reader);
        return;
      case 248:
        message.total_active_file = readUint64(reader);
        return;
      case 256:
        message.total_unevictable = readUint64(reader);
        return;
      case 266:
        message.usage = readMessage(MemoryEntry, reader);
        return;
      case 274:
        message.swap = readMessage(MemoryEntry, reader);
        return;
      case 282:
        message.kernel = readMessage(MemoryEntry, reader);
        return;
      case 290:
        message.kernel_tcp = readMessage(MemoryEntry, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface MemoryEntry {
  limit: bigint;
  usage: bigint;
  max: bigint;
  failcnt: bigint;
}
export const MemoryEntry: MessageType<MemoryEntry> = message<MemoryEntry>({
  name: "io.containerd.cgroups.v1.MemoryEntry",
  empty: () => ({ limit: 0n, usage: 0n, max: 0n, failcnt: 0n }),
  write(init, writer) {
    if (init.limit) writer.uint32(8).uint64(bits64(init.limit));
    if (init.usage) writer.uint32(16).uint64(bits64(init.usage));
    if (init.max) writer.uint32(24).uint64(bits64(init.max));
    if (init.failcnt) writer.uint32(32).uint64(bits64(init.failcnt));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.limit = readUint64(reader);
        return;
      case 16:
        message.usage = readUint64(reader);
        return;
      case 24:
        message.max = readUint64(reader);
        return;
      case 32:
        message.failcnt = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface MemoryOomControl {
  oom_kill_disable: bigint;
  under_oom: bigint;
  oom_kill: bigint;
}
export const MemoryOomControl: MessageType<MemoryOomControl> = message<MemoryOomControl>({
  name: "io.containerd.cgroups.v1.MemoryOomControl",
  empty: () => ({ oom_kill_disable: 0n, under_oom: 0n, oom_kill: 0n }),
  write(init, writer) {
    if (init.oom_kill_disable) writer.uint32(8).uint64(bits64(init.oom_kill_disable));
    if (init.under_oom) writer.uint32(16).uint64(bits64(init.under_oom));
    if (init.oom_kill) writer.uint32(24).uint64(bits64(init.oom_kill));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.oom_kill_disable = readUint64(reader);
        return;
      case 16:
        message.under_oom = readUint64(reader);
        return;
      case 24:
        message.oom_kill = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface BlkIOStat {
  io_service_bytes_recursive: BlkIOEntry[];
  io_serviced_recursive: BlkIOEntry[];
  io_queued_recursive: BlkIOEntry[];
  io_service_time_recursive: BlkIOEntry[];
  io_wait_time_recursive: BlkIOEntry[];
  io_merged_recursive: BlkIOEntry[];
  io_time_recursive: BlkIOEntry[];
  sectors_recursive: BlkIOEntry[];
}
export const BlkIOStat: MessageType<BlkIOStat> = message<BlkIOStat>({
  name: "io.containerd.cgroups.v1.BlkIOStat",
  empty: () => ({ io_service_bytes_recursive: [], io_serviced_recursive: [], io_queued_recursive: [], io_service_time_recursive: [], io_wait_time_recursive: [], io_merged_recursive: [], io_time_recursive: [], sectors_recursive: [] }),
  write(init, writer) {
    for (const item of init.io_service_bytes_recursive ?? []) writeMessage(BlkIOEntry, item, writer.uint32(10));
    for (const item of init.io_serviced_recursive ?? []) writeMessage(BlkIOEntry, item, writer.uint32(18));
    for (const item of init.io_queued_recursive ?? []) writeMessage(BlkIOEntry, item, writer.uint32(26));
    for (const item of init.io_service_time_recursive ?? []) writeMessage(BlkIOEntry, item, writer.uint32(34));
    for (const item of init.io_wait_time_recursive ?? []) writeMessage(BlkIOEntry, item, writer.uint32(42));
    for (const item of init.io_merged_recursive ?? []) writeMessage(BlkIOEntry, item, writer.uint32(50));
    for (const item of init.io_time_recursive ?? []) writeMessage(BlkIOEntry, item, writer.uint32(58));
    for (const item of init.sectors_recursive ?? []) writeMessage(BlkIOEntry, item, writer.uint32(66));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.io_service_bytes_recursive.push(readMessage(BlkIOEntry, reader));
        return;
      case 18:
        message.io_serviced_recursive.push(readMessage(BlkIOEntry, reader));
        return;
      case 26:
        message.io_queued_recursive.push(readMessage(BlkIOEntry, reader));
        return;
      case 34:
        message.io_service_time_recursive.push(readMessage(BlkIOEntry, reader));
        return;
      case 42:
        message.io_wait_time_recursive.push(readMessage(BlkIOEntry, reader));
        return;
      case 50:
        message.io_merged_recursive.push(readMessage(BlkIOEntry, reader));
        return;
      case 58:
        message.io_time_recursive.push(readMessage(BlkIOEntry, reader));
        return;
      case 66:
        message.sectors_recursive.push(readMessage(BlkIOEntry, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface BlkIOEntry {
  op: string;
  device: string;
  major: bigint;
  minor: bigint;
  value: bigint;
}
export const BlkIOEntry: MessageType<BlkIOEntry> = message<BlkIOEntry>({
  name: "io.containerd.cgroups.v1.BlkIOEntry",
  empty: () => ({ op: "", device: "", major: 0n, minor: 0n, value: 0n }),
  write(init, writer) {
    if (init.op) writer.uint32(10).string(init.op);
    if (init.device) writer.uint32(18).string(init.device);
    if (init.major) writer.uint32(24).uint64(bits64(init.major));
    if (init.minor) writer.uint32(32).uint64(bits64(init.minor));
    if (init.value) writer.uint32(40).uint64(bits64(init.value));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.op = reader.stringVerify();
        return;
      case 18:
        message.device = reader.stringVerify();
        return;
      case 24:
        message.major = readUint64(reader);
        return;
      case 32:
        message.minor = readUint64(reader);
        return;
      case 40:
        message.value = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface RdmaStat {
  current: RdmaEntry[];
  limit: RdmaEntry[];
}
export const RdmaStat: MessageType<RdmaStat> = message<RdmaStat>({
  name: "io.containerd.cgroups.v1.RdmaStat",
  empty: () => ({ current: [], limit: [] }),
  write(init, writer) {
    for (const item of init.current ?? []) writeMessage(RdmaEntry, item, writer.uint32(10));
    for (const item of init.limit ?? []) writeMessage(RdmaEntry, item, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.current.push(readMessage(RdmaEntry, reader));
        return;
      case 18:
        message.limit.push(readMessage(RdmaEntry, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface RdmaEntry {
  device: string;
  hca_handles: number;
  hca_objects: number;
}
export const RdmaEntry: MessageType<RdmaEntry> = message<RdmaEntry>({
  name: "io.containerd.cgroups.v1.RdmaEntry",
  empty: () => ({ device: "", hca_handles: 0, hca_objects: 0 }),
  write(init, writer) {
    if (init.device) writer.uint32(10).string(init.device);
    if (init.hca_handles) writer.uint32(16).uint32(init.hca_handles);
    if (init.hca_objects) writer.uint32(24).uint32(init.hca_objects);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.device = reader.stringVerify();
        return;
      case 16:
        message.hca_handles = reader.uint32();
        return;
      case 24:
        message.hca_objects = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface NetworkStat {
  name: string;
  rx_bytes: bigint;
  rx_packets: bigint;
  rx_errors: bigint;
  rx_dropped: bigint;
  tx_bytes: bigint;
  tx_packets: bigint;
  tx_errors: bigint;
  tx_dropped: bigint;
}
export const NetworkStat: MessageType<NetworkStat> = message<NetworkStat>({
  name: "io.containerd.cgroups.v1.NetworkStat",
  empty: () => ({ name: "", rx_bytes: 0n, rx_packets: 0n, rx_errors: 0n, rx_dropped: 0n, tx_bytes: 0n, tx_packets: 0n, tx_errors: 0n, tx_dropped: 0n }),
  write(init, writer) {
    if (init.name) writer.uint32(10).string(init.name);
    if (init.rx_bytes) writer.uint32(16).uint64(bits64(init.rx_bytes));
    if (init.rx_packets) writer.uint32(24).uint64(bits64(init.rx_packets));
    if (init.rx_errors) writer.uint32(32).uint64(bits64(init.rx_errors));
    if (init.rx_dropped) writer.uint32(40).uint64(bits64(init.rx_dropped));
    if (init.tx_bytes) writer.uint32(48).uint64(bits64(init.tx_bytes));
    if (init.tx_packets) writer.uint32(56).uint64(bits64(init.tx_packets));
    if (init.tx_errors) writer.uint32(64).uint64(bits64(init.tx_errors));
    if (init.tx_dropped) writer.uint32(72).uint64(bits64(init.tx_dropped));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.name = reader.stringVerify();
        return;
      case 16:
        message.rx_bytes = readUint64(reader);
        return;
      case 24:
        message.rx_packets = readUint64(reader);
        return;
      case 32:
        message.rx_errors = readUint64(reader);
        return;
      case 40:
        message.rx_dropped = readUint64(reader);
        return;
      case 48:
        message.tx_bytes = readUint64(reader);
        return;
      case 56:
        message.tx_packets = readUint64(reader);
        return;
      case 64:
        message.tx_errors = readUint64(reader);
        return;
      case 72:
        message.tx_dropped = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CgroupStats {
  nr_sleeping: bigint;
  nr_running: bigint;
  nr_stopped: bigint;
  nr_uninterruptible: bigint;
  nr_io_wait: bigint;
}
export const CgroupStats: MessageType<CgroupStats> = message<CgroupStats>({
  name: "io.containerd.cgroups.v1.CgroupStats",
  empty: () => ({ nr_sleeping: 0n, nr_running: 0n, nr_stopped: 0n, nr_uninterruptible: 0n, nr_io_wait: 0n }),
  write(init, writer) {
    if (init.nr_sleeping) writer.uint32(8).uint64(bits64(init.nr_sleeping));
    if (init.nr_running) writer.uint32(16).uint64(bits64(init.nr_running));
    if (init.nr_stopped) writer.uint32(24).uint64(bits64(init.nr_stopped));
    if (init.nr_uninterruptible) writer.uint32(32).uint64(bits64(init.nr_uninterruptible));
    if (init.nr_io_wait) writer.uint32(40).uint64(bits64(init.nr_io_wait));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.nr_sleeping = readUint64(reader);
        return;
      case 16:
        message.nr_running = readUint64(reader);
        return;
      case 24:
        message.nr_stopped = readUint64(reader);
        return;
      case 32:
        message.nr_uninterruptible = readUint64(reader);
        return;
      case 40:
        message.nr_io_wait = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

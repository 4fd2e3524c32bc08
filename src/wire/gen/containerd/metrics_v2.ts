// Generated from protos/containerd/metrics_v2.proto by `npm run gen`; do not edit.
import { bits64, message, readMessage, readUint64, type MessageType, writeMessage } from "../../message.ts";

export interface Metrics {
  pids?: PidsStat | undefined;
  cpu?: CPUStat | undefined;
  memory?: MemoryStat | undefined;
  rdma?: RdmaStat | undefined;
  io?: IOStat | undefined;
  hugetlb: HugeTlbStat[];
  memory_events?: MemoryEvents | undefined;
}
export const Metrics: MessageType<Metrics> = message<Metrics>({
  name: "io.containerd.cgroups.v2.Metrics",
  empty: () => ({ hugetlb: [] }),
  write(init, writer) {
    if (init.pids !== undefined) writeMessage(PidsStat, init.pids, writer.uint32(10));
    if (init.cpu !== undefined) writeMessage(CPUStat, init.cpu, writer.uint32(18));
    if (init.memory !== undefined) writeMessage(MemoryStat, init.memory, writer.uint32(34));
    if (init.rdma !== undefined) writeMessage(RdmaStat, init.rdma, writer.uint32(42));
    if (init.io !== undefined) writeMessage(IOStat, init.io, writer.uint32(50));
    for (const item of init.hugetlb ?? []) writeMessage(HugeTlbStat, item, writer.uint32(58));
    if (init.memory_events !== undefined) writeMessage(MemoryEvents, init.memory_events, writer.uint32(66));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.pids = readMessage(PidsStat, reader);
        return;
      case 18:
        message.cpu = readMessage(CPUStat, reader);
        return;
      case 34:
        message.memory = readMessage(MemoryStat, reader);
        return;
      case 42:
        message.rdma = readMessage(RdmaStat, reader);
        return;
      case 50:
        message.io = readMessage(IOStat, reader);
        return;
      case 58:
        message.hugetlb.push(readMessage(HugeTlbStat, reader));
        return;
      case 66:
        message.memory_events = readMessage(MemoryEvents, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PSIData {
  avg10: number;
  avg60: number;
  avg300: number;
  total: bigint;
}
export const PSIData: MessageType<PSIData> = message<PSIData>({
  name: "io.containerd.cgroups.v2.PSIData",
  empty: () => ({ avg10: 0, avg60: 0, avg300: 0, total: 0n }),
  write(init, writer) {
    if (init.avg10) writer.uint32(9).double(init.avg10);
    if (init.avg60) writer.uint32(17).double(init.avg60);
    if (init.avg300) writer.uint32(25).double(init.avg300);
    if (init.total) writer.uint32(32).uint64(bits64(init.total));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 9:
        message.avg10 = reader.double();
        return;
      case 17:
        message.avg60 = reader.double();
        return;
      case 25:
        message.avg300 = reader.double();
        return;
      case 32:
        message.total = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PSIStats {
  some?: PSIData | undefined;
  full?: PSIData | undefined;
}
export const PSIStats: MessageType<PSIStats> = message<PSIStats>({
  name: "io.containerd.cgroups.v2.PSIStats",
  empty: () => ({  }),
  write(init, writer) {
    if (init.some !== undefined) writeMessage(PSIData, init.some, writer.uint32(10));
    if (init.full !== undefined) writeMessage(PSIData, init.full, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.some = readMessage(PSIData, reader);
        return;
      case 18:
        message.full = readMessage(PSIData, reader);
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
  name: "io.containerd.cgroups.v2.PidsStat",
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
  usage_usec: bigint;
  user_usec: bigint;
  system_usec: bigint;
  nr_periods: bigint;
  nr_throttled: bigint;
  throttled_usec: bigint;
  psi?: PSIStats | undefined;
}
export const CPUStat: MessageType<CPUStat> = message<CPUStat>({
  name: "io.containerd.cgroups.v2.CPUStat",
  empty: () => ({ usage_usec: 0n, user_usec: 0n, system_usec: 0n, nr_periods: 0n, nr_throttled: 0n, throttled_usec: 0n }),
  write(init, writer) {
    if (init.usage_usec) writer.uint32(8).uint64(bits64(init.usage_usec));
    if (init.user_usec) writer.uint32(16).uint64(bits64(init.user_usec));
    if (init.system_usec) writer.uint32(24).uint64(bits64(init.system_usec));
    if (init.nr_periods) writer.uint32(32).uint64(bits64(init.nr_periods));
    if (init.nr_throttled) writer.uint32(40).uint64(bits64(init.nr_throttled));
    if (init.throttled_usec) writer.uint32(48).uint64(bits64(init.throttled_usec));
    if (init.psi !== undefined) writeMessage(PSIStats, init.psi, writer.uint32(58));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.usage_usec = readUint64(reader);
        return;
      case 16:
        message.user_usec = readUint64(reader);
        return;
      case 24:
        message.system_usec = readUint64(reader);
        return;
      case 32:
        message.nr_periods = readUint64(reader);
        return;
      case 40:
        message.nr_throttled = readUint64(reader);
        return;
      case 48:
        message.throttled_usec = readUint64(reader);
        return;
      case 58:
        message.psi = readMessage(PSIStats, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface MemoryStat {
  anon: bigint;
  file: bigint;
  kernel_stack: bigint;
  slab: bigint;
  sock: bigint;
  shmem: bigint;
  file_mapped: bigint;
  file_dirty: bigint;
  file_writeback: bigint;
  anon_thp: bigint;
  inactive_anon: bigint;
  active_anon: bigint;
  inactive_file: bigint;
  active_file: bigint;
  unevictable: bigint;
  slab_reclaimable: bigint;
  slab_unreclaimable: bigint;
  pgfault: bigint;
  pgmajfault: bigint;
  workingset_refault: bigint;
  workingset_activate: bigint;
  workingset_nodereclaim: bigint;
  pgrefill: bigint;
  pgscan: bigint;
  pgsteal: bigint;
  pgactivate: bigint;
  pgdeactivate: bigint;
  pglazyfree: bigint;
  pglazyfreed: bigint;
  thp_fault_alloc: bigint;
  thp_collapse_alloc: bigint;
  usage: bigint;
  usage_limit: bigint;
  swap_usage: bigint;
  swap_limit: bigint;
  max_usage: bigint;
  swap_max_usage: bigint;
  psi?: PSIStats | undefined;
}
export const MemoryStat: MessageType<MemoryStat> = message<MemoryStat>({
  name: "io.containerd.cgroups.v2.MemoryStat",
  empty: () => ({ anon: 0n, file: 0n, kernel_stack: 0n, slab: 0n, sock: 0n, shmem: 0n, file_mapped: 0n, file_dirty: 0n, file_writeback: 0n, anon_thp: 0n, inactive_anon: 0n, active_anon: 0n, inactive_file: 0n, active_file: 0n, unevictable: 0n, slab_reclaimable: 0n, slab_unreclaimable: 0n, pgfault: 0n, pgmajfault: 0n, workingset_refault: 0n, workingset_activate: 0n, workingset_nodereclaim: 0n, pgrefill: 0n, pgscan: 0n, pgsteal: 0n, pgactivate: 0n, pgdeactivate: 0n, pglazyfree: 0n, pglazyfreed: 0n, thp_fault_alloc: 0n, thp_collapse_alloc: 0n, usage: 0n, usage_limit: 0n, swap_usage: 0n, swap_limit: 0n, max_usage: 0n, swap_max_usage: 0n }),
  write(init, writer) {
    if (init.anon) writer.uint32(8).uint64(bits64(init.anon));
    if (init.file) writer.uint32(16).uint64(bits64(init.file));
    if (init.kernel_stack) writer.uint32(24).uint64(bits64(init.kernel_stack));
    if (init.slab) writer.uint32(32).uint64(bits64(init.slab));
    if (init.sock) writer.uint32(40).uint64(bits64(init.sock));
    if (init.shmem) writer.uint32(48).uint64(bits64(init.shmem));
    if (init.file_mapped) writer.uint32(56).uint64(bits64(init.file_mapped));
    if (init.file_dirty) writer.uint32(64).uint64(bits64(init.file_dirty));
    if (init.file_writeback) writer.uint32(72).uint64(bits64(init.file_writeback));
    if (init.anon_thp) writer.uint32(80).uint64(bits64(init.anon_thp));
    if (init.inactive_anon) writer.uint32(88).uint64(bits64(init.inactive_anon));
    if (init.active_anon) writer.uint32(96).uint64(bits64(init.active_anon));
    if (init.inactive_file) writer.uint32(104).uint64(bits64(init.inactive_file));
    if (init.active_file) writer.uint32(112).uint64(bits64(init.active_file));
    if (init.unevictable) writer.uint32(120).uint64(bits64(init.unevictable));
    if (init.slab_reclaimable) writer.uint32(128).uint64(bits64(init.slab_reclaimable));
    if (init.slab_unreclaimable) writer.uint32(136).uint64(bits64(init.slab_unreclaimable));
    if (init.pgfault) writer.uint32(144).uint64(bits64(init.pgfault));
    if (init.pgmajfault) writer.uint32(152).uint64(bits64(init.pgmajfault));
    if (init.workingset_refault) writer.uint32(160).uint64(bits64(init.workingset_refault));
    if (init.workingset_activate) writer.uint32(168).uint64(bits64(init.workingset_activate));
    if (init.workingset_nodereclaim) writer.uint32(176).uint64(bits64(init.workingset_nodereclaim));
    if (init.pgrefill) writer.uint32(184).uint64(bits64(init.pgrefill));
    if (init.pgscan) writer.uint32(192).uint64(bits64(init.pgscan));
    if (init.pgsteal) writer.uint32(200).uint64(bits64(init.pgsteal));
    if (init.pgactivate) writer.uint32(208).uint64(bits64(init.pgactivate));
    if (init.pgdeactivate) writer.uint32(216).uint64(bits64(init.pgdeactivate));
    if (init.pglazyfree) writer.uint32(224).uint64(bits64(init.pglazyfree));
    if (init.pglazyfreed) writer.uint32(232).uint64(bits64(init.pglazyfreed));
    if (init.thp_fault_alloc) writer.uint32(240).uint64(bits64(init.thp_fault_alloc));
    if (init.thp_collapse_alloc) writer.uint32(248).uint64(bits64(init.thp_collapse_alloc));
    if (init.usage) writer.uint32(256).uint64(bits64(init.usage));
    if (init.usage_limit) writer.uint32(264).uint64(bits64(init.usage_limit));
    if (init.swap_usage) writer.uint32(272).uint64(bits64(init.swap_usage));
    if (init.swap_limit) writer.uint32(280).uint64(bits64(init.swap_limit));
    if (init.max_usage) writer.uint32(288).uint64(bits64(init.max_usage));
    if (init.swap_max_usage) writer.uint32(296).uint64(bits64(init.swap_max_usage));
    if (init.psi !== undefined) writeMessage(PSIStats, init.psi, writer.uint32(306));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.anon = readUint64(reader);
        return;
      case 16:
        message.file = readUint64(reader);
        return;
      case 24:
        message.kernel_stack = readUint64(reader);
        return;
      case 32:
        message.slab = readUint64(reader);
        return;
      case 40:
        message.sock = readUint64(reader);
        return;
      case 48:
        message.shmem = readUint64(reader);
        return;
      case 56:
        message.file_mapped = readUint64(reader);
        return;
      case 64:
        message.file_dirty = readUint64(reader);
        return;
      case 72:
        message.file_writeback = readUint64(reader);
        return;
      case 80:
        message.anon_thp = readUint64(reader);
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
        message.slab_reclaimable = readUint64(reader);
        return;
      case 136:
        message.slab_unreclaimable = readUint64(reader);
        return;
      case 144:
        message.pgfault = readUint64(reader);
        return;
      case 152:
        message.pgmajfault = readUint64(reader);
        return;
      case 160:
        message.workingset_refault = readUint64(reader);
        return;
      case 168:
        message.workingset_activate = readUint64(reader);
        return;
      case 176:
        message.workingset_nodereclaim = readUint64(reader);
        return;
      case 184:
        message.pgrefill = readUint64(reader);
        return;
      case 192:
        message.pgscan = readUint64(reader);
        return;
      case 200:
        message.pgsteal = readUint64(reader);
        return;
      case 208:
        message.pgactivate = readUint64(reader);
        return;
      case 216:
        message.pgdeactivate = readUint64(reader);
        return;
      case 224:
        message.pglazyfree = readUint64(reader);
        return;
      case 232:
        message.pglazyfreed = readUint64(reader);
        return;
      case 240:
        message.thp_fault_alloc = readUint64(reader);
        return;
      case 248:
        message.thp_collapse_alloc = readUint64(reader);
        return;
      case 256:
        message.usage = readUint64(reader);
        return;
      case 264:
        message.usage_limit = readUint64(reader);
        return;
      case 272:
        message.swap_usage = readUint64(reader);
        return;
      case 280:
        message.swap_limit = readUint64(reader);
        return;
      case 288:
        message.max_usage = readUint64(reader);
        return;
      case 296:
        message.swap_max_usage = readUint64(reader);
        return;
      case 306:
        message.psi = readMessage(PSIStats, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface MemoryEvents {
  low: bigint;
  high: bigint;
  max: bigint;
  oom: bigint;
  oom_kill: bigint;
}
export const MemoryEvents: MessageType<MemoryEvents> = message<MemoryEvents>({
  name: "io.containerd.cgroups.v2.MemoryEvents",
  empty: () => ({ low: 0n, high: 0n, max: 0n, oom: 0n, oom_kill: 0n }),
  write(init, writer) {
    if (init.low) writer.uint32(8).uint64(bits64(init.low));
    if (init.high) writer.uint32(16).uint64(bits64(init.high));
    if (init.max) writer.uint32(24).uint64(bits64(init.max));
    if (init.oom) writer.uint32(32).uint64(bits64(init.oom));
    if (init.oom_kill) writer.uint32(40).uint64(bits64(init.oom_kill));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.low = readUint64(reader);
        return;
      case 16:
        message.high = readUint64(reader);
        return;
      case 24:
        message.max = readUint64(reader);
        return;
      case 32:
        message.oom = readUint64(reader);
        return;
      case 40:
        message.oom_kill = readUint64(reader);
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
  name: "io.containerd.cgroups.v2.RdmaStat",
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
  name: "io.containerd.cgroups.v2.RdmaEntry",
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

export interface IOStat {
  usage: IOEntry[];
  psi?: PSIStats | undefined;
}
export const IOStat: MessageType<IOStat> = message<IOStat>({
  name: "io.containerd.cgroups.v2.IOStat",
  empty: () => ({ usage: [] }),
  write(init, writer) {
    for (const item of init.usage ?? []) writeMessage(IOEntry, item, writer.uint32(10));
    if (init.psi !== undefined) writeMessage(PSIStats, init.psi, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.usage.push(readMessage(IOEntry, reader));
        return;
      case 18:
        message.psi = readMessage(PSIStats, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface IOEntry {
  major: bigint;
  minor: bigint;
  rbytes: bigint;
  wbytes: bigint;
  rios: bigint;
  wios: bigint;
}
export const IOEntry: MessageType<IOEntry> = message<IOEntry>({
  name: "io.containerd.cgroups.v2.IOEntry",
  empty: () => ({ major: 0n, minor: 0n, rbytes: 0n, wbytes: 0n, rios: 0n, wios: 0n }),
  write(init, writer) {
    if (init.major) writer.uint32(8).uint64(bits64(init.major));
    if (init.minor) writer.uint32(16).uint64(bits64(init.minor));
    if (init.rbytes) writer.uint32(24).uint64(bits64(init.rbytes));
    if (init.wbytes) writer.uint32(32).uint64(bits64(init.wbytes));
    if (init.rios) writer.uint32(40).uint64(bits64(init.rios));
    if (init.wios) writer.uint32(48).uint64(bits64(init.wios));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.major = readUint64(reader);
        return;
      case 16:
        message.minor = readUint64(reader);
        return;
      case 24:
        message.rbytes = readUint64(reader);
        return;
      case 32:
        message.wbytes = readUint64(reader);
        return;
      case 40:
        message.rios = readUint64(reader);
        return;
      case 48:
        message.wios = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface HugeTlbStat {
  current: bigint;
  max: bigint;
  pagesize: string;
}
export const HugeTlbStat: MessageType<HugeTlbStat> = message<HugeTlbStat>({
  name: "io.containerd.cgroups.v2.HugeTlbStat",
  empty: () => ({ current: 0n, max: 0n, pagesize: "" }),
  write(init, writer) {
    if (init.current) writer.uint32(8).uint64(bits64(init.current));
    if (init.max) writer.uint32(16).uint64(bits64(init.max));
    if (init.pagesize) writer.uint32(26).string(init.pagesize);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.current = readUint64(reader);
        return;
      case 16:
        message.max = readUint64(reader);
        return;
      case 26:
        message.pagesize = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

// Generated from protos/kata/agent.proto by `npm run gen`; do not edit.
import { Empty } from "../google/protobuf/empty.ts";
import { VolumeStatsResponse } from "./csi.ts";
import { LinuxResources, Process, Spec } from "./oci.ts";
import { ARPNeighbor, FSGroupChangePolicy, Interface, Route } from "./types.ts";
import { bits64, message, readEntry, readInt64, readMessage, readPacked, readUint64, type MessageType, writeMessage } from "../../message.ts";
import type { ServiceDescriptor } from "../../service.ts";

export interface CreateContainerRequest {
  container_id: string;
  exec_id: string;
  string_user?: StringUser | undefined;
  devices: Device[];
  storages: Storage[];
  OCI?: Spec | undefined;
  sandbox_pidns: boolean;
  shared_mounts: SharedMount[];
  stdin_port: number;
  stdout_port: number;
  stderr_port: number;
}
export const CreateContainerRequest: MessageType<CreateContainerRequest> = message<CreateContainerRequest>({
  name: "grpc.CreateContainerRequest",
  empty: () => ({ container_id: "", exec_id: "", devices: [], storages: [], sandbox_pidns: false, shared_mounts: [], stdin_port: 0, stdout_port: 0, stderr_port: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.string_user !== undefined) writeMessage(StringUser, init.string_user, writer.uint32(26));
    for (const item of init.devices ?? []) writeMessage(Device, item, writer.uint32(34));
    for (const item of init.storages ?? []) writeMessage(Storage, item, writer.uint32(42));
    if (init.OCI !== undefined) writeMessage(Spec, init.OCI, writer.uint32(50));
    if (init.sandbox_pidns) writer.uint32(56).bool(init.sandbox_pidns);
    for (const item of init.shared_mounts ?? []) writeMessage(SharedMount, item, writer.uint32(66));
    if (init.stdin_port) writer.uint32(72).uint32(init.stdin_port);
    if (init.stdout_port) writer.uint32(80).uint32(init.stdout_port);
    if (init.stderr_port) writer.uint32(88).uint32(init.stderr_port);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 26:
        message.string_user = readMessage(StringUser, reader);
        return;
      case 34:
        message.devices.push(readMessage(Device, reader));
        return;
      case 42:
        message.storages.push(readMessage(Storage, reader));
        return;
      case 50:
        message.OCI = readMessage(Spec, reader);
        return;
      case 56:
        message.sandbox_pidns = reader.bool();
        return;
      case 66:
        message.shared_mounts.push(readMessage(SharedMount, reader));
        return;
      case 72:
        message.stdin_port = reader.uint32();
        return;
      case 80:
        message.stdout_port = reader.uint32();
        return;
      case 88:
        message.stderr_port = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StartContainerRequest {
  container_id: string;
}
export const StartContainerRequest: MessageType<StartContainerRequest> = message<StartContainerRequest>({
  name: "grpc.StartContainerRequest",
  empty: () => ({ container_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface RemoveContainerRequest {
  container_id: string;
  timeout: number;
}
export const RemoveContainerRequest: MessageType<RemoveContainerRequest> = message<RemoveContainerRequest>({
  name: "grpc.RemoveContainerRequest",
  empty: () => ({ container_id: "", timeout: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.timeout) writer.uint32(16).uint32(init.timeout);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 16:
        message.timeout = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ExecProcessRequest {
  container_id: string;
  exec_id: string;
  string_user?: StringUser | undefined;
  process?: Process | undefined;
  stdin_port: number;
  stdout_port: number;
  stderr_port: number;
}
export const ExecProcessRequest: MessageType<ExecProcessRequest> = message<ExecProcessRequest>({
  name: "grpc.ExecProcessRequest",
  empty: () => ({ container_id: "", exec_id: "", stdin_port: 0, stdout_port: 0, stderr_port: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.string_user !== undefined) writeMessage(StringUser, init.string_user, writer.uint32(26));
    if (init.process !== undefined) writeMessage(Process, init.process, writer.uint32(34));
    if (init.stdin_port) writer.uint32(40).uint32(init.stdin_port);
    if (init.stdout_port) writer.uint32(48).uint32(init.stdout_port);
    if (init.stderr_port) writer.uint32(56).uint32(init.stderr_port);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 26:
        message.string_user = readMessage(StringUser, reader);
        return;
      case 34:
        message.process = readMessage(Process, reader);
        return;
      case 40:
        message.stdin_port = reader.uint32();
        return;
      case 48:
        message.stdout_port = reader.uint32();
        return;
      case 56:
        message.stderr_port = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SignalProcessRequest {
  container_id: string;
  exec_id: string;
  signal: number;
}
export const SignalProcessRequest: MessageType<SignalProcessRequest> = message<SignalProcessRequest>({
  name: "grpc.SignalProcessRequest",
  empty: () => ({ container_id: "", exec_id: "", signal: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.signal) writer.uint32(24).uint32(init.signal);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 24:
        message.signal = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface WaitProcessRequest {
  container_id: string;
  exec_id: string;
}
export const WaitProcessRequest: MessageType<WaitProcessRequest> = message<WaitProcessRequest>({
  name: "grpc.WaitProcessRequest",
  empty: () => ({ container_id: "", exec_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface WaitProcessResponse {
  status: number;
}
export const WaitProcessResponse: MessageType<WaitProcessResponse> = message<WaitProcessResponse>({
  name: "grpc.WaitProcessResponse",
  empty: () => ({ status: 0 }),
  write(init, writer) {
    if (init.status) writer.uint32(8).int32(init.status);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.status = reader.int32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface UpdateContainerRequest {
  container_id: string;
  resources?: LinuxResources | undefined;
}
export const UpdateContainerRequest: MessageType<UpdateContainerRequest> = message<UpdateContainerRequest>({
  name: "grpc.UpdateContainerRequest",
  empty: () => ({ container_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.resources !== undefined) writeMessage(LinuxResources, init.resources, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.resources = readMessage(LinuxResources, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StatsContainerRequest {
  container_id: string;
}
export const StatsContainerRequest: MessageType<StatsContainerRequest> = message<StatsContainerRequest>({
  name: "grpc.StatsContainerRequest",
  empty: () => ({ container_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PauseContainerRequest {
  container_id: string;
}
export const PauseContainerRequest: MessageType<PauseContainerRequest> = message<PauseContainerRequest>({
  name: "grpc.PauseContainerRequest",
  empty: () => ({ container_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ResumeContainerRequest {
  container_id: string;
}
export const ResumeContainerRequest: MessageType<ResumeContainerRequest> = message<ResumeContainerRequest>({
  name: "grpc.ResumeContainerRequest",
  empty: () => ({ container_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CpuUsage {
  total_usage: bigint;
  percpu_usage: bigint[];
  usage_in_kernelmode: bigint;
  usage_in_usermode: bigint;
}
export const CpuUsage: MessageType<CpuUsage> = message<CpuUsage>({
  name: "grpc.CpuUsage",
  empty: () => ({ total_usage: 0n, percpu_usage: [], usage_in_kernelmode: 0n, usage_in_usermode: 0n }),
  write(init, writer) {
    if (init.total_usage) writer.uint32(8).uint64(bits64(init.total_usage));
    if (init.percpu_usage?.length) {
      writer.uint32(18).fork();
      for (const item of init.percpu_usage) writer.uint64(bits64(item));
      writer.ldelim();
    }
    if (init.usage_in_kernelmode) writer.uint32(24).uint64(bits64(init.usage_in_kernelmode));
    if (init.usage_in_usermode) writer.uint32(32).uint64(bits64(init.usage_in_usermode));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.total_usage = readUint64(reader);
        return;
      case 18:
        readPacked(reader, () => message.percpu_usage.push(readUint64(reader)));
        return;
      case 16:
        message.percpu_usage.push(readUint64(reader));
        return;
      case 24:
        message.usage_in_kernelmode = readUint64(reader);
        return;
      case 32:
        message.usage_in_usermode = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ThrottlingData {
  periods: bigint;
  throttled_periods: bigint;
  throttled_time: bigint;
}
export const ThrottlingData: MessageType<ThrottlingData> = message<ThrottlingData>({
  name: "grpc.ThrottlingData",
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

export interface CpuStats {
  cpu_usage?: CpuUsage | undefined;
  throttling_data?: ThrottlingData | undefined;
}
export const CpuStats: MessageType<CpuStats> = message<CpuStats>({
  name: "grpc.CpuStats",
  empty: () => ({  }),
  write(init, writer) {
    if (init.cpu_usage !== undefined) writeMessage(CpuUsage, init.cpu_usage, writer.uint32(10));
    if (init.throttling_data !== undefined) writeMessage(ThrottlingData, init.throttling_data, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.cpu_usage = readMessage(CpuUsage, reader);
        return;
      case 18:
        message.throttling_data = readMessage(ThrottlingData, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PidsStats {
  current: bigint;
  limit: bigint;
}
export const PidsStats: MessageType<PidsStats> = message<PidsStats>({
  name: "grpc.PidsStats",
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

export interface MemoryData {
  usage: bigint;
  max_usage: bigint;
  failcnt: bigint;
  limit: bigint;
}
export const MemoryData: MessageType<MemoryData> = message<MemoryData>({
  name: "grpc.MemoryData",
  empty: () => ({ usage: 0n, max_usage: 0n, failcnt: 0n, limit: 0n }),
  write(init, writer) {
    if (init.usage) writer.uint32(8).uint64(bits64(init.usage));
    if (init.max_usage) writer.uint32(16).uint64(bits64(init.max_usage));
    if (init.failcnt) writer.uint32(24).uint64(bits64(init.failcnt));
    if (init.limit) writer.uint32(32).uint64(bits64(init.limit));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.usage = readUint64(reader);
        return;
      case 16:
        message.max_usage = readUint64(reader);
        return;
      case 24:
        message.failcnt = readUint64(reader);
        return;
      case 32:
        message.limit = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface MemoryStats {
  cache: bigint;
  usage?: MemoryData | undefined;
  swap_usage?: MemoryData | undefined;
  kernel_usage?: MemoryData | undefined;
  use_hierarchy: boolean;
  stats: Record<string, bigint>;
}
export const MemoryStats: MessageType<MemoryStats> = message<MemoryStats>({
  name: "grpc.MemoryStats",
  empty: () => ({ cache: 0n, use_hierarchy: false, stats: {} }),
  write(init, writer) {
    if (init.cache) writer.uint32(8).uint64(bits64(init.cache));
    if (init.usage !== undefined) writeMessage(MemoryData, init.usage, writer.uint32(18));
    if (init.swap_usage !== undefined) writeMessage(MemoryData, init.swap_usage, writer.uint32(26));
    if (init.kernel_usage !== undefined) writeMessage(MemoryData, init.kernel_usage, writer.uint32(34));
    if (init.use_hierarchy) writer.uint32(40).bool(init.use_hierarchy);
    for (const [key, value] of Object.entries(init.stats ?? {})) writer.uint32(50).fork().uint32(10).string(key).uint32(16).uint64(bits64(value ?? 0n)).ldelim();
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.cache = readUint64(reader);
        return;
      case 18:
        message.usage = readMessage(MemoryData, reader);
        return;
      case 26:
        message.swap_usage = readMessage(MemoryData, reader);
        return;
      case 34:
        message.kernel_usage = readMessage(MemoryData, reader);
        return;
      case 40:
        message.use_hierarchy = reader.bool();
        return;
      case 50:
        readEntry(message.stats, 0n, { reader, value: () => readUint64(reader) });
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface BlkioStatsEntry {
  major: bigint;
  minor: bigint;
  op: string;
  value: bigint;
}
export const BlkioStatsEntry: MessageType<BlkioStatsEntry> = message<BlkioStatsEntry>({
  name: "grpc.BlkioStatsEntry",
  empty: () => ({ major: 0n, minor: 0n, op: "", value: 0n }),
  write(init, writer) {
    if (init.major) writer.uint32(8).uint64(bits64(init.major));
    if (init.minor) writer.uint32(16).uint64(bits64(init.minor));
    if (init.op) writer.uint32(26).string(init.op);
    if (init.value) writer.uint32(32).uint64(bits64(init.value));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.major = readUint64(reader);
        return;
      case 16:
        message.minor = readUint64(reader);
        return;
      case 26:
        message.op = reader.stringVerify();
        return;
      case 32:
        message.value = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface BlkioStats {
  io_service_bytes_recursive: BlkioStatsEntry[];
  io_serviced_recursive: BlkioStatsEntry[];
  io_queued_recursive: BlkioStatsEntry[];
  io_service_time_recursive: BlkioStatsEntry[];
  io_wait_time_recursive: BlkioStatsEntry[];
  io_merged_recursive: BlkioStatsEntry[];
  io_time_recursive: BlkioStatsEntry[];
  sectors_recursive: BlkioStatsEntry[];
}
export const BlkioStats: MessageType<BlkioStats> = message<BlkioStats>({
  name: "grpc.BlkioStats",
  empty: () => ({ io_service_bytes_recursive: [], io_serviced_recursive: [], io_queued_recursive: [], io_service_time_recursive: [], io_wait_time_recursive: [], io_merged_recursive: [], io_time_recursive: [], sectors_recursive: [] }),
  write(init, writer) {
    for (const item of init.io_service_bytes_recursive ?? []) writeMessage(BlkioStatsEntry, item, writer.uint32(10));
    for (const item of init.io_serviced_recursive ?? []) writeMessage(BlkioStatsEntry, item, writer.uint32(18));
    for (const item of init.io_queued_recursive ?? []) writeMessage(BlkioStatsEntry, item, writer.uint32(26));
    for (const item of init.io_service_time_recursive ?? []) writeMessage(BlkioStatsEntry, item, writer.uint32(34));
    for (const item of init.io_wait_time_recursive ?? []) writeMessage(BlkioStatsEntry, item, writer.uint32(42));
    for (const item of init.io_merged_recursive ?? []) writeMessage(BlkioStatsEntry, item, writer.uint32(50));
    for (const item of init.io_time_recursive ?? []) writeMessage(BlkioStatsEntry, item, writer.uint32(58));
    for (const item of init.sectors_recursive ?? []) writeMessage(BlkioStatsEntry, item, writer.uint32(66));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.io_service_bytes_recursive.push(readMessage(BlkioStatsEntry, reader));
        return;
      case 18:
        message.io_serviced_recursive.push(readMessage(BlkioStatsEntry, reader));
        return;
      case 26:
        message.io_queued_recursive.push(readMessage(BlkioStatsEntry, reader));
        return;
      case 34:
        message.io_service_time_recursive.push(readMessage(BlkioStatsEntry, reader));
        return;
      case 42:
        message.io_wait_time_recursive.push(readMessage(BlkioStatsEntry, reader));
        return;
      case 50:
        message.io_merged_recursive.push(readMessage(BlkioStatsEntry, reader));
        return;
      case 58:
        message.io_time_recursive.push(readMessage(BlkioStatsEntry, reader));
        return;
      case 66:
        message.sectors_recursive.push(readMessage(BlkioStatsEntry, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface HugetlbStats {
  usage: bigint;
  max_usage: bigint;
  failcnt: bigint;
}
export const HugetlbStats: MessageType<HugetlbStats> = message<HugetlbStats>({
  name: "grpc.HugetlbStats",
  empty: () => ({ usage: 0n, max_usage: 0n, failcnt: 0n }),
  write(init, writer) {
    if (init.usage) writer.uint32(8).uint64(bits64(init.usage));
    if (init.max_usage) writer.uint32(16).uint64(bits64(init.max_usage));
    if (init.failcnt) writer.uint32(24).uint64(bits64(init.failcnt));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.usage = readUint64(reader);
        return;
      case 16:
        message.max_usage = readUint64(reader);
        return;
      case 24:
        message.failcnt = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CgroupStats {
  cpu_stats?: CpuStats | undefined;
  memory_stats?: MemoryStats | undefined;
  pids_stats?: PidsStats | undefined;
  blkio_stats?: BlkioStats | undefined;
  hugetlb_stats: Record<string, HugetlbStats>;
}
export const CgroupStats: MessageType<CgroupStats> = message<CgroupStats>({
  name: "grpc.CgroupStats",
  empty: () => ({ hugetlb_stats: {} }),
  write(init, writer) {
    if (init.cpu_stats !== undefined) writeMessage(CpuStats, init.cpu_stats, writer.uint32(10));
    if (init.memory_stats !== undefined) writeMessage(MemoryStats, init.memory_stats, writer.uint32(18));
    if (init.pids_stats !== undefined) writeMessage(PidsStats, init.pids_stats, writer.uint32(26));
    if (init.blkio_stats !== undefined) writeMessage(BlkioStats, init.blkio_stats, writer.uint32(34));
    for (const [key, value] of Object.entries(init.hugetlb_stats ?? {})) {
      writer.uint32(42).fork().uint32(10).string(key);
      writeMessage(HugetlbStats, value ?? {}, writer.uint32(18));
      writer.ldelim();
    }
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.cpu_stats = readMessage(CpuStats, reader);
        return;
      case 18:
        message.memory_stats = readMessage(MemoryStats, reader);
        return;
      case 26:
        message.pids_stats = readMessage(PidsStats, reader);
        return;
      case 34:
        message.blkio_stats = readMessage(BlkioStats, reader);
        return;
      case 42:
        readEntry(message.hugetlb_stats, HugetlbStats.create({}), { reader, value: () => readMessage(HugetlbStats, reader) });
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface NetworkStats {
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
export const NetworkStats: MessageType<NetworkStats> = message<NetworkStats>({
  name: "grpc.NetworkStats",
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

export interface StatsContainerResponse {
  cgroup_stats?: CgroupStats | undefined;
  network_stats: NetworkStats[];
}
export const StatsContainerResponse: MessageType<StatsContainerResponse> = message<StatsContainerResponse>({
  name: "grpc.StatsContainerResponse",
  empty: () => ({ network_stats: [] }),
  write(init, writer) {
    if (init.cgroup_stats !== undefined) writeMessage(CgroupStats, init.cgroup_stats, writer.uint32(10));
    for (const item of init.network_stats ?? []) writeMessage(NetworkStats, item, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.cgroup_stats = readMessage(CgroupStats, reader);
        return;
      case 18:
        message.network_stats.push(readMessage(NetworkStats, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface WriteStreamRequest {
  container_id: string;
  exec_id: string;
  data: Uint8Array;
}
export const WriteStreamRequest: MessageType<WriteStreamRequest> = message<WriteStreamRequest>({
  name: "grpc.WriteStreamRequest",
  empty: () => ({ container_id: "", exec_id: "", data: new Uint8Array(0) }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.data?.length) writer.uint32(26).bytes(init.data);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 26:
        message.data = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface WriteStreamResponse {
  len: number;
}
export const WriteStreamResponse: MessageType<WriteStreamResponse> = message<WriteStreamResponse>({
  name: "grpc.WriteStreamResponse",
  empty: () => ({ len: 0 }),
  write(init, writer) {
    if (init.len) writer.uint32(8).uint32(init.len);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.len = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ReadStreamRequest {
  container_id: string;
  exec_id: string;
  len: number;
}
export const ReadStreamRequest: MessageType<ReadStreamRequest> = message<ReadStreamRequest>({
  name: "grpc.ReadStreamRequest",
  empty: () => ({ container_id: "", exec_id: "", len: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.len) writer.uint32(24).uint32(init.len);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 24:
        message.len = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ReadStreamResponse {
  data: Uint8Array;
}
export const ReadStreamResponse: MessageType<ReadStreamResponse> = message<ReadStreamResponse>({
  name: "grpc.ReadStreamResponse",
  empty: () => ({ data: new Uint8Array(0) }),
  write(init, writer) {
    if (init.data?.length) writer.uint32(10).bytes(init.data);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.data = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CloseStdinRequest {
  container_id: string;
  exec_id: string;
}
export const CloseStdinRequest: MessageType<CloseStdinRequest> = message<CloseStdinRequest>({
  name: "grpc.CloseStdinRequest",
  empty: () => ({ container_id: "", exec_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TtyWinResizeRequest {
  container_id: string;
  exec_id: string;
  row: number;
  column: number;
}
export const TtyWinResizeRequest: MessageType<TtyWinResizeRequest> = message<TtyWinResizeRequest>({
  name: "grpc.TtyWinResizeRequest",
  empty: () => ({ container_id: "", exec_id: "", row: 0, column: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.row) writer.uint32(24).uint32(init.row);
    if (init.column) writer.uint32(32).uint32(init.column);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 24:
        message.row = reader.uint32();
        return;
      case 32:
        message.column = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface KernelModule {
  name: string;
  parameters: string[];
}
export const KernelModule: MessageType<KernelModule> = message<KernelModule>({
  name: "grpc.KernelModule",
  empty: () => ({ name: "", parameters: [] }),
  write(init, writer) {
    if (init.name) writer.uint32(10).string(init.name);
    for (const item of init.parameters ?? []) writer.uint32(18).string(item);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.name = reader.stringVerify();
        return;
      case 18:
        message.parameters.push(reader.stringVerify());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CreateSandboxRequest {
  hostname: string;
  dns: string[];
  storages: Storage[];
  sandbox_pidns: boolean;
  sandbox_id: string;
  guest_hook_path: string;
  kernel_modules: KernelModule[];
}
export const CreateSandboxRequest: MessageType<CreateSandboxRequest> = message<CreateSandboxRequest>({
  name: "grpc.CreateSandboxRequest",
  empty: () => ({ hostname: "", dns: [], storages: [], sandbox_pidns: false, sandbox_id: "", guest_hook_path: "", kernel_modules: [] }),
  write(init, writer) {
    if (init.hostname) writer.uint32(10).string(init.hostname);
    for (const item of init.dns ?? []) writer.uint32(18).string(item);
    for (const item of init.storages ?? []) writeMessage(Storage, item, writer.uint32(26));
    if (init.sandbox_pidns) writer.uint32(32).bool(init.sandbox_pidns);
    if (init.sandbox_id) writer.uint32(42).string(init.sandbox_id);
    if (init.guest_hook_path) writer.uint32(50).string(init.guest_hook_path);
    for (const item of init.kernel_modules ?? []) writeMessage(KernelModule, item, writer.uint32(58));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.hostname = reader.stringVerify();
        return;
      case 18:
        message.dns.push(reader.stringVerify());
        return;
      case 26:
        message.storages.push(readMessage(Storage, reader));
        return;
      case 32:
        message.sandbox_pidns = reader.bool();
        return;
      case 42:
        message.sandbox_id = reader.stringVerify();
        return;
      case 50:
        message.guest_hook_path = reader.stringVerify();
        return;
      case 58:
        message.kernel_modules.push(readMessage(KernelModule, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type DestroySandboxRequest = Record<never, never>;
export const DestroySandboxRequest: MessageType<DestroySandboxRequest> = message<DestroySandboxRequest>({
  name: "grpc.DestroySandboxRequest",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export type RemoveStaleVirtiofsShareMountsRequest = Record<never, never>;
export const RemoveStaleVirtiofsShareMountsRequest: MessageType<RemoveStaleVirtiofsShareMountsRequest> = message<RemoveStaleVirtiofsShareMountsRequest>({
  name: "grpc.RemoveStaleVirtiofsShareMountsRequest",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface Interfaces {
  Interfaces: Interface[];
}
export const Interfaces: MessageType<Interfaces> = message<Interfaces>({
  name: "grpc.Interfaces",
  empty: () => ({ Interfaces: [] }),
  write(init, writer) {
    for (const item of init.Interfaces ?? []) writeMessage(Interface, item, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Interfaces.push(readMessage(Interface, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Routes {
  Routes: Route[];
}
export const Routes: MessageType<Routes> = message<Routes>({
  name: "grpc.Routes",
  empty: () => ({ Routes: [] }),
  write(init, writer) {
    for (const item of init.Routes ?? []) writeMessage(Route, item, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Routes.push(readMessage(Route, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface UpdateInterfaceRequest {
  interface?: Interface | undefined;
}
export const UpdateInterfaceRequest: MessageType<UpdateInterfaceRequest> = message<UpdateInterfaceRequest>({
  name: "grpc.UpdateInterfaceRequest",
  empty: () => ({  }),
  write(init, writer) {
    if (init.interface !== undefined) writeMessage(Interface, init.interface, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.interface = readMessage(Interface, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface UpdateRoutesRequest {
  routes?: Routes | undefined;
}
export const UpdateRoutesRequest: MessageType<UpdateRoutesRequest> = message<UpdateRoutesRequest>({
  name: "grpc.UpdateRoutesRequest",
  empty: () => ({  }),
  write(init, writer) {
    if (init.routes !== undefined) writeMessage(Routes, init.routes, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.routes = readMessage(Routes, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface UpdateEphemeralMountsRequest {
  storages: Storage[];
}
export const UpdateEphemeralMountsRequest: MessageType<UpdateEphemeralMountsRequest> = message<UpdateEphemeralMountsRequest>({
  name: "grpc.UpdateEphemeralMountsRequest",
  empty: () => ({ storages: [] }),
  write(init, writer) {
    for (const item of init.storages ?? []) writeMessage(Storage, item, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.storages.push(readMessage(Storage, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type ListInterfacesRequest = Record<never, never>;
export const ListInterfacesRequest: MessageType<ListInterfacesRequest> = message<ListInterfacesRequest>({
  name: "grpc.ListInterfacesRequest",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export type ListRoutesRequest = Record<never, never>;
export const ListRoutesRequest: MessageType<ListRoutesRequest> = message<ListRoutesRequest>({
  name: "grpc.ListRoutesRequest",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface ARPNeighbors {
  ARPNeighbors: ARPNeighbor[];
}
export const ARPNeighbors: MessageType<ARPNeighbors> = message<ARPNeighbors>({
  name: "grpc.ARPNeighbors",
  empty: () => ({ ARPNeighbors: [] }),
  write(init, writer) {
    for (const item of init.ARPNeighbors ?? []) writeMessage(ARPNeighbor, item, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.ARPNeighbors.push(readMessage(ARPNeighbor, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface AddARPNeighborsRequest {
  neighbors?: ARPNeighbors | undefined;
}
export const AddARPNeighborsRequest: MessageType<AddARPNeighborsRequest> = message<AddARPNeighborsRequest>({
  name: "grpc.AddARPNeighborsRequest",
  empty: () => ({  }),
  write(init, writer) {
    if (init.neighbors !== undefined) writeMessage(ARPNeighbors, init.neighbors, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.neighbors = readMessage(ARPNeighbors, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface GetIPTablesRequest {
  is_ipv6: boolean;
}
export const GetIPTablesRequest: MessageType<GetIPTablesRequest> = message<GetIPTablesRequest>({
  name: "grpc.GetIPTablesRequest",
  empty: () => ({ is_ipv6: false }),
  write(init, writer) {
    if (init.is_ipv6) writer.uint32(8).bool(init.is_ipv6);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.is_ipv6 = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface GetIPTablesResponse {
  data: Uint8Array;
}
export const GetIPTablesResponse: MessageType<GetIPTablesResponse> = message<GetIPTablesResponse>({
  name: "grpc.GetIPTablesResponse",
  empty: () => ({ data: new Uint8Array(0) }),
  write(init, writer) {
    if (init.data?.length) writer.uint32(10).bytes(init.data);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.data = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SetIPTablesRequest {
  is_ipv6: boolean;
  data: Uint8Array;
}
export const SetIPTablesRequest: MessageType<SetIPTablesRequest> = message<SetIPTablesRequest>({
  name: "grpc.SetIPTablesRequest",
  empty: () => ({ is_ipv6: false, data: new Uint8Array(0) }),
  write(init, writer) {
    if (init.is_ipv6) writer.uint32(8).bool(init.is_ipv6);
    if (init.data?.length) writer.uint32(18).bytes(init.data);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.is_ipv6 = reader.bool();
        return;
      case 18:
        message.data = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SetIPTablesResponse {
  data: Uint8Array;
}
export const SetIPTablesResponse: MessageType<SetIPTablesResponse> = message<SetIPTablesResponse>({
  name: "grpc.SetIPTablesResponse",
  empty: () => ({ data: new Uint8Array(0) }),
  write(init, writer) {
    if (init.data?.length) writer.uint32(10).bytes(init.data);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.data = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface OnlineCPUMemRequest {
  wait: boolean;
  nb_cpus: number;
  cpu_only: boolean;
}
export const OnlineCPUMemRequest: MessageType<OnlineCPUMemRequest> = message<OnlineCPUMemRequest>({
  name: "grpc.OnlineCPUMemRequest",
  empty: () => ({ wait: false, nb_cpus: 0, cpu_only: false }),
  write(init, writer) {
    if (init.wait) writer.uint32(8).bool(init.wait);
    if (init.nb_cpus) writer.uint32(16).uint32(init.nb_cpus);
    if (init.cpu_only) writer.uint32(24).bool(init.cpu_only);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.wait = reader.bool();
        return;
      case 16:
        message.nb_cpus = reader.uint32();
        return;
      case 24:
        message.cpu_only = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ReseedRandomDevRequest {
  data: Uint8Array;
}
export const ReseedRandomDevRequest: MessageType<ReseedRandomDevRequest> = message<ReseedRandomDevRequest>({
  name: "grpc.ReseedRandomDevRequest",
  empty: () => ({ data: new Uint8Array(0) }),
  write(init, writer) {
    if (init.data?.length) writer.uint32(18).bytes(init.data);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 18:
        message.data = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface AgentDetails {
  version: string;
  init_daemon: boolean;
  device_handlers: string[];
  storage_handlers: string[];
  supports_seccomp: boolean;
  extra_features: string[];
}
export const AgentDetails: MessageType<AgentDetails> = message<AgentDetails>({
  name: "grpc.AgentDetails",
  empty: () => ({ version: "", init_daemon: false, device_handlers: [], storage_handlers: [], supports_seccomp: false, extra_features: [] }),
  write(init, writer) {
    if (init.version) writer.uint32(10).string(init.version);
    if (init.init_daemon) writer.uint32(16).bool(init.init_daemon);
    for (const item of init.device_handlers ?? []) writer.uint32(26).string(item);
    for (const item of init.storage_handlers ?? []) writer.uint32(34).string(item);
    if (init.supports_seccomp) writer.uint32(40).bool(init.supports_seccomp);
    for (const item of init.extra_features ?? []) writer.uint32(50).string(item);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.version = reader.stringVerify();
        return;
      case 16:
        message.init_daemon = reader.bool();
        return;
      case 26:
        message.device_handlers.push(reader.stringVerify());
        return;
      case 34:
        message.storage_handlers.push(reader.stringVerify());
        return;
      case 40:
        message.supports_seccomp = reader.bool();
        return;
      case 50:
        message.extra_features.push(reader.stringVerify());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface GuestDetailsRequest {
  mem_block_size: boolean;
  mem_hotplug_probe: boolean;
}
export const GuestDetailsRequest: MessageType<GuestDetailsRequest> = message<GuestDetailsRequest>({
  name: "grpc.GuestDetailsRequest",
  empty: () => ({ mem_block_size: false, mem_hotplug_probe: false }),
  write(init, writer) {
    if (init.mem_block_size) writer.uint32(8).bool(init.mem_block_size);
    if (init.mem_hotplug_probe) writer.uint32(16).bool(init.mem_hotplug_probe);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.mem_block_size = reader.bool();
        return;
      case 16:
        message.mem_hotplug_probe = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface GuestDetailsResponse {
  mem_block_size_bytes: bigint;
  agent_details?: AgentDetails | undefined;
  support_mem_hotplug_probe: boolean;
}
export const GuestDetailsResponse: MessageType<GuestDetailsResponse> = message<GuestDetailsResponse>({
  name: "grpc.GuestDetailsResponse",
  empty: () => ({ mem_block_size_bytes: 0n, support_mem_hotplug_probe: false }),
  write(init, writer) {
    if (init.mem_block_size_bytes) writer.uint32(8).uint64(bits64(init.mem_block_size_bytes));
    if (init.agent_details !== undefined) writeMessage(AgentDetails, init.agent_details, writer.uint32(18));
    if (init.support_mem_hotplug_probe) writer.uint32(24).bool(init.support_mem_hotplug_probe);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.mem_block_size_bytes = readUint64(reader);
        return;
      case 18:
        message.agent_details = readMessage(AgentDetails, reader);
        return;
      case 24:
        message.support_mem_hotplug_probe = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface MemHotplugByProbeRequest {
  memHotplugProbeAddr: bigint[];
}
export const MemHotplugByProbeRequest: MessageType<MemHotplugByProbeRequest> = message<MemHotplugByProbeRequest>({
  name: "grpc.MemHotplugByProbeRequest",
  empty: () => ({ memHotplugProbeAddr: [] }),
  write(init, writer) {
    if (init.memHotplugProbeAddr?.length) {
      writer.uint32(10).fork();
      for (const item of init.memHotplugProbeAddr) writer.uint64(bits64(item));
      writer.ldelim();
    }
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        readPacked(reader, () => message.memHotplugProbeAddr.push(readUint64(reader)));
        return;
      case 8:
        message.memHotplugProbeAddr.push(readUint64(reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SetGuestDateTimeRequest {
  Sec: bigint;
  Usec: bigint;
}
export const SetGuestDateTimeRequest: MessageType<SetGuestDateTimeRequest> = message<SetGuestDateTimeRequest>({
  name: "grpc.SetGuestDateTimeRequest",
  empty: () => ({ Sec: 0n, Usec: 0n }),
  write(init, writer) {
    if (init.Sec) writer.uint32(8).int64(bits64(init.Sec));
    if (init.Usec) writer.uint32(16).int64(bits64(init.Usec));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.Sec = readInt64(reader);
        return;
      case 16:
        message.Usec = readInt64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface FSGroup {
  group_id: number;
  group_change_policy: FSGroupChangePolicy;
}
export const FSGroup: MessageType<FSGroup> = message<FSGroup>({
  name: "grpc.FSGroup",
  empty: () => ({ group_id: 0, group_change_policy: 0 }),
  write(init, writer) {
    if (init.group_id) writer.uint32(16).uint32(init.group_id);
    if (init.group_change_policy) writer.uint32(24).int32(init.group_change_policy);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 16:
        message.group_id = reader.uint32();
        return;
      case 24:
        message.group_change_policy = reader.int32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SharedMount {
  name: string;
  src_ctr: string;
  src_path: string;
  dst_ctr: string;
  dst_path: string;
}
export const SharedMount: MessageType<SharedMount> = message<SharedMount>({
  name: "grpc.SharedMount",
  empty: () => ({ name: "", src_ctr: "", src_path: "", dst_ctr: "", dst_path: "" }),
  write(init, writer) {
    if (init.name) writer.uint32(10).string(init.name);
    if (init.src_ctr) writer.uint32(18).string(init.src_ctr);
    if (init.src_path) writer.uint32(26).string(init.src_path);
    if (init.dst_ctr) writer.uint32(34).string(init.dst_ctr);
    if (init.dst_path) writer.uint32(42).string(init.dst_path);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.name = reader.stringVerify();
        return;
      case 18:
        message.src_ctr = reader.stringVerify();
        return;
      case 26:
        message.src_path = reader.stringVerify();
        return;
      case 34:
        message.dst_ctr = reader.stringVerify();
        return;
      case 42:
        message.dst_path = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Storage {
  driver: string;
  driver_options: string[];
  source: string;
  fstype: string;
  options: string[];
  mount_point: string;
  fs_group?: FSGroup | undefined;
  shared: boolean;
}
export const Storage: MessageType<Storage> = message<Storage>({
  name: "grpc.Storage",
  empty: () => ({ driver: "", driver_options: [], source: "", fstype: "", options: [], mount_point: "", shared: false }),
  write(init, writer) {
    if (init.driver) writer.uint32(10).string(init.driver);
    for (const item of init.driver_options ?? []) writer.uint32(18).string(item);
    if (init.source) writer.uint32(26).string(init.source);
    if (init.fstype) writer.uint32(34).string(init.fstype);
    for (const item of init.options ?? []) writer.uint32(42).string(item);
    if (init.mount_point) writer.uint32(50).string(init.mount_point);
    if (init.fs_group !== undefined) writeMessage(FSGroup, init.fs_group, writer.uint32(58));
    if (init.shared) writer.uint32(64).bool(init.shared);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.driver = reader.stringVerify();
        return;
      case 18:
        message.driver_options.push(reader.stringVerify());
        return;
      case 26:
        message.source = reader.stringVerify();
        return;
      case 34:
        message.fstype = reader.stringVerify();
        return;
      case 42:
        message.options.push(reader.stringVerify());
        return;
      case 50:
        message.mount_point = reader.stringVerify();
        return;
      case 58:
        message.fs_group = readMessage(FSGroup, reader);
        return;
      case 64:
        message.shared = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Device {
  id: string;
  type: string;
  vm_path: string;
  container_path: string;
  options: string[];
}
export const Device: MessageType<Device> = message<Device>({
  name: "grpc.Device",
  empty: () => ({ id: "", type: "", vm_path: "", container_path: "", options: [] }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.type) writer.uint32(18).string(init.type);
    if (init.vm_path) writer.uint32(26).string(init.vm_path);
    if (init.container_path) writer.uint32(34).string(init.container_path);
    for (const item of init.options ?? []) writer.uint32(42).string(item);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.type = reader.stringVerify();
        return;
      case 26:
        message.vm_path = reader.stringVerify();
        return;
      case 34:
        message.container_path = reader.stringVerify();
        return;
      case 42:
        message.options.push(reader.stringVerify());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StringUser {
  uid: string;
  gid: string;
  additionalGids: string[];
}
export const StringUser: MessageType<StringUser> = message<StringUser>({
  name: "grpc.StringUser",
  empty: () => ({ uid: "", gid: "", additionalGids: [] }),
  write(init, writer) {
    if (init.uid) writer.uint32(10).string(init.uid);
    if (init.gid) writer.uint32(18).string(init.gid);
    for (const item of init.additionalGids ?? []) writer.uint32(26).string(item);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.uid = reader.stringVerify();
        return;
      case 18:
        message.gid = reader.stringVerify();
        return;
      case 26:
        message.additionalGids.push(reader.stringVerify());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CopyFileRequest {
  path: string;
  file_size: bigint;
  file_mode: number;
  dir_mode: number;
  uid: number;
  gid: number;
  offset: bigint;
  data: Uint8Array;
}
export const CopyFileRequest: MessageType<CopyFileRequest> = message<CopyFileRequest>({
  name: "grpc.CopyFileRequest",
  empty: () => ({ path: "", file_size: 0n, file_mode: 0, dir_mode: 0, uid: 0, gid: 0, offset: 0n, data: new Uint8Array(0) }),
  write(init, writer) {
    if (init.path) writer.uint32(10).string(init.path);
    if (init.file_size) writer.uint32(16).int64(bits64(init.file_size));
    if (init.file_mode) writer.uint32(24).uint32(init.file_mode);
    if (init.dir_mode) writer.uint32(32).uint32(init.dir_mode);
    if (init.uid) writer.uint32(40).int32(init.uid);
    if (init.gid) writer.uint32(48).int32(init.gid);
    if (init.offset) writer.uint32(56).int64(bits64(init.offset));
    if (init.data?.length) writer.uint32(66).bytes(init.data);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.path = reader.stringVerify();
        return;
      case 16:
        message.file_size = readInt64(reader);
        return;
      case 24:
        message.file_mode = reader.uint32();
        return;
      case 32:
        message.dir_mode = reader.uint32();
        return;
      case 40:
        message.uid = reader.int32();
        return;
      case 48:
        message.gid = reader.int32();
        return;
      case 56:
        message.offset = readInt64(reader);
        return;
      case 66:
        message.data = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type GetOOMEventRequest = Record<never, never>;
export const GetOOMEventRequest: MessageType<GetOOMEventRequest> = message<GetOOMEventRequest>({
  name: "grpc.GetOOMEventRequest",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface OOMEvent {
  container_id: string;
}
export const OOMEvent: MessageType<OOMEvent> = message<OOMEvent>({
  name: "grpc.OOMEvent",
  empty: () => ({ container_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface AddSwapRequest {
  PCIPath: number[];
}
export const AddSwapRequest: MessageType<AddSwapRequest> = message<AddSwapRequest>({
  name: "grpc.AddSwapRequest",
  empty: () => ({ PCIPath: [] }),
  write(init, writer) {
    if (init.PCIPath?.length) {
      writer.uint32(10).fork();
      for (const item of init.PCIPath) writer.uint32(item);
      writer.ldelim();
    }
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        readPacked(reader, () => message.PCIPath.push(reader.uint32()));
        return;
      case 8:
        message.PCIPath.push(reader.uint32());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface AddSwapPathRequest {
  path: string;
}
export const AddSwapPathRequest: MessageType<AddSwapPathRequest> = message<AddSwapPathRequest>({
  name: "grpc.AddSwapPathRequest",
  empty: () => ({ path: "" }),
  write(init, writer) {
    if (init.path) writer.uint32(10).string(init.path);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.path = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type GetMetricsRequest = Record<never, never>;
export const GetMetricsRequest: MessageType<GetMetricsRequest> = message<GetMetricsRequest>({
  name: "grpc.GetMetricsRequest",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface Metrics {
  metrics: string;
}
export const Metrics: MessageType<Metrics> = message<Metrics>({
  name: "grpc.Metrics",
  empty: () => ({ metrics: "" }),
  write(init, writer) {
    if (init.metrics) writer.uint32(10).string(init.metrics);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.metrics = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface VolumeStatsRequest {
  volume_guest_path: string;
}
export const VolumeStatsRequest: MessageType<VolumeStatsRequest> = message<VolumeStatsRequest>({
  name: "grpc.VolumeStatsRequest",
  empty: () => ({ volume_guest_path: "" }),
  write(init, writer) {
    if (init.volume_guest_path) writer.uint32(10).string(init.volume_guest_path);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.volume_guest_path = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ResizeVolumeRequest {
  volume_guest_path: string;
  size: bigint;
}
export const ResizeVolumeRequest: MessageType<ResizeVolumeRequest> = message<ResizeVolumeRequest>({
  name: "grpc.ResizeVolumeRequest",
  empty: () => ({ volume_guest_path: "", size: 0n }),
  write(init, writer) {
    if (init.volume_guest_path) writer.uint32(10).string(init.volume_guest_path);
    if (init.size) writer.uint32(16).uint64(bits64(init.size));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.volume_guest_path = reader.stringVerify();
        return;
      case 16:
        message.size = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SetPolicyRequest {
  policy: string;
}
export const SetPolicyRequest: MessageType<SetPolicyRequest> = message<SetPolicyRequest>({
  name: "grpc.SetPolicyRequest",
  empty: () => ({ policy: "" }),
  write(init, writer) {
    if (init.policy) writer.uint32(10).string(init.policy);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.policy = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface GetDiagnosticDataRequest {
  log_type: string;
  container_id: string;
}
export const GetDiagnosticDataRequest: MessageType<GetDiagnosticDataRequest> = message<GetDiagnosticDataRequest>({
  name: "grpc.GetDiagnosticDataRequest",
  empty: () => ({ log_type: "", container_id: "" }),
  write(init, writer) {
    if (init.log_type) writer.uint32(10).string(init.log_type);
    if (init.container_id) writer.uint32(18).string(init.container_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.log_type = reader.stringVerify();
        return;
      case 18:
        message.container_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface GetDiagnosticDataResponse {
  data: string;
}
export const GetDiagnosticDataResponse: MessageType<GetDiagnosticDataResponse> = message<GetDiagnosticDataResponse>({
  name: "grpc.GetDiagnosticDataResponse",
  empty: () => ({ data: "" }),
  write(init, writer) {
    if (init.data) writer.uint32(10).string(init.data);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.data = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface MemAgentMemcgConfig {
  disabled?: boolean | undefined;
  swap?: boolean | undefined;
  swappiness_max?: number | undefined;
  period_secs?: bigint | undefined;
  period_psi_percent_limit?: number | undefined;
  eviction_psi_percent_limit?: number | undefined;
  eviction_run_aging_count_min?: bigint | undefined;
}
export const MemAgentMemcgConfig: MessageType<MemAgentMemcgConfig> = message<MemAgentMemcgConfig>({
  name: "grpc.MemAgentMemcgConfig",
  empty: () => ({  }),
  write(init, writer) {
    if (init.disabled !== undefined) writer.uint32(8).bool(init.disabled);
    if (init.swap !== undefined) writer.uint32(16).bool(init.swap);
    if (init.swappiness_max !== undefined) writer.uint32(24).uint32(init.swappiness_max);
    if (init.period_secs !== undefined) writer.uint32(32).uint64(bits64(init.period_secs));
    if (init.period_psi_percent_limit !== undefined) writer.uint32(40).uint32(init.period_psi_percent_limit);
    if (init.eviction_psi_percent_limit !== undefined) writer.uint32(48).uint32(init.eviction_psi_percent_limit);
    if (init.eviction_run_aging_count_min !== undefined) writer.uint32(56).uint64(bits64(init.eviction_run_aging_count_min));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.disabled = reader.bool();
        return;
      case 16:
        message.swap = reader.bool();
        return;
      case 24:
        message.swappiness_max = reader.uint32();
        return;
      case 32:
        message.period_secs = readUint64(reader);
        return;
      case 40:
        message.period_psi_percent_limit = reader.uint32();
        return;
      case 48:
        message.eviction_psi_percent_limit = reader.uint32();
        return;
      case 56:
        message.eviction_run_aging_count_min = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface MemAgentCompactConfig {
  disabled?: boolean | undefined;
  period_secs?: bigint | undefined;
  period_psi_percent_limit?: number | undefined;
  compact_psi_percent_limit?: number | undefined;
  compact_sec_max?: bigint | undefined;
  compact_order?: number | undefined;
  compact_threshold?: bigint | undefined;
  compact_force_times?: bigint | undefined;
}
export const MemAgentCompactConfig: MessageType<MemAgentCompactConfig> = message<MemAgentCompactConfig>({
  name: "grpc.MemAgentCompactConfig",
  empty: () => ({  }),
  write(init, writer) {
    if (init.disabled !== undefined) writer.uint32(8).bool(init.disabled);
    if (init.period_secs !== undefined) writer.uint32(16).uint64(bits64(init.period_secs));
    if (init.period_psi_percent_limit !== undefined) writer.uint32(24).uint32(init.period_psi_percent_limit);
    if (init.compact_psi_percent_limit !== undefined) writer.uint32(32).uint32(init.compact_psi_percent_limit);
    if (init.compact_sec_max !== undefined) writer.uint32(40).int64(bits64(init.compact_sec_max));
    if (init.compact_order !== undefined) writer.uint32(48).uint32(init.compact_order);
    if (init.compact_threshold !== undefined) writer.uint32(56).uint64(bits64(init.compact_threshold));
    if (init.compact_force_times !== undefined) writer.uint32(64).uint64(bits64(init.compact_force_times));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.disabled = reader.bool();
        return;
      case 16:
        message.period_secs = readUint64(reader);
        return;
      case 24:
        message.period_psi_percent_limit = reader.uint32();
        return;
      case 32:
        message.compact_psi_percent_limit = reader.uint32();
        return;
      case 40:
        message.compact_sec_max = readInt64(reader);
        return;
      case 48:
        message.compact_order = reader.uint32();
        return;
      case 56:
        message.compact_threshold = readUint64(reader);
        return;
      case 64:
        message.compact_force_times = readUint64(reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export const AgentService = {
  name: "grpc.AgentService",
  methods: {
    CreateSandbox: { kind: "unary", request: CreateSandboxRequest, response: Empty },
    DestroySandbox: { kind: "unary", request: DestroySandboxRequest, response: Empty },
    CreateContainer: { kind: "unary", request: CreateContainerRequest, response: Empty },
    StartContainer: { kind: "unary", request: StartContainerRequest, response: Empty },
    RemoveContainer: { kind: "unary", request: RemoveContainerRequest, response: Empty },
    ExecProcess: { kind: "unary", request: ExecProcessRequest, response: Empty },
    SignalProcess: { kind: "unary", request: SignalProcessRequest, response: Empty },
    WaitProcess: { kind: "unary", request: WaitProcessRequest, response: WaitProcessResponse },
    UpdateContainer: { kind: "unary", request: UpdateContainerRequest, response: Empty },
    UpdateEphemeralMounts: { kind: "unary", request: UpdateEphemeralMountsRequest, response: Empty },
    StatsContainer: { kind: "unary", request: StatsContainerRequest, response: StatsContainerResponse },
    PauseContainer: { kind: "unary", request: PauseContainerRequest, response: Empty },
    ResumeContainer: { kind: "unary", request: ResumeContainerRequest, response: Empty },
    RemoveStaleVirtiofsShareMounts: { kind: "unary", request: RemoveStaleVirtiofsShareMountsRequest, response: Empty },
    GetDiagnosticData: { kind: "unary", request: GetDiagnosticDataRequest, response: GetDiagnosticDataResponse },
    WriteStdin: { kind: "unary", request: WriteStreamRequest, response: WriteStreamResponse },
    ReadStdout: { kind: "unary", request: ReadStreamRequest, response: ReadStreamResponse },
    ReadStderr: { kind: "unary", request: ReadStreamRequest, response: ReadStreamResponse },
    CloseStdin: { kind: "unary", request: CloseStdinRequest, response: Empty },
    TtyWinResize: { kind: "unary", request: TtyWinResizeRequest, response: Empty },
    UpdateInterface: { kind: "unary", request: UpdateInterfaceRequest, response: Interface },
    UpdateRoutes: { kind: "unary", request: UpdateRoutesRequest, response: Routes },
    ListInterfaces: { kind: "unary", request: ListInterfacesRequest, response: Interfaces },
    ListRoutes: { kind: "unary", request: ListRoutesRequest, response: Routes },
    AddARPNeighbors: { kind: "unary", request: AddARPNeighborsRequest, response: Empty },
    GetIPTables: { kind: "unary", request: GetIPTablesRequest, response: GetIPTablesResponse },
    SetIPTables: { kind: "unary", request: SetIPTablesRequest, response: SetIPTablesResponse },
    GetMetrics: { kind: "unary", request: GetMetricsRequest, response: Metrics },
    MemAgentMemcgSet: { kind: "unary", request: MemAgentMemcgConfig, response: Empty },
    MemAgentCompactSet: { kind: "unary", request: MemAgentCompactConfig, response: Empty },
    OnlineCPUMem: { kind: "unary", request: OnlineCPUMemRequest, response: Empty },
    ReseedRandomDev: { kind: "unary", request: ReseedRandomDevRequest, response: Empty },
    GetGuestDetails: { kind: "unary", request: GuestDetailsRequest, response: GuestDetailsResponse },
    MemHotplugByProbe: { kind: "unary", request: MemHotplugByProbeRequest, response: Empty },
    SetGuestDateTime: { kind: "unary", request: SetGuestDateTimeRequest, response: Empty },
    CopyFile: { kind: "unary", request: CopyFileRequest, response: Empty },
    GetOOMEvent: { kind: "unary", request: GetOOMEventRequest, response: OOMEvent },
    AddSwap: { kind: "unary", request: AddSwapRequest, response: Empty },
    AddSwapPath: { kind: "unary", request: AddSwapPathRequest, response: Empty },
    GetVolumeStats: { kind: "unary", request: VolumeStatsRequest, response: VolumeStatsResponse },
    ResizeVolume: { kind: "unary", request: ResizeVolumeRequest, response: Empty },
    SetPolicy: { kind: "unary", request: SetPolicyRequest, response: Empty },
  },
} as const satisfies ServiceDescriptor;

// What the guest tells about itself and what the host may change in it as a whole: details, metrics,
// clock, entropy, volume statistics.
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, InvalidRequest } from "../lib/errors.ts";
import type { GuestDetailsRequest, GuestDetailsResponse, SetGuestDateTimeRequest } from "../wire/gen/kata/agent.ts";
import { type VolumeStatsResponse, VolumeUsage_Unit } from "../wire/gen/kata/csi.ts";
import type { Init } from "../wire/message.ts";
import { isBelow } from "./bind-sources.ts";
import { AgentFailure } from "./status.ts";
import { STORAGE_ROOT } from "./storage/checks.ts";
import { drivers } from "./storage/drivers.ts";
import { systemCall } from "./sys/libc.ts";

/** the release of the real agent whose protocol this one speaks */
export const AGENT_VERSION = "4.1.0-kata-cvm";
/** agent-protocol §2.3 */
export const API_VERSION = "0.0.1";

const MEMORY = "/sys/devices/system/memory";
/** _IOW('R', 0x03, int[2]) and _IO('R', 0x07) of <linux/random.h> */
const RNDADDENTROPY = 0x40085203;
const RNDRESEEDCRNG = 0x5207;

export function guestDetails(request: GuestDetailsRequest): Init<GuestDetailsResponse> {
  return {
    mem_block_size_bytes: request.mem_block_size ? memoryBlockSize() : 0n,
    support_mem_hotplug_probe: request.mem_hotplug_probe && existsSync(join(MEMORY, "probe")),
    agent_details: {
      version: AGENT_VERSION,
      init_daemon: process.pid === 1,
      device_handlers: [],
      storage_handlers: [...Object.keys(drivers), "erofs.multi-layer"],
      supports_seccomp: true,
      extra_features: ["kata-cvm-layers", "kata-cvm-user-namespaces", "seccomp"],
    },
  };
}

function memoryBlockSize(): bigint {
  const file = join(MEMORY, "block_size_bytes");
  if (!existsSync(file)) return 0n;
  const text = readFileSync(file, "utf8").trim();
  if (!/^[0-9a-f]{1,16}$/i.test(text)) throw new AgentFailure("internal", "Invalid block size");
  return BigInt(`0x${text}`);
}

/** Prometheus text about this process. */
export function agentMetrics(): string {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const gauge = (name: string, help: string, value: number) =>
    `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`;
  return [
    gauge("kata_agent_process_resident_memory_bytes", "Resident memory of the agent.", rss),
    gauge("kata_agent_process_heap_bytes", "JavaScript heap in use.", heapUsed),
    gauge("kata_agent_threads", "Threads of the agent.", readdirSync("/proc/self/task").length),
    gauge("kata_agent_process_open_fds", "Open file descriptors of the agent.", readdirSync("/proc/self/fd").length),
    gauge("kata_agent_process_cpu_seconds", "User and system time of the agent.", (user + system) / 1e6),
    gauge("kata_agent_process_uptime_seconds", "Age of the agent.", process.uptime()),
  ].join("");
}

export function setClock(request: SetGuestDateTimeRequest): void {
  const timeval = Buffer.alloc(16);
  timeval.writeBigInt64LE(request.Sec, 0);
  timeval.writeBigInt64LE(request.Usec, 8);
  systemCall("settimeofday", "settimeofday", [timeval, null]);
}

/** Mixes the host's bytes in, and lets the kernel reseed from its pool. */
export function reseedRandom(data: Uint8Array): void {
  if (data.length === 0) throw new AgentFailure("internal", "missing entropy data");
  if (data.length > 4096) throw new InvalidRequest("data", "is longer than 4096 bytes");
  const pool = Buffer.alloc(8 + data.length);
  // a host is not trusted to know entropy: its bytes are mixed in but credited with nothing
  pool.writeInt32LE(0, 0);
  pool.writeInt32LE(data.length, 4);
  pool.set(data, 8);
  const fd = openSync("/dev/urandom", "w");
  try {
    systemCall("ioctl", "ioctl(RNDADDENTROPY)", [fd, RNDADDENTROPY, pool]);
    systemCall("ioctlValue", "ioctl(RNDRESEEDCRNG)", [fd, RNDRESEEDCRNG, 0]);
  } finally {
    closeSync(fd);
  }
}

export function volumeStats(path: string): Init<VolumeStatsResponse> {
  if (!isBelow(path, [STORAGE_ROOT]) || path.includes("..")) {
    throw new InvalidRequest("volume_guest_path", `is not below ${STORAGE_ROOT}`);
  }
  try {
    const fs = statfsSync(path, { bigint: true });
    const used = (fs.blocks - fs.bfree) * fs.bsize;
    return {
      usage: [
        { unit: VolumeUsage_Unit.BYTES, total: fs.blocks * fs.bsize, available: fs.bavail * fs.bsize, used },
        { unit: VolumeUsage_Unit.INODES, total: fs.files, available: fs.ffree, used: fs.files - fs.ffree },
      ],
      volume_condition: { abnormal: false, message: "" },
    };
  } catch (error) {
    throw new AgentFailure("internal", `${errnoOf(error) ?? "error"}: ${path}`, { cause: error });
  }
}

// Where the guest's boot went, in milliseconds since its kernel began: the host's timeline sees only
// the agent's first answer. Told with the metrics, read when somebody asks.
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";

/** performance mark that the agent sets when its port is open */
export const LISTENING_MARK = "listening";
/** proc(5): start times count in USER_HZ, which is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** Prometheus text: when each stage was reached. */
export function bootMetrics(): string {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const agentStartMs = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]) * TICK_MS;
  const listening = performance.getEntriesByName(LISTENING_MARK)[0];
  const kernelMs = readKernelMs();
  const reached: readonly (readonly [string, number | undefined])[] = [
    ["kernel", kernelMs],
    ["agent_start", agentStartMs],
    ["agent_listening", listening === undefined ? undefined : agentStartMs + Math.round(listening.startTime)],
  ];
  const name = "kata_cvm_boot_milliseconds";
  const help = `# HELP ${name} Time since the kernel began when a stage was reached.\n# TYPE ${name} gauge\n`;
  const lines = reached.map(([stage, ms]) => (ms === undefined ? "" : `${name}{reached="${stage}"} ${ms}\n`));
  return help + lines.join("");
}

/** The kernel hands over to the initrd: its own line `Run /init as init process`, unless the log has wrapped. */
function readKernelMs(): number | undefined {
  const line = kernelLog().find((record) => /;Run \/\S+ as init process/.test(record));
  const microseconds = Number(line?.split(",")[2]);
  return Number.isFinite(microseconds) ? Math.round(microseconds / 1000) : undefined;
}

/** Records of /dev/kmsg, each `priority,sequence,microseconds,…;text` (Documentation/ABI/testing/dev-kmsg). */
function kernelLog(): readonly string[] {
  const records: string[] = [];
  try {
    const fd = openSync("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(8192);
    try {
      while (records.length < 10_000) records.push(buffer.toString("utf8", 0, readSync(fd, buffer)));
    } finally {
      closeSync(fd);
    }
  } catch {
    // EAGAIN is the log's end; without the device there is none
  }
  return records;
}

// What containers may use at most, and the VM that all of them together ask for. The limits stay with
// the guest's cgroups; the VM only has to be large enough for them to mean something.
import type { Resources, WideInt } from "../oci/types.ts";

/** Absent: no limit. */
export interface ContainerLimits {
  readonly milliCpus?: number;
  readonly memoryBytes?: number;
  /** what `milliCpus` was made from: an update may name one of the two */
  readonly cpuTime?: CpuTime;
}

/** Microseconds of CPU time in each period of microseconds (cgroup v2, cpu.max). */
interface CpuTime {
  readonly quota?: number;
  readonly period?: number;
}

export interface VmSize {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

export const mebibyte = 1024 * 1024;
/** Linux takes memory in blocks of this size (memory hotplug, x86-64). */
export const growthStepMiB = 128;
/** QEMU's name for the device that adds memory. */
export const growingMemory = "memory0";
/** The kernel's own (CFS bandwidth control). */
export const defaultCpuPeriod = 100_000;
/** Clients write "no limit" also as a number that no machine has. */
const absurdBytes = 2 ** 53;

/** What an Update names wins over what was there: it names only what changes. */
export function readLimits(resources: Resources | undefined, before: ContainerLimits = {}): ContainerLimits {
  const { cpu, memory } = resources ?? {};
  const cpuTime = { ...before.cpuTime, ...named("quota", cpu?.quota), ...named("period", cpu?.period) };
  const milliCpus = milliCpusOf(cpuTime.quota ?? 0, cpuTime.period ?? 0);
  const memoryBytes = memory?.limit === undefined ? before.memoryBytes : bytesOf(memory.limit);
  return {
    ...(milliCpus === undefined ? {} : { milliCpus }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    cpuTime,
  };
}

/** To runtimes, and on the way to the agent, zero means: not named. */
function named(key: keyof CpuTime, value: WideInt | undefined): CpuTime {
  return value === undefined || Number(value) === 0 ? {} : { [key]: Number(value) };
}

export function milliCpusOf(quota: number, period: number): number | undefined {
  return quota > 0 ? Math.ceil((quota * 1000) / (period > 0 ? period : defaultCpuPeriod)) : undefined;
}

function bytesOf(limit: WideInt): number | undefined {
  const bytes = Number(limit);
  return bytes > 0 && bytes < absurdBytes ? bytes : undefined;
}

/** Containers without a limit add nothing: they share what is there. */
export function sumLimits(all: Iterable<ContainerLimits>): { milliCpus: number; memoryBytes: number } {
  let [milliCpus, memoryBytes] = [0, 0];
  for (const limits of all) {
    milliCpus += limits.milliCpus ?? 0;
    memoryBytes += limits.memoryBytes ?? 0;
  }
  return { milliCpus, memoryBytes };
}

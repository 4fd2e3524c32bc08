// What a pod uses on the host, QEMU and its helpers together, from the pod's cgroup: the numbers that the
// kubelet would see there. Counters have other names and units on v1 and v2 (cgroup-v1/memory.rst, cgroup-v2.rst).
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../lib/errors.ts";
import { type CgroupLayout, type PodCgroup, readCgroupLayout } from "./cgroup.ts";
import { cgroupName } from "./cgroup-path.ts";
import { ifPresent } from "./host-call.ts";

/** A number that the host does not offer is 0; of an absent limit, the largest. */
export interface CgroupUsage {
  readonly cpuUsageUsec: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  /** page cache that the kernel would give up first: not part of the working set */
  readonly inactiveFileBytes: number;
  readonly processes: number;
}

interface Source {
  readonly controller: string;
  readonly file: string;
  /** of a file of `name value` lines; without it the file is one number */
  readonly key?: string;
}

type Sources = Readonly<Record<keyof CgroupUsage, Source>>;

const sources: Readonly<Record<CgroupLayout["mode"], Sources>> = {
  v1: {
    // in nanoseconds
    cpuUsageUsec: { controller: "cpuacct", file: "cpuacct.usage" },
    memoryBytes: { controller: "memory", file: "memory.usage_in_bytes" },
    memoryLimitBytes: { controller: "memory", file: "memory.limit_in_bytes" },
    inactiveFileBytes: { controller: "memory", file: "memory.stat", key: "total_inactive_file" },
    processes: { controller: "pids", file: "pids.current" },
  },
  v2: {
    cpuUsageUsec: { controller: "cpu", file: "cpu.stat", key: "usage_usec" },
    memoryBytes: { controller: "memory", file: "memory.current" },
    memoryLimitBytes: { controller: "memory", file: "memory.max" },
    inactiveFileBytes: { controller: "memory", file: "memory.stat", key: "inactive_file" },
    processes: { controller: "pids", file: "pids.current" },
  },
};

/** null when the pod has no cgroup, or has it no more. */
export async function podUsage(cgroupsPath: string): Promise<CgroupUsage | null> {
  if (cgroupsPath === "") return null;
  return await readCgroupUsage({ layout: await readCgroupLayout(), path: cgroupName(cgroupsPath) });
}

/** null when the cgroup is gone. */
export async function readCgroupUsage(cgroup: PodCgroup): Promise<CgroupUsage | null> {
  const { mode } = cgroup.layout;
  const read = (name: keyof CgroupUsage) => readNumber(cgroup, sources[mode][name]);
  const cpu = await read("cpuUsageUsec");
  if (cpu === undefined) return null;
  return {
    cpuUsageUsec: mode === "v1" ? Math.floor(cpu / 1000) : cpu,
    memoryBytes: (await read("memoryBytes")) ?? 0,
    memoryLimitBytes: (await read("memoryLimitBytes")) ?? Number.POSITIVE_INFINITY,
    inactiveFileBytes: (await read("inactiveFileBytes")) ?? 0,
    processes: (await read("processes")) ?? 0,
  };
}

async function readNumber({ layout, path }: PodCgroup, source: Source): Promise<number | undefined> {
  const { controller, file, key } = source;
  const tree = layout.trees.find(({ controllers }) => layout.mode === "v2" || controllers.includes(controller));
  if (tree === undefined) return undefined;
  const full = join(tree.mountPoint, path, file);
  const text = await ifPresent(`read ${full}`, () => readFile(full, "utf8").catch(goneMeanwhile));
  if (text === undefined) return undefined;
  const value = key === undefined ? text.trim() : new RegExp(`^${key} (\\d+)$`, "m").exec(text)?.[1];
  return value === "max" ? Number.POSITIVE_INFINITY : Number(value ?? 0);
}

/** The kernel's word for a file whose cgroup was removed after it was opened. */
function goneMeanwhile(error: unknown): undefined {
  if (errnoOf(error) !== "ENODEV") throw error;
}

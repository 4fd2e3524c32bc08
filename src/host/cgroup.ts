// The pod's cgroup on the host: QEMU and the shim are accounted and limited there. Controllers may
// be on v1 (one tree each), on v2 (one tree), or on both; only the modes that exist are written to.
import { mkdir, readFile, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pause } from "../lib/deadline.ts";
import { EnvironmentLacks, errnoOf, HostCallFailed } from "../lib/errors.ts";
import type { Ownership } from "../lib/owned.ts";
import { cgroupName } from "./cgroup-path.ts";
import { hostCall, ifPresent } from "./host-call.ts";
import type { MountEntry } from "./mountinfo.ts";
import { readMounts } from "./mounts.ts";

/** `v1` when the cpu and memory controllers have trees of their own, else `v2`. */
export interface CgroupLayout {
  readonly mode: "v1" | "v2";
  /** mount points to make a pod's directory in; one for v2 */
  readonly trees: readonly CgroupTree[];
}

export interface CgroupTree {
  readonly mountPoint: string;
  /** v1 controllers of this tree; empty for v2 */
  readonly controllers: readonly string[];
}

export interface CgroupUsage {
  readonly cpuUsageUsec: number;
  readonly memoryBytes: number;
}

const v1Wanted = ["cpu", "cpuacct", "memory", "pids"];

export async function readCgroupLayout(): Promise<CgroupLayout> {
  return chooseLayout(await readMounts());
}

/** Pure part of readCgroupLayout. */
export function chooseLayout(mounts: readonly MountEntry[]): CgroupLayout {
  const v1 = mounts
    .filter((entry) => entry.fsType === "cgroup")
    .map(({ mountPoint, superOptions }) => ({
      mountPoint,
      controllers: superOptions.filter((option) => v1Wanted.includes(option)),
    }))
    .filter((tree) => tree.controllers.length > 0);
  if (v1.some((tree) => tree.controllers.includes("memory"))) return { mode: "v1", trees: v1 };
  const v2 = mounts.find((entry) => entry.fsType === "cgroup2");
  if (v2 === undefined)
    throw new EnvironmentLacks("no cgroup file system is mounted", "mount cgroup2 on /sys/fs/cgroup");
  return { mode: "v2", trees: [{ mountPoint: v2.mountPoint, controllers: [] }] };
}

export interface PodCgroup {
  readonly layout: CgroupLayout;
  /** path below each tree's mount point, as in /proc/PID/cgroup */
  readonly path: string;
}

/** Makes the cgroup that an OCI `cgroupsPath` names and returns it; an existing one is taken over. */
export async function openCgroup(cgroupsPath: string, ownership: Ownership): Promise<PodCgroup> {
  const path = cgroupName(cgroupsPath);
  const layout = await readCgroupLayout();
  await ownership.claim({ kind: "cgroup", path });
  for (const tree of layout.trees) {
    await hostCall(`make cgroup ${path}`, () => mkdir(join(tree.mountPoint, path), { recursive: true }));
    if (layout.mode === "v2") await enableControllers(tree, path);
  }
  return { layout, path };
}

/** Moves a process, with all of its threads, into the pod's cgroup. */
export async function enterCgroup(cgroup: PodCgroup, pid: number): Promise<void> {
  for (const tree of cgroup.layout.trees) {
    const file = join(tree.mountPoint, cgroup.path, "cgroup.procs");
    await hostCall(`put process ${pid} into cgroup ${cgroup.path}`, () => writeFile(file, String(pid)));
  }
}

/** Usage of the whole pod; a number that the host does not offer reads 0. */
export async function readCgroupUsage(cgroup: PodCgroup): Promise<CgroupUsage> {
  const dirOf = (controller: string) => {
    const tree = cgroup.layout.trees.find((t) => t.controllers.length === 0 || t.controllers.includes(controller));
    return tree === undefined ? undefined : join(tree.mountPoint, cgroup.path);
  };
  if (cgroup.layout.mode === "v2") {
    const stat = await readText(join(dirOf("cpu") ?? "", "cpu.stat"));
    const usage = /^usage_usec ([0-9]+)$/m.exec(stat)?.[1];
    return {
      cpuUsageUsec: Number(usage ?? 0),
      memoryBytes: Number(await readText(join(dirOf("memory") ?? "", "memory.current"))),
    };
  }
  const cpuNs = Number(await readText(join(dirOf("cpuacct") ?? "", "cpuacct.usage")));
  const memoryBytes = Number(await readText(join(dirOf("memory") ?? "", "memory.usage_in_bytes")));
  return { cpuUsageUsec: Math.floor(cpuNs / 1000), memoryBytes };
}

/** Removes a pod's cgroup from every tree; one that is gone is fine. Its processes must have ended. */
export async function removeCgroup(path: string): Promise<void> {
  const { trees } = await readCgroupLayout();
  for (const tree of trees) await removeDirectory(join(tree.mountPoint, path));
}

export interface OomScoreOutcome {
  /** false when the kernel forbids lowering it (no CAP_SYS_RESOURCE) and nothing was changed */
  readonly applied: boolean;
}

/** Sets how willingly the kernel ends a process when memory runs out, -1000 to 1000. */
export async function setOomScore(pid: number, score: number): Promise<OomScoreOutcome> {
  try {
    await writeFile(`/proc/${pid}/oom_score_adj`, String(score));
    return { applied: true };
  } catch (cause) {
    const errno = errnoOf(cause) ?? "EUNKNOWN";
    if (errno === "EACCES" || errno === "EPERM") return { applied: false };
    throw new HostCallFailed(`set oom_score_adj of ${pid}`, errno, { cause });
  }
}

/** The last process of a cgroup leaves it a moment after it was reaped; rmdir says EBUSY until then. */
async function removeDirectory(path: string): Promise<void> {
  for (let waitMs = 1; ; waitMs *= 2) {
    try {
      await rmdir(path);
      return;
    } catch (cause) {
      const errno = errnoOf(cause) ?? "EUNKNOWN";
      if (errno === "ENOENT") return;
      if (errno !== "EBUSY" || waitMs > 512) throw new HostCallFailed(`remove cgroup ${path}`, errno, { cause });
      await pause(waitMs);
    }
  }
}

/** A number file that this kernel or layout does not have reads 0. */
async function readText(path: string): Promise<string> {
  const text = await ifPresent(`read ${path}`, () => readFile(path, "utf8"));
  if (text !== undefined) return text.trim();
  await hostCall(`read ${path}`, () => stat(dirname(path)));
  return "0";
}

/** v2 hands a controller down one level at a time; one that the host withholds is merely not counted. */
async function enableControllers(tree: CgroupTree, path: string): Promise<void> {
  const segments = path.split("/").slice(1, -1);
  const parents = [tree.mountPoint, ...segments.map((_, at) => join(tree.mountPoint, ...segments.slice(0, at + 1)))];
  for (const parent of parents) {
    for (const controller of ["cpu", "memory", "pids"]) {
      await writeFile(join(parent, "cgroup.subtree_control"), `+${controller}`).catch(() => undefined);
    }
  }
}

// The pod's cgroup on the host: QEMU and its helpers are accounted and limited there. Controllers may
// be on v1 (one tree each), on v2 (one tree), or on both; only the modes that exist are written to.
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

const v1Wanted = ["cpu", "cpuacct", "memory", "pids"];
/** hugetlb counts a VM whose memory is in huge pages, which the memory controller does not */
const v2Wanted = ["cpu", "memory", "pids", "hugetlb"];

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
export async function openCgroup(cgroupsPath: string, ownership: Ownership, given?: CgroupLayout): Promise<PodCgroup> {
  const path = cgroupName(cgroupsPath);
  const layout = given ?? (await readCgroupLayout());
  await ownership.claim({ kind: "cgroup", path });
  for (const tree of layout.trees) {
    await hostCall(`make cgroup ${path}`, () => mkdir(join(tree.mountPoint, path), { recursive: true }));
    if (layout.mode === "v2") await enableControllers(tree.mountPoint, path);
  }
  return { layout, path };
}

/**
 * Moves a process, with all of its threads, into the pod's cgroup. On v2 that must be a leaf, without controllers for
 * children: it is, since nobody but us makes anything below what `openCgroup` made.
 */
export async function enterCgroup(cgroup: PodCgroup, pid: number): Promise<void> {
  for (const tree of cgroup.layout.trees) {
    const file = join(tree.mountPoint, cgroup.path, "cgroup.procs");
    await hostCall(`put process ${pid} into cgroup ${cgroup.path}`, () => writeFile(file, String(pid)));
  }
}

/** Removes a pod's cgroup from every tree; one that is gone is fine. Its processes must have ended. */
export async function removeCgroup(path: string, given?: CgroupLayout): Promise<void> {
  const { trees } = given ?? (await readCgroupLayout());
  for (const tree of trees) await removeDirectory(join(tree.mountPoint, path));
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

/**
 * v2 hands a controller down one level at a time, each by its parent's cgroup.subtree_control. What is there already
 * is left alone, as systemd and the kubelet own those levels. A controller that the host withholds (it is on v1, or a
 * parent holds processes, which v2 forbids beside controlled children) is merely not counted for this pod alone: the
 * limits of the levels above hold all the same.
 */
async function enableControllers(mountPoint: string, path: string): Promise<void> {
  const segments = path.split("/").slice(1, -1);
  for (let depth = 0; depth <= segments.length; depth++) {
    const level = join(mountPoint, ...segments.slice(0, depth));
    const file = join(level, "cgroup.subtree_control");
    const [offered, enabled] = await Promise.all([words(join(level, "cgroup.controllers")), words(file)]);
    const missing = v2Wanted.filter((controller) => offered.includes(controller) && !enabled.includes(controller));
    for (const controller of missing) await writeFile(file, `+${controller}`).catch(() => undefined);
  }
}

async function words(file: string): Promise<readonly string[]> {
  const text = (await ifPresent(`read ${file}`, () => readFile(file, "utf8"))) ?? "";
  return text.trim().split(/\s+/);
}

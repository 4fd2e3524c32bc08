// Which files of a directory some process of this machine holds open: QEMU holds its disks for a pod's whole life.
import { readdir, readlink, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "../lib/errors.ts";
import { hostCall } from "./host-call.ts";

/** Names in the directory, by every process that we may look into; as root, all of them. */
export async function openNamesIn(directory: string): Promise<ReadonlySet<string>> {
  const real = await hostCall(`resolve ${directory}`, () => realpath(directory));
  const names = new Set<string>();
  // one process after the other: a machine may have thousands
  for (const pid of (await hostCall("list /proc", () => readdir("/proc"))).filter((name) => /^\d+$/.test(name))) {
    for (const path of await openPathsOf(pid)) if (dirname(path) === real) names.add(path.slice(real.length + 1));
  }
  return names;
}

async function openPathsOf(pid: string): Promise<readonly string[]> {
  const fds = await unlessGone(() => readdir(`/proc/${pid}/fd`));
  const paths = await Promise.all((fds ?? []).map((fd) => unlessGone(() => readlink(`/proc/${pid}/fd/${fd}`))));
  return paths.filter((path) => path !== undefined);
}

/** Processes end and close files while we look; others are not ours to look into. */
async function unlessGone<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

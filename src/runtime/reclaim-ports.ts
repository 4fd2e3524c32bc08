// The executors behind pod/reclaim.ts on a real host. Each is idempotent, and none trusts the
// ledger blindly: a process dies only if pid and start time, or its command line, are still ours.
import { rm } from "node:fs/promises";
import { removeCgroup } from "../host/cgroup.ts";
import { detachMount } from "../host/mounts.ts";
import { removeRedirect } from "../host/port-redirect.ts";
import { findProcesses, terminate } from "../host/process.ts";
import { removeTap } from "../host/tap.ts";
import { errnoOf, errorText, HostCallFailed } from "../lib/errors.ts";
import type { OwnedProcess } from "../lib/owned.ts";
import type { ReclaimPorts } from "../pod/reclaim.ts";

export const hostReclaimPorts: ReclaimPorts = {
  process: endProcess,
  tap: (tap) => removeTap(tap),
  "nft-table": (table) => removeRedirect(table),
  mount: (mount) => detachMount(mount.path),
  cgroup: (cgroup) => removeCgroup(cgroup.path),
  path: async ({ path }) => {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      throw new HostCallFailed(`remove ${path}`, errnoOf(error) ?? errorText(error), { cause: error });
    }
  },
};

async function endProcess(owned: OwnedProcess): Promise<void> {
  const { pid, startTime } = owned;
  // a pod is being ended: nothing in it is worth a grace period
  if (pid !== undefined && startTime !== undefined) return await terminate({ pid, startTime }, { graceMs: 0 });
  // claimed, but we died before its pid was known
  const found = await findProcesses(owned.match);
  await Promise.all(found.map((process) => terminate(process, { graceMs: 0 })));
}

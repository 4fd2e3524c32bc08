// Ending a pod from outside its daemon: what `delete` and `reap` do with a ledger.
import { rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { detachMount, requireNoMounts } from "../host/mounts.ts";
import { terminate } from "../host/process.ts";
import { type LedgerRecord, readLedger } from "../pod/ledger.ts";
import { reclaim } from "../pod/reclaim.ts";
import { hostReclaimPorts } from "./reclaim-ports.ts";

/** The waits between the tries of one that can be called again. */
const soonAgainMs: readonly number[] = [250, 1000];

/**
 * Ends whatever is left of a pod, its daemon first so that it cannot acquire more. A step may fail because somebody
 * else ends at the same moment what it works in (containerd the pod's network namespace, the kubelet its control
 * group), so all is tried again after each of the waits; throws CleanupIncomplete after the last.
 */
export async function endPod(record: LedgerRecord, runDir: string, againMs = soonAgainMs): Promise<void> {
  if (record.shim.pid !== process.pid) await terminate(record.shim, { graceMs: 0 });
  for (const waitMs of againMs) {
    try {
      return await releaseAll(record, runDir);
    } catch {
      await pause(waitMs);
    }
  }
  await releaseAll(record, runDir);
}

async function releaseAll(record: LedgerRecord, runDir: string): Promise<void> {
  // what it acquired until its last moment is in the ledger of that moment
  const last = readLedger(runDir) ?? record;
  await reclaim(last.owned, hostReclaimPorts);
  await rm(record.socket, { force: true });
  await removeRunDir(runDir);
}

/** Directories of the host may be mounted in it: what is still there would be emptied with it. */
export async function removeRunDir(runDir: string): Promise<void> {
  await detachMount(runDir);
  await requireNoMounts(runDir);
  await rm(runDir, { recursive: true, force: true });
}

// Ending a pod from outside its daemon: what `delete` and `reap` do with a ledger.
import { rm } from "node:fs/promises";
import { detachMount, requireNoMounts } from "../host/mounts.ts";
import { terminate } from "../host/process.ts";
import { type LedgerRecord, readLedger } from "../pod/ledger.ts";
import { reclaim } from "../pod/reclaim.ts";
import { hostReclaimPorts } from "./reclaim-ports.ts";

/** Ends whatever is left of a pod, its daemon first so that it cannot acquire more. */
export async function endPod(record: LedgerRecord, runDir: string): Promise<void> {
  if (record.shim.pid !== process.pid) await terminate(record.shim, { graceMs: 0 });
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

// `delete`: containerd's call after every connection that closed, in the ordinary course as after a
// crash, with five seconds to spend. It needs no daemon: the ledger says what is left. For an
// ordinary container of a pod there is nothing on the host to undo, and the VM must live on.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { terminate } from "../host/process.ts";
import { type LedgerRecord, readLedger } from "../pod/ledger.ts";
import { reclaim } from "../pod/reclaim.ts";
import type { Invocation } from "./flags.ts";
import { hostReclaimPorts } from "./reclaim-ports.ts";
import { podRunDir } from "./run-dir.ts";

/** 128 + SIGKILL: what every shim reports for a task that it finds dead. */
const exitStatus = 137;

/** A DeleteResponse of the Task API. */
export async function deletePod(invocation: Invocation): Promise<Uint8Array> {
  const runDir = podRunDir(invocation.namespace, invocation.id);
  const record = readLedger(runDir);
  if (record !== null && record.podId === invocation.id) await endPod(record, runDir);
  if (invocation.bundle !== "")
    await hostReclaimPorts.mount({ kind: "mount", path: join(invocation.bundle, "rootfs") });
  return encodeDeleteResponse(exitStatus, Date.now());
}

/** Ends whatever is left of a pod, its daemon first so that it cannot acquire more. */
export async function endPod(record: LedgerRecord, runDir: string): Promise<void> {
  if (record.shim.pid !== process.pid) await terminate(record.shim, { graceMs: 0 });
  // what it acquired until its last moment is in the ledger of that moment
  const last = readLedger(runDir) ?? record;
  await reclaim(last.owned, hostReclaimPorts);
  await rm(record.socket, { force: true });
  await rm(runDir, { recursive: true, force: true });
}

/** containerd.task.v2.DeleteResponse{pid=1, exit_status=2, exited_at=3 Timestamp{seconds=1}}. */
function encodeDeleteResponse(status: number, nowMs: number): Buffer {
  const seconds = varint(Math.floor(nowMs / 1000));
  return Buffer.from([0x10, ...varint(status), 0x1a, seconds.length + 1, 0x08, ...seconds]);
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}

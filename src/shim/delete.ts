// `delete`: containerd's call after every connection that closed, in the ordinary course as after a
// crash, with five seconds to spend. It needs no daemon: the ledger says what is left. For an
// ordinary container of a pod there is nothing on the host to undo, and the VM must live on.
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { podRunDir } from "../host/run-dir.ts";
import { readLedger } from "../pod/ledger.ts";
import { endPod } from "../runtime/end-pod.ts";
import { hostReclaimPorts } from "../runtime/reclaim-ports.ts";
import { answers } from "./answers.ts";
import type { Invocation } from "./flags.ts";

/** 128 + SIGKILL: what every shim reports for a task that it finds dead. */
const exitStatus = 137;

/** A DeleteResponse of the Task API. */
export async function deletePod(invocation: Invocation): Promise<Uint8Array> {
  const runDir = podRunDir(invocation.namespace, invocation.id);
  const record = readLedger(runDir);
  if (record !== null && record.podId === invocation.id) await endPod(record, runDir);
  if (invocation.bundle !== "") {
    await hostReclaimPorts.mount({ kind: "mount", path: join(invocation.bundle, "rootfs") });
    await removeDeadSocket(invocation.bundle);
  }
  return encodeDeleteResponse(exitStatus, Date.now());
}

/** A daemon that was killed before its first container left no ledger, but its socket. */
async function removeDeadSocket(bundle: string): Promise<void> {
  const address = await readFile(join(bundle, "address"), "utf8").catch(() => "");
  const path = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  if (path !== undefined && !(await answers(path))) await rm(path, { force: true });
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

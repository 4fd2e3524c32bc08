// `delete`: containerd's call after every connection that closed, in the ordinary course as after a
// crash. It needs no daemon: the ledger says what is left. For an ordinary container of a pod there is
// nothing on the host to undo, and the VM must live on.
// containerd gives it five seconds (timeouts, io.containerd.timeout.shim.cleanup), kills it then, keeps the
// bundle and never asks again, so on a busy host the rest of a pod would stay: what there is to undo is
// undone by a process of its own (`reclaim`), which goes on when this one has answered or was killed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { podRunDir } from "../host/run-dir.ts";
import { HostCallFailed } from "../lib/errors.ts";
import { type LedgerRecord, readLedger } from "../pod/ledger.ts";
import { endPod } from "../runtime/end-pod.ts";
import { hostReclaimPorts } from "../runtime/reclaim-ports.ts";
import { answers } from "./answers.ts";
import type { Invocation } from "./flags.ts";

/** 128 + SIGKILL: what every shim reports for a task that it finds dead. */
const exitStatus = 137;

/** Since this process began, so that containerd has its answer in time. */
const answerByMs = 4000;
/** `reclaim` has all the time it wants, and nobody else will try again. */
const reclaimAgainMs: readonly number[] = [250, 1000, 3000, 10_000];

export interface DeleteContext {
  readonly invocation: Invocation;
  /** command and leading arguments that run this program again */
  readonly self: readonly string[];
}

/** A DeleteResponse of the Task API. */
export async function deletePod({ invocation, self }: DeleteContext): Promise<Uint8Array> {
  if (recordOf(invocation) === null) await clearBundle(invocation);
  else await reclaimApart(invocation, self);
  return encodeDeleteResponse(exitStatus, Date.now());
}

/** `reclaim`, which only `delete` runs: ends what is left of the pod. */
export async function reclaimPod(invocation: Invocation): Promise<void> {
  const record = recordOf(invocation);
  if (record !== null) await endPod(record, podRunDir(invocation.namespace, invocation.id), reclaimAgainMs);
  await clearBundle(invocation);
}

/** Null where nothing is left, and for a further container of a pod. */
function recordOf({ namespace, id }: Invocation): LedgerRecord | null {
  const record = readLedger(podRunDir(namespace, id));
  return record?.podId === id ? record : null;
}

async function reclaimApart({ namespace, id, bundle }: Invocation, self: readonly string[]): Promise<void> {
  const [command = "", ...leading] = self;
  const flags = ["-namespace", namespace, "-id", id, "-bundle", bundle];
  const child = spawn(command, [...leading, ...flags, "reclaim"], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = Promise.all([text(child.stderr), once(child, "close")]);
  const outcome = await Promise.race([ended, pause(Math.max(answerByMs - performance.now(), 0))]);
  if (outcome === undefined) return;
  const [said, [code, signal]] = outcome;
  if (code !== 0) throw new HostCallFailed("clear up after the pod", said.trim() || String(signal ?? code));
}

async function clearBundle({ bundle }: Invocation): Promise<void> {
  if (bundle === "") return;
  await hostReclaimPorts.mount({ kind: "mount", path: join(bundle, "rootfs") });
  await removeDeadSocket(bundle);
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

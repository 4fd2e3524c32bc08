// The pods of this machine, from their ledgers: what the tool can say of a pod also when its daemon
// is dead or mute.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "../host/process.ts";
import { errnoOf, InvalidRequest, NotFound } from "../lib/errors.ts";
import { type LedgerRecord, readLedger } from "../pod/ledger.ts";

export const podsDir = "/run/kata-cvm/pods";

export interface KnownPod {
  readonly runDir: string;
  readonly record: LedgerRecord;
  /** the daemon runs; what is left of a pod without one can be reaped */
  readonly alive: boolean;
}

export async function listPods(root: string = podsDir): Promise<readonly KnownPod[]> {
  let names: readonly string[];
  try {
    names = (await readdir(root)).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
  const pods = await Promise.all(names.map((name) => describe(join(root, name))));
  return pods.filter((pod) => pod !== null);
}

/** A pod by its id or the unambiguous beginning of it. */
export async function findPod(id: string): Promise<KnownPod> {
  const pods = await listPods();
  const found = pods.filter((pod) => pod.record.podId.startsWith(id));
  const exact = found.find((pod) => pod.record.podId === id);
  if (exact !== undefined) return exact;
  if (found.length > 1) {
    throw new InvalidRequest(
      "pod",
      `"${id}" begins ${found.length} ids: ${found.map((pod) => pod.record.podId).join(", ")}`,
    );
  }
  const [only] = found;
  if (only === undefined) throw new NotFound("pod", id);
  return only;
}

async function describe(runDir: string): Promise<KnownPod | null> {
  const record = readLedger(runDir);
  return record === null ? null : { runDir, record, alive: await isAlive(record.shim) };
}

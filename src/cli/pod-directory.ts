// The pods of this machine, from their ledgers: what the tool can say of a pod also when its daemon
// is dead or mute.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { findProcesses, isAlive } from "../host/process.ts";
import { runRoot } from "../host/run-dir.ts";
import { errnoOf, InvalidRequest, NotFound } from "../lib/errors.ts";
import { type LedgerRecord, readLedger } from "../pod/ledger.ts";

export const podsDir = join(runRoot, "pods");

export interface KnownPod {
  readonly runDir: string;
  readonly record: LedgerRecord;
  /** the daemon runs; what is left of a pod without one can be reaped */
  readonly alive: boolean;
}

export async function listPods(root: string = podsDir): Promise<readonly KnownPod[]> {
  const names = await namesIn(root);
  const pods = await Promise.all(names.map((name) => describe(join(root, name))));
  return pods.filter((pod) => pod !== null);
}

/** Run directories whose ledger is torn or missing, and that nobody uses: neither new nor in a command line. */
export async function listOrphans(root: string = podsDir, now: number = Date.now()): Promise<readonly string[]> {
  const dirs = (await namesIn(root)).map((name) => join(root, name));
  const orphans = await Promise.all(
    dirs.map(async (dir) => {
      if (readLedger(dir) !== null || (await stat(dir)).mtimeMs > now - orphanAgeMs) return [];
      return (await findProcesses(dir)).length === 0 ? [dir] : [];
    }),
  );
  return orphans.flat();
}

/** a daemon makes the directory a moment before its ledger */
const orphanAgeMs = 60_000;

async function namesIn(root: string): Promise<readonly string[]> {
  try {
    return (await readdir(root)).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
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

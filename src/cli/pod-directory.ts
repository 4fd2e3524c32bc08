// The pods of this machine, from their ledgers: what the tool can say of a pod also when its daemon
// is dead or mute.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { findProcesses, isAlive } from "../host/process.ts";
import { runRoot } from "../host/run-dir.ts";
import { EnvironmentLacks, errnoOf, InvalidRequest, NotFound } from "../lib/errors.ts";
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
export async function findPod(id: string, root: string = podsDir): Promise<KnownPod> {
  return pickById("pod", id, new Map((await listPods(root)).map((pod) => [pod.record.podId, pod])));
}

/** The same, and its daemon can be asked. */
export async function findLivingPod(id: string, root: string = podsDir): Promise<KnownPod> {
  const pod = await findPod(id, root);
  if (pod.alive) return pod;
  throw new EnvironmentLacks(
    `pod ${pod.record.podId} has no living daemon`,
    "`kata-cvm reap` removes what it left behind",
  );
}

/** What has the id `wanted`, or the only thing whose id begins with it. */
export function pickById<T>(kind: string, wanted: string, things: ReadonlyMap<string, T>): T {
  // a script's unset variable, which is the beginning of every id
  if (wanted === "") throw new InvalidRequest(kind, "is empty; give an id or the beginning of one");
  const found = [...things].filter(([id]) => id.startsWith(wanted));
  const exact = things.get(wanted);
  if (exact !== undefined) return exact;
  if (found.length > 1) {
    throw new InvalidRequest(kind, `"${wanted}" begins ${found.length} ids: ${found.map(([id]) => id).join(", ")}`);
  }
  const [only] = found;
  if (only === undefined) throw new NotFound(kind, wanted);
  return only[1];
}

async function describe(runDir: string): Promise<KnownPod | null> {
  const record = readLedger(runDir);
  return record === null ? null : { runDir, record, alive: await isAlive(record.shim) };
}

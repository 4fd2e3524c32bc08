// What this pod owns on the host, on disk before it is owned. `delete` runs in another process,
// after a crash, and has nothing but this file; the command-line tool lists pods from it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EnvironmentLacks, errnoOf, errorText, HostCallFailed } from "../lib/errors.ts";
import type { OwnedThing, Ownership } from "../lib/owned.ts";
import type { VmSize } from "../plan/limits.ts";

export interface LedgerRecord {
  readonly version: 1;
  readonly namespace: string;
  readonly podId: string;
  /** the sandbox's bundle directory */
  readonly bundle: string;
  /** unix socket that containerd dials */
  readonly socket: string;
  /** the daemon */
  readonly shim: { readonly pid: number; readonly startTime: string };
  /** milliseconds since the epoch */
  readonly createdAt: number;
  /** of the VM as it is now; absent before there is one */
  readonly size?: VmSize;
  readonly owned: readonly OwnedThing[];
}

export const ledgerFile = "ledger.json";

export class Ledger implements Ownership {
  readonly #path: string;
  #record: LedgerRecord;

  /** Makes the run directory and writes the first record: from here on the pod can be reclaimed. */
  constructor(runDir: string, record: Omit<LedgerRecord, "version">) {
    onDisk(runDir, () => mkdirSync(runDir, { recursive: true, mode: 0o700 }));
    this.#path = join(runDir, ledgerFile);
    this.#record = { version: 1, ...record };
    this.#write();
  }

  get owned(): readonly OwnedThing[] {
    return this.#record.owned;
  }

  /** Facts for whoever lists pods; nothing is reclaimed by them. */
  note(facts: Pick<LedgerRecord, "size">): void {
    this.#record = { ...this.#record, ...facts };
    this.#write();
  }

  claim(thing: OwnedThing): Promise<void> {
    return this.#replace([...this.#without(thing), thing]);
  }

  release(thing: OwnedThing): Promise<void> {
    return this.#replace(this.#without(thing));
  }

  /** Lets every path below a directory go, which was removed as a whole. */
  async releaseBelow(dir: string): Promise<void> {
    const isBelow = (thing: OwnedThing) => thing.kind === "path" && thing.path.startsWith(`${dir}/`);
    if (this.owned.some(isBelow)) await this.#replace(this.owned.filter((thing) => !isBelow(thing)));
  }

  #without(thing: OwnedThing): readonly OwnedThing[] {
    const key = ownedKey(thing);
    return this.#record.owned.filter((other) => ownedKey(other) !== key);
  }

  async #replace(owned: readonly OwnedThing[]): Promise<void> {
    this.#record = { ...this.#record, owned };
    this.#write();
  }

  /** On tmpfs: a rename is atomic, and a reader sees the old or the new record, whole. */
  #write(): void {
    const temporary = `${this.#path}.new`;
    onDisk(this.#path, () => {
      writeFileSync(temporary, JSON.stringify(this.#record), { mode: 0o600 });
      renameSync(temporary, this.#path);
    });
  }
}

function onDisk(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const errno = errnoOf(error) ?? errorText(error);
    if (errno !== "ENOSPC") throw new HostCallFailed(`write ${path}`, errno, { cause: error });
    throw new EnvironmentLacks(`no space is left for ${path}`, "free some in the file system of /run", {
      cause: error,
    });
  }
}

/** null where there is no ledger, or none that can be read: then there is nothing to reclaim by. */
export function readLedger(runDir: string): LedgerRecord | null {
  try {
    const record = JSON.parse(readFileSync(join(runDir, ledgerFile), "utf8")) as LedgerRecord;
    return record.version === 1 ? record : null;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Two entries with one key are the same thing: a process is claimed twice, before and after its pid is known. */
function ownedKey(thing: OwnedThing): string {
  switch (thing.kind) {
    case "process":
      return `process ${thing.name} ${thing.match}`;
    case "tap":
    case "nft-table":
      return `${thing.kind} ${thing.netns} ${thing.name}`;
    case "path":
    case "mount":
    case "cgroup":
      return `${thing.kind} ${thing.path}`;
  }
}

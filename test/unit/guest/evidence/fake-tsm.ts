// The kernel's configfs-tsm in memory, with its rules as Documentation/ABI/testing/configfs-tsm-report and
// drivers/virt/coco/tsm.c have them: which attributes an entry shows, that each write counts, that a report is made when
// it is read and kept until the next write, and that binary writes fail silently.
import { basename, dirname } from "node:path";
import type { TsmFiles } from "../../../../src/guest/evidence/tsm-report.ts";

interface Entry {
  readonly written: Map<string, Buffer>;
  generation: number;
  made: { readonly generation: number; readonly blobs: ReadonlyMap<string, Buffer> } | undefined;
}

export interface FakeTee {
  readonly provider: string;
  /** the guest runs below an SVSM */
  readonly svsm?: boolean;
  /** what the platform answers for the attributes as written; throws what the kernel would return */
  report(written: ReadonlyMap<string, Buffer>): Readonly<Record<string, Buffer>>;
  /** called after each write that was taken */
  readonly onWrite?: (tsm: FakeTsm, entry: string) => void;
  /** the PSP or the configuration is busy: binary writes are lost */
  readonly losesData?: boolean;
}

const INBLOB_MAX = 64;
const base = ["generation", "provider", "inblob", "outblob"];
const snp = ["auxblob", "privlevel", "privlevel_floor"];
const svsm = ["service_provider", "service_guid", "service_manifest_version", "manifestblob"];

export class FakeTsm implements TsmFiles {
  readonly entries = new Map<string, Entry>();
  /** files outside of the tree, such as the event log */
  readonly elsewhere = new Map<string, Buffer>();
  readonly #tee: FakeTee;
  readonly #root: string;

  constructor(root: string, tee: FakeTee) {
    this.#root = root;
    this.#tee = tee;
  }

  async list(folder: string): Promise<readonly string[]> {
    this.#entry(folder);
    return this.#attributes();
  }

  async mkdir(folder: string): Promise<void> {
    if (dirname(folder) !== this.#root) throw errno("ENOENT");
    if (this.entries.has(folder)) throw errno("EEXIST");
    this.entries.set(folder, { written: new Map(), generation: 0, made: undefined });
  }

  async rmdir(folder: string): Promise<void> {
    this.#entry(folder);
    this.entries.delete(folder);
  }

  async write(file: string, data: string | Uint8Array): Promise<void> {
    const entry = this.#entry(dirname(file));
    const attribute = this.#visible(file);
    if (!["inblob", "privlevel", ...svsm.slice(0, 3)].includes(attribute)) throw errno("EACCES");
    if (attribute === "inblob" && (this.#tee.losesData || data.length > INBLOB_MAX)) return;
    entry.written.set(attribute, Buffer.from(data as Uint8Array));
    entry.generation += 1;
    this.#tee.onWrite?.(this, dirname(file));
  }

  async read(file: string): Promise<Buffer> {
    const found = this.elsewhere.get(file);
    if (found) return found;
    const entry = this.#entry(dirname(file));
    const attribute = this.#visible(file);
    if (attribute === "provider") return Buffer.from(`${this.#tee.provider}\n`);
    if (attribute === "generation") return Buffer.from(`${entry.generation}\n`);
    if (!["outblob", "auxblob", "manifestblob"].includes(attribute)) throw errno("EACCES");
    if ((entry.written.get("inblob")?.length ?? 0) === 0) throw errno("EINVAL");
    if (entry.made?.generation !== entry.generation) {
      const blobs = new Map(Object.entries(this.#tee.report(entry.written)));
      entry.made = { generation: entry.generation, blobs };
    }
    return entry.made.blobs.get(attribute) ?? Buffer.alloc(0);
  }

  #attributes(): readonly string[] {
    if (this.#tee.provider !== "sev_guest") return base;
    return [...base, ...snp, ...(this.#tee.svsm ? svsm : [])];
  }

  #visible(file: string): string {
    const attribute = basename(file);
    if (!this.#attributes().includes(attribute)) throw errno("ENOENT");
    return attribute;
  }

  #entry(folder: string): Entry {
    const entry = this.entries.get(folder);
    if (entry === undefined) throw errno("ENOENT");
    return entry;
  }
}

export function errno(code: string): Error {
  return Object.assign(new Error(code), { code });
}

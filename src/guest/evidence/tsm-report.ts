// Reports of the TEE itself, by the kernel's configfs-tsm (Documentation/ABI/testing/configfs-tsm-report): an entry
// of our own, 64 bytes in, the report out. Binary attributes take a write only when it is closed and cannot tell that
// it failed; `generation` counts the writes that were taken, so it alone says whose data the report is for.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentLacks, errnoOf, HostCallFailed } from "../../lib/errors.ts";
import { parseCertificateTable } from "../../measure/evidence/certificate-table.ts";
import { MalformedInput } from "../../measure/reader.ts";

const guestTsmRoot = "/sys/kernel/config/tsm/report";
/** Event log of a TD: data of the ACPI table CCEL. */
const CCEL = "/sys/firmware/acpi/tables/data/CCEL";
/** What an SVSM attests for its vTPM: version 0 of the manifest is the endorsement key's area (COCONUT-SVSM). */
const VTPM_SERVICE = { guid: "c476f1eb-0123-45a5-9641-b4e7dde5bfe3", manifestVersion: "0" } as const;

/** The few file operations that the kernel's interface is made of. */
export interface TsmFiles {
  list(folder: string): Promise<readonly string[]>;
  mkdir(folder: string): Promise<unknown>;
  rmdir(folder: string): Promise<void>;
  write(file: string, data: string | Uint8Array): Promise<void>;
  read(file: string): Promise<Buffer>;
}

/** Where reports are made. */
export interface Tsm {
  readonly root: string;
  readonly files: TsmFiles;
}

export const kernelTsm: Tsm = {
  root: guestTsmRoot,
  files: { list: readdir, mkdir, rmdir, write: writeFile, read: (file) => readFile(file) },
};

/** The members `snp` and `tdx` of `kata-cvm-evidence/1`. */
export interface TeeDocument {
  readonly snp?: {
    readonly report: string;
    /** PEM, as far as the host has any */
    readonly certificates?: string;
    readonly svsm?: { readonly nonce: string; readonly manifest: string };
  };
  readonly tdx?: { readonly quote: string; readonly ccel?: string };
}

/** Without a TEE the kernel has no such directory. */
export async function hasTee(root: string): Promise<boolean> {
  return await readdir(root).then(
    () => true,
    () => false,
  );
}

/** `reportData` has 64 bytes. Under an SVSM the report is the SVSM's own and binds them together with its manifest. */
export async function reportTee({ root, files }: Tsm, reportData: Uint8Array): Promise<TeeDocument> {
  const folder = join(root, `kata-cvm-${randomBytes(8).toString("hex")}`);
  await asHostCall("make a report entry", files.mkdir(folder));
  try {
    return await readReport(new ReportEntry(files, folder), reportData);
  } finally {
    await files.rmdir(folder);
  }
}

async function readReport(entry: ReportEntry, reportData: Uint8Array): Promise<TeeDocument> {
  const provider = await entry.text("provider");
  if (provider === "sev_guest") return { snp: await snpReport(entry, reportData) };
  if (provider === "tdx_guest") return { tdx: { quote: await entry.report(reportData), ...(await entry.eventLog()) } };
  throw new EnvironmentLacks(`the kernel's report provider ${provider} is unknown`, "use a guest of SNP or TDX");
}

/** The kernel shows `service_provider` only where it runs below an SVSM. */
async function snpReport(entry: ReportEntry, reportData: Uint8Array): Promise<NonNullable<TeeDocument["snp"]>> {
  if (!(await entry.has("service_provider"))) {
    const report = await entry.report(reportData);
    return { report, ...(await certificates(entry)) };
  }
  await entry.set("service_provider", "svsm");
  await entry.set("service_guid", VTPM_SERVICE.guid);
  await entry.set("service_manifest_version", VTPM_SERVICE.manifestVersion);
  const report = await entry.report(reportData);
  const manifest = (await entry.get("manifestblob")).toString("base64");
  const nonce = Buffer.from(reportData).toString("base64");
  return { report, ...(await certificates(entry)), svsm: { nonce, manifest } };
}

/** A table that cannot be read is the host's fault and no reason to withhold the report. */
async function certificates(entry: ReportEntry): Promise<{ certificates?: string }> {
  try {
    const list = parseCertificateTable(await entry.get("auxblob"));
    return list.length === 0 ? {} : { certificates: list.map(({ x509 }) => x509.toString()).join("") };
  } catch (error) {
    if (error instanceof MalformedInput) return {};
    throw error;
  }
}

/** One entry, with the number of writes that it was given. */
class ReportEntry {
  readonly #files: TsmFiles;
  readonly #folder: string;
  #writes = 0;

  constructor(files: TsmFiles, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  async has(attribute: string): Promise<boolean> {
    return (await this.#files.list(this.#folder)).includes(attribute);
  }

  async set(attribute: string, value: string | Uint8Array): Promise<void> {
    this.#writes += 1;
    await asHostCall(`write ${attribute}`, this.#files.write(join(this.#folder, attribute), value));
  }

  async get(attribute: string): Promise<Buffer> {
    return await asHostCall(`read ${attribute}`, this.#files.read(join(this.#folder, attribute)));
  }

  async text(attribute: string): Promise<string> {
    return (await this.get(attribute)).toString("utf8").trim();
  }

  /** base64; the last of the writes is the data */
  async report(reportData: Uint8Array): Promise<string> {
    await this.set("inblob", reportData);
    const report = await this.get("outblob");
    const generation = await this.text("generation");
    if (generation === String(this.#writes)) return report.toString("base64");
    const counts = `generation ${generation} after ${this.#writes} writes`;
    throw new EnvironmentLacks(`the report is not for our data (${counts})`, "ask again");
  }

  async eventLog(): Promise<{ ccel?: string }> {
    try {
      return { ccel: (await this.#files.read(CCEL)).toString("base64") };
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return {};
      throw new HostCallFailed("read the event log", errnoOf(error) ?? "", { cause: error });
    }
  }
}

async function asHostCall<T>(operation: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new HostCallFailed(`TEE report: ${operation}`, errnoOf(error) ?? "", { cause: error });
  }
}

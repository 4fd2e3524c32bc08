// Reports of the TEE itself, by the kernel's configfs-tsm (Documentation/ABI/testing/configfs-tsm-report): a
// directory of our own, 64 bytes in, the report out. `generation` tells whether someone else wrote in between.
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentLacks, errnoOf } from "../../lib/errors.ts";

export const guestTsmRoot = "/sys/kernel/config/tsm/report";
/** Event log of a TD: data of the ACPI table CCEL. */
const CCEL = "/sys/firmware/acpi/tables/data/CCEL";

/** The members `snp` and `tdx` of `kata-cvm-evidence/1`. */
export interface TeeDocument {
  readonly snp?: { readonly report: string };
  readonly tdx?: { readonly quote: string; readonly ccel?: string };
}

/** Without a TEE the kernel has no such directory. */
export async function hasTee(root: string): Promise<boolean> {
  return await readdir(root).then(
    () => true,
    () => false,
  );
}

/** `reportData` has 64 bytes. */
export async function reportTee(root: string, reportData: Uint8Array): Promise<TeeDocument> {
  const entry = join(root, `kata-cvm-${process.pid}`);
  await mkdir(entry);
  try {
    await writeFile(join(entry, "inblob"), reportData);
    const report = (await readFile(join(entry, "outblob"))).toString("base64");
    const provider = (await readFile(join(entry, "provider"), "utf8")).trim();
    const generation = (await readFile(join(entry, "generation"), "utf8")).trim();
    if (generation !== "1") throw new EnvironmentLacks("the report is not for our data", "ask again");
    if (provider === "sev_guest") return { snp: { report } };
    if (provider === "tdx_guest") return { tdx: { quote: report, ...(await eventLog()) } };
    throw new EnvironmentLacks(`the kernel's report provider ${provider} is unknown`, "use a guest of SNP or TDX");
  } finally {
    await rmdir(entry);
  }
}

async function eventLog(): Promise<{ ccel?: string }> {
  try {
    return { ccel: (await readFile(CCEL)).toString("base64") };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return {};
    throw error;
  }
}

// Whether the configured firmware can start a confidential guest at all: read from the file before
// anything is launched, because QEMU would say it only half-way, and less clearly.
import { readFile } from "node:fs/promises";
import type { RuntimeConfig } from "../config/schema.ts";
import { errnoOf, errorText, HostCallFailed } from "../lib/errors.ts";
import { parseIgvm } from "../measure/igvm/parse.ts";
import { requireQemuCanLaunch } from "../measure/igvm/validate-for-qemu.ts";
import { parseOvmf } from "../measure/ovmf.ts";
import { MalformedInput } from "../measure/reader.ts";
import { snpLayout } from "../measure/snp/launch-digest.ts";
import { parseTdvf } from "../measure/tdx/tdvf.ts";

/** What is wrong with it, or undefined; nothing is asked of a firmware for guests without a TEE. */
export async function readFirmwareProblem(config: RuntimeConfig): Promise<string | undefined> {
  const { vm, paths } = config;
  if (vm.tee === "none") return undefined;
  const path = paths.igvm === "" ? paths.firmware : paths.igvm;
  try {
    checkFirmware(config, await readFile(path));
    return undefined;
  } catch (error) {
    if (error instanceof MalformedInput) return errorText(error);
    if (errnoOf(error) === "ENOENT") return "the file does not exist";
    throw new HostCallFailed(`read ${path}`, errnoOf(error) ?? "EUNKNOWN", { cause: error });
  }
}

function checkFirmware({ vm, paths }: RuntimeConfig, bytes: Buffer): void {
  if (paths.igvm !== "") requireQemuCanLaunch(parseIgvm(bytes), "snp");
  else if (vm.tee === "tdx") parseTdvf(parseOvmf(bytes));
  else if (!snpLayout(parseOvmf(bytes)).hashTableGpa) {
    throw new MalformedInput(
      "OVMF firmware",
      bytes.length,
      "no room for kernel hashes: not a build of the AmdSev kind",
    );
  }
}

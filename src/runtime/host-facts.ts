// Everything a plan is made from besides the configuration, asked at once. What costs time (QEMU's
// abilities, the proof of KVM) is kept under the run directory and asked once a boot.
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RuntimeConfig } from "../config/schema.ts";
import { probeKvm } from "../host/accel.ts";
import { readGuestImage } from "../host/guest-image.ts";
import { probeQemu } from "../host/qemu-facts.ts";
import { runRoot } from "../host/run-dir.ts";
import { probeSev } from "../host/sev-facts.ts";
import { EnvironmentLacks } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { HostFacts } from "../plan/inputs.ts";
import { readFirmwareProblem } from "./firmware-facts.ts";

export async function probeHostFacts(
  config: RuntimeConfig,
  context: { logger: Logger; signal?: AbortSignal },
): Promise<HostFacts> {
  const cacheDir = join(runRoot, "facts");
  const { signal } = context;
  const [qemu, image, kvm, snp, sev, tdx, vhostVsock, vhostNet, quoteSocket, virtiofsd, firmwareProblem] =
    await Promise.all([
      probeQemu(config.paths.qemu, { cacheDir, signal }),
      readGuestImage(config.paths.image),
      probeAccelerator(config, { cacheDir, ...context }),
      readParameter("/sys/module/kvm_amd/parameters/sev_snp"),
      askSev(config, { cacheDir, signal }),
      readParameter("/sys/module/kvm_intel/parameters/tdx"),
      exists("/dev/vhost-vsock"),
      exists("/dev/vhost-net"),
      exists(config.tdx.quoteSocket),
      exists(config.paths.virtiofsd),
      readFirmwareProblem(config),
    ]);
  return {
    qemu,
    image,
    kvm,
    snp: { supported: snp, ...sev },
    tdx: { supported: tdx },
    vhostVsock,
    vhostNet,
    quoteSocket,
    virtiofsd,
    firmwareProblem,
  };
}

/** 0 for what nobody knows: the plan refuses it, and says why. */
async function askSev(
  { vm, snp, paths }: RuntimeConfig,
  options: { cacheDir: string; signal?: AbortSignal | undefined },
): Promise<Omit<HostFacts["snp"], "supported">> {
  const unknown = { cbitpos: 0, reducedPhysBits: 0 };
  if (vm.tee !== "snp" || (snp.cbitpos !== 0 && snp.reducedPhysBits !== 0)) return { ...unknown, origin: "not asked" };
  try {
    return { ...(await probeSev(paths.qemu, options)), origin: "QEMU's query-sev-capabilities" };
  } catch (error) {
    if (!(error instanceof EnvironmentLacks)) throw error;
    return { ...unknown, origin: error.what };
  }
}

/** Only `auto` needs the proof; one line says why KVM is not used although it is there. */
async function probeAccelerator(
  config: RuntimeConfig,
  context: { cacheDir: string; logger: Logger; signal?: AbortSignal },
): Promise<HostFacts["kvm"]> {
  if (config.vm.accelerator !== "auto" || config.vm.tee !== "none") return { usable: false, reason: "not asked" };
  const { cacheDir, logger, signal } = context;
  const verdict = await probeKvm({
    qemu: config.paths.qemu,
    cpu: config.vm.cpuModel || "host",
    runDir: cacheDir,
    signal,
  });
  if (verdict.usable) return { usable: true, reason: "" };
  logger.warn("KVM is not usable here: this pod runs under TCG, which is slow", { reason: verdict.reason });
  return verdict;
}

async function readParameter(path: string): Promise<boolean> {
  try {
    return /^[Y1]/.test(await readFile(path, "utf8"));
  } catch {
    // no such module: no such technology
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

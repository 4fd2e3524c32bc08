// `kata-cvm reference`: every value that a launch of this runtime class may measure to, before any
// launch. vCPU classes and boot phases give several good values of one register, each labelled.
import { join } from "node:path";
import { parseConfig } from "../config/parse.ts";
import type { RuntimeConfig } from "../config/schema.ts";
import { defaultConfigPath, readConfigFiles } from "../host/config-files.ts";
import { readGuestImage } from "../host/guest-image.ts";
import { Unsupported } from "../lib/errors.ts";
import { renderCorim } from "../measure/evidence/corim.ts";
import { type ReferenceSet, type ReferenceValue, renderReference } from "../measure/evidence/reference.ts";
import { renderRvps } from "../measure/evidence/rvps.ts";
import { toHex } from "../measure/hex.ts";
import { measureIgvm } from "../measure/igvm/measure-igvm.ts";
import { parseIgvm } from "../measure/igvm/parse.ts";
import { hashKernelFiles, type KernelHashes } from "../measure/kernel-hashes.ts";
import { parseOvmf } from "../measure/ovmf.ts";
import { parseVcpuType } from "../measure/snp/cpu-models.ts";
import { measureSnp, snpLayout } from "../measure/snp/launch-digest.ts";
import { measureMrtd } from "../measure/tdx/mrtd.ts";
import { parseTdvf } from "../measure/tdx/tdvf.ts";
import { PLAIN_INITRD_PHASES, SYSTEMD_INITRD_PHASES } from "../measure/uki/pcr11.ts";
import { predictUkiPcrs } from "../measure/uki/predict-pcrs.ts";
import { parseUki } from "../measure/uki/uki.ts";
import { composeCmdline } from "../plan/kernel-cmdline.ts";
import type { LaunchClass } from "../plan/launch-plan.ts";
import { classOf } from "../plan/plan-launch.ts";
import { type CommandResult, defineCommand } from "./command.ts";
import { readInput } from "./read-input.ts";

const DEFAULT_SNP_CPU = "EPYC-v4";

export const referenceCommand = defineCommand({
  command: "reference",
  describe: "reference values of a runtime class, for `verify --reference` and for verifiers of others",
  options: {
    config: { type: "string", describe: "configuration of the runtime class", default: defaultConfigPath },
    format: {
      type: "string",
      describe: "plain JSON, a message for Trustee's RVPS, or an unsigned CoRIM (base64 in --json)",
      choices: ["json", "rvps", "corim"],
      default: "json",
    },
  },
  async run({ config: path, format }) {
    const { config } = parseConfig(await readConfigFiles(path));
    const values = await valuesOf[classOf(config)](config);
    return renderSet({ subject: `kata-cvm ${classOf(config)}`, values }, format);
  },
});

function renderSet(set: ReferenceSet, format: "json" | "rvps" | "corim"): CommandResult {
  if (format === "corim") {
    const corim = renderCorim(set);
    return { json: { corim: corim.toString("base64") }, text: corim.toString("hex"), exitCode: 0 };
  }
  const json = format === "rvps" ? renderRvps(set) : renderReference(set);
  return { json, text: JSON.stringify(json, null, 2), exitCode: 0 };
}

type Values = Promise<readonly ReferenceValue[]>;

const valuesOf: Readonly<Record<LaunchClass, (config: RuntimeConfig) => Values>> = {
  measured: async (config) => await ukiValues(config),
  fast: async () => {
    throw new Unsupported("a reference of this class", "its firmware measures nothing");
  },
  "snp-igvm": async (config) => {
    const { measurement } = measureIgvm(parseIgvm(await readInput("paths.igvm", config.paths.igvm)));
    const launch = { name: "snp.measurement", value: toHex(measurement), label: "any number of vCPUs" };
    return [launch, ...(await ukiValues(config))];
  },
  "snp-ovmf-uki": async (config) => {
    const kernel = await readInput("paths.image", join(config.paths.image, "uki.efi"));
    return await snpValues(config, hashKernelFiles({ kernel, cmdline: "" }));
  },
  "snp-ovmf-initrd": async (config) => {
    const image = await readGuestImage(config.paths.image);
    const kernel = await readInput("paths.image", join(image.dir, "vmlinuz"));
    const initrd = await readInput("paths.image", join(image.dir, "initrd.img"));
    return await snpValues(config, hashKernelFiles({ kernel, initrd, cmdline: composeCmdline(config, image) }));
  },
  // RTMRs depend on the memory size and QEMU's ACPI tables: `measure tdx` predicts them for one launch.
  tdx: async (config) => {
    const sections = parseTdvf(parseOvmf(await readInput("paths.firmware", config.paths.firmware)));
    return (["singlePass", "twoPass"] as const).map((order) => {
      const { mrtd } = measureMrtd(sections, order);
      return {
        name: "tdx.mrTd",
        value: toHex(mrtd),
        label: order === "singlePass" ? "pages in one pass" : "in two passes",
      };
    });
  },
};

async function snpValues(config: RuntimeConfig, kernelHashes: KernelHashes): Values {
  const layout = snpLayout(parseOvmf(await readInput("paths.firmware", config.paths.firmware)));
  const vcpuSignature = parseVcpuType(config.vm.cpuModel === "" ? DEFAULT_SNP_CPU : config.vm.cpuModel);
  const guestFeatures = BigInt(config.snp.guestFeatures);
  return config.vm.vcpuClasses.map((vcpus) => {
    const inputs = { layout, vcpus, vcpuSignature, guestFeatures, vmm: "qemu", kernelHashes } as const;
    const { measurement } = measureSnp(inputs);
    return { name: "snp.measurement", value: toHex(measurement), label: `${vcpus} vCPUs` };
  });
}

/** PCR 8 is the pod's own (initdata), PCR 7 depends on the variable store: neither belongs to a class. */
async function ukiValues(config: RuntimeConfig): Values {
  const uki = parseUki(await readInput("paths.image", join(config.paths.image, "uki.efi")));
  const phases = [...new Set([...PLAIN_INITRD_PHASES, ...SYSTEMD_INITRD_PHASES])];
  const pcrs = predictUkiPcrs(uki, "sha256", phases);
  const boot = config.vm.boot === "uki-disk" ? "disk" : "direct";
  const value = (index: number, bytes: Uint8Array, label: string): ReferenceValue => ({
    name: `pcr.sha256.${index}`,
    value: toHex(bytes),
    label,
  });
  return [
    value(4, pcrs.pcr4[boot], `${boot} boot`),
    ...("value" in pcrs.pcr9 ? [value(9, pcrs.pcr9.value, "command line and initrd of the image")] : []),
    ...pcrs.pcr11.map((one) => value(11, one.value, one.phase === "" ? "before any phase" : `after ${one.phase}`)),
    value(12, pcrs.pcr12, "nothing from outside"),
    value(13, pcrs.pcr13, "no extension"),
  ];
}

// `kata-cvm measure snp`: the launch digest of an SEV, SEV-ES or SNP guest with OVMF, before it starts.
import { InvalidRequest } from "../lib/errors.ts";
import { toAddress, toHex } from "../measure/hex.ts";
import { hashKernelFiles, type KernelHashes } from "../measure/kernel-hashes.ts";
import { type OvmfFirmware, parseOvmf } from "../measure/ovmf.ts";
import { parseVcpuType } from "../measure/snp/cpu-models.ts";
import { measureSnp, type SnpInputs, type SnpMeasurement, snpLayout } from "../measure/snp/launch-digest.ts";
import { measureSev } from "../measure/snp/sev-digest.ts";
import { measureSvsm } from "../measure/snp/svsm-digest.ts";
import { vmms } from "../measure/snp/vmsa.ts";
import type { Trail } from "../measure/trail.ts";
import type { ArgsOf, CommandOptions } from "./command.ts";
import { defineKind, type Measured, measureCommand, settingsOf } from "./measured.ts";
import { readInput } from "./read-input.ts";

const options = {
  ovmf: { type: "string", describe: "the firmware file", demandOption: true },
  vcpus: { type: "number", describe: "number of vCPUs", default: 1 },
  "vcpu-type": { type: "string", describe: "QEMU CPU model, signature, or family,model,stepping", default: "EPYC-v4" },
  vmm: {
    type: "string",
    describe: "whose register state and page order",
    choices: vmms,
    default: "qemu",
  },
  "guest-features": { type: "string", describe: "SEV_FEATURES of the host", default: "0x1" },
  kernel: { type: "string", describe: "kernel or UKI, for kernel-hashes=on" },
  initrd: { type: "string", describe: "initial ramdisk" },
  append: { type: "string", describe: "kernel command line, exact" },
  mode: {
    type: "string",
    describe: "kind of guest; snp:svsm is COCONUT-SVSM before IGVM",
    choices: ["snp", "snp:svsm", "seves", "sev"],
    default: "snp",
  },
  svsm: { type: "string", describe: "SVSM binary, for --mode snp:svsm" },
  "vars-size": { type: "number", describe: "bytes of the variable store between SVSM and firmware" },
  ladder: { type: "boolean", describe: "digests of every number of vCPUs up to --vcpus", default: false },
} as const satisfies CommandOptions;
type Args = ArgsOf<typeof options>;

export const snpKind = defineKind({
  name: "snp",
  describe: "launch digest of an SNP guest with OVMF (also SEV-ES and SEV)",
  options,
  async measure(args) {
    const firmware = parseOvmf(await readInput("--ovmf", args.ovmf));
    const kernelHashes = await readKernelHashes(args);
    const measured =
      args.mode === "sev" || args.mode === "seves"
        ? sev(args, firmware, kernelHashes)
        : snp(args, await measureGuest(args, firmware, kernelHashes), kernelHashes);
    return { ...measured, settings: settingsOf(args, options) };
  },
});

export const measureSnpCommand = measureCommand(snpKind);

async function readKernelHashes(args: Args): Promise<KernelHashes | undefined> {
  if (args.kernel === undefined) {
    const stray = (["initrd", "append"] as const).find((name) => args[name] !== undefined);
    if (stray) throw new InvalidRequest(`--${stray}`, "is measured only together with --kernel");
    return undefined;
  }
  const kernel = await readInput("--kernel", args.kernel);
  const initrd = args.initrd === undefined ? {} : { initrd: await readInput("--initrd", args.initrd) };
  return hashKernelFiles({ kernel, ...initrd, cmdline: args.append ?? "" });
}

async function measureGuest(
  args: Args,
  firmware: OvmfFirmware,
  kernelHashes: KernelHashes | undefined,
): Promise<SnpMeasurement> {
  const state = {
    vcpus: args.vcpus,
    vcpuSignature: parseVcpuType(args["vcpu-type"]),
    guestFeatures: parseFeatures(args["guest-features"]),
  };
  if (args.mode === "snp:svsm") {
    const { vmm } = args;
    if (vmm !== "qemu" && vmm !== "qemu-legacy") throw new InvalidRequest("--vmm", `${vmm} never ran an SVSM this way`);
    if (kernelHashes) throw new InvalidRequest("--kernel", "is not measured with an SVSM: its vTPM measures the boot");
    const { svsm, "vars-size": varsBytes } = args;
    if (svsm === undefined) throw new InvalidRequest("--svsm", "is required for --mode snp:svsm");
    if (varsBytes === undefined) throw new InvalidRequest("--vars-size", "is required for --mode snp:svsm");
    return measureSvsm({ ...state, firmware, svsm: parseOvmf(await readInput("--svsm", svsm)), varsBytes, vmm });
  }
  const stray = (["svsm", "vars-size"] as const).find((name) => args[name] !== undefined);
  if (stray) throw new InvalidRequest(`--${stray}`, "is for --mode snp:svsm");
  const inputs: SnpInputs = { ...state, layout: snpLayout(firmware), vmm: args.vmm };
  return measureSnp(kernelHashes === undefined ? inputs : { ...inputs, kernelHashes });
}

function snp(
  args: Args,
  { measurement, ovmfHash, trail }: SnpMeasurement,
  kernelHashes: KernelHashes | undefined,
): Omit<Measured, "settings"> {
  const ladder = args.ladder ? { ladder: ladderOf(trail) } : {};
  const json = {
    ...describe(args, kernelHashes),
    measurement: toHex(measurement),
    ovmfHash: toHex(ovmfHash),
    ...ladder,
  };
  const rungs = Object.entries(ladder.ladder ?? {}).map(([count, digest]) => `${digest}  ${count} vCPU`);
  return { json, text: args.ladder ? rungs.join("\n") : json.measurement, trails: [trail] };
}

function sev(args: Args, firmware: OvmfFirmware, kernelHashes: KernelHashes | undefined): Omit<Measured, "settings"> {
  if (args.ladder) throw new InvalidRequest("--ladder", "is for SNP modes");
  const es = { vcpus: args.vcpus, vcpuSignature: parseVcpuType(args["vcpu-type"]), vmm: args.vmm };
  const { digest, trail } = measureSev({
    firmware,
    ...(kernelHashes === undefined ? {} : { kernelHashes }),
    ...(args.mode === "seves" ? { es } : {}),
  });
  const measurement = toHex(digest);
  return { json: { ...describe(args, kernelHashes), measurement }, text: measurement, trails: [trail] };
}

function describe(args: Args, hashes: KernelHashes | undefined) {
  return {
    kind: "snp",
    mode: args.mode,
    vmm: args.vmm,
    vcpus: args.vcpus,
    vcpuType: args["vcpu-type"],
    vcpuSignature: toAddress(parseVcpuType(args["vcpu-type"])),
    guestFeatures: toAddress(parseFeatures(args["guest-features"])),
    ...(hashes === undefined
      ? {}
      : {
          kernelHashes: {
            kernel: toHex(hashes.kernel),
            initrd: toHex(hashes.initrd),
            cmdline: toHex(hashes.cmdline),
          },
        }),
  };
}

/** Each vCPU adds one step, so every smaller guest's digest lies on the way. */
function ladderOf(trail: Trail): Record<string, string> {
  const states = trail.steps.filter((step) => step.event === "VMSA");
  return Object.fromEntries(states.map((step, index) => [String(index + 1), step.running]));
}

function parseFeatures(text: string): bigint {
  if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text))
    throw new InvalidRequest("--guest-features", `"${text}" is no number`);
  return BigInt(text);
}

// What a planned launch will measure to, computed from that very plan and the files it names. A file
// that is not on this machine makes its values unknown, with the reason; it does not make the plan wrong.
import { join } from "node:path";
import { errorText, KataError } from "../lib/errors.ts";
import { toHex } from "../measure/hex.ts";
import { measureIgvm } from "../measure/igvm/measure-igvm.ts";
import { parseIgvm } from "../measure/igvm/parse.ts";
import { hashKernelFiles } from "../measure/kernel-hashes.ts";
import { parseOvmf } from "../measure/ovmf.ts";
import { parseVcpuType } from "../measure/snp/cpu-models.ts";
import { measureSnp, snpLayout } from "../measure/snp/launch-digest.ts";
import { measureMrtd } from "../measure/tdx/mrtd.ts";
import { parseTdvf } from "../measure/tdx/tdvf.ts";
import { PLAIN_INITRD_PHASES, SYSTEMD_INITRD_PHASES } from "../measure/uki/pcr11.ts";
import { predictUkiPcrs } from "../measure/uki/predict-pcrs.ts";
import { parseUki } from "../measure/uki/uki.ts";
import type { LaunchPlan } from "../plan/launch-plan.ts";
import { type MeasuredParts, measuredParts } from "../plan/measured-parts.ts";
import { readInput } from "./read-input.ts";

type Values = Readonly<Record<string, unknown>>;
type Rules = {
  readonly [R in MeasuredParts["rule"]]: (
    parts: Extract<MeasuredParts, { rule: R }>,
    plan: LaunchPlan,
  ) => Promise<Values>;
};

/** Digests lower-case hex; `unknown` says why a value is missing. */
export async function expectedValues(plan: LaunchPlan): Promise<Values> {
  const parts = measuredParts(plan);
  const measure = rules[parts.rule] as (parts: MeasuredParts, plan: LaunchPlan) => Promise<Values>;
  const measured = await knownOr(() => measure(parts, plan));
  return { ...measured, ...(parts.initdata === undefined ? {} : { initdata: parts.initdata }) };
}

const rules: Rules = {
  none: async () => ({}),
  tpm: async (_parts, plan) => await ukiPcrs(plan),
  "snp-ovmf": async (parts) => {
    const layout = snpLayout(parseOvmf(await readInput("paths.firmware", parts.firmware)));
    const { measurement, ovmfHash } = measureSnp({
      layout,
      vcpus: parts.vcpus,
      vcpuSignature: parseVcpuType(parts.vcpuType.split(",", 1)[0] ?? ""),
      guestFeatures: BigInt(parts.guestFeatures),
      vmm: "qemu",
      ...(parts.kernelHashes && parts.kernel !== undefined ? { kernelHashes: await kernelHashes(parts) } : {}),
    });
    return { snpMeasurement: toHex(measurement), ovmfHash: toHex(ovmfHash) };
  },
  "snp-igvm": async (parts, plan) => ({
    ...(await knownOr(async () => {
      const { measurement } = measureIgvm(parseIgvm(await readInput("paths.igvm", parts.igvm)));
      return { snpMeasurement: toHex(measurement) };
    })),
    ...(await ukiPcrs(plan)),
  }),
  tdx: async (parts) => {
    const sections = parseTdvf(parseOvmf(await readInput("paths.firmware", parts.firmware)));
    const mrtd = (order: "singlePass" | "twoPass") => toHex(measureMrtd(sections, order).mrtd);
    return { mrtd: { singlePass: mrtd("singlePass"), twoPass: mrtd("twoPass") } };
  },
};

async function kernelHashes(parts: Extract<MeasuredParts, { rule: "snp-ovmf" }>) {
  const { kernel, initrd } = parts.kernel ?? { kernel: "" };
  return hashKernelFiles({
    kernel: await readInput("kernel", kernel),
    ...(initrd === undefined ? {} : { initrd: await readInput("initrd", initrd) }),
    cmdline: parts.append,
  });
}

/** sha256 bank; PCR 11 by the boot phase that has been reached. */
async function ukiPcrs(plan: LaunchPlan): Promise<Values> {
  const uki = parseUki(await readInput("paths.image", plan.kernel?.kernel ?? join(plan.image.dir, "uki.efi")));
  const pcrs = predictUkiPcrs(uki, "sha256", [...new Set([...PLAIN_INITRD_PHASES, ...SYSTEMD_INITRD_PHASES])]);
  return {
    pcr4: toHex(pcrs.pcr4[plan.kernel === undefined ? "disk" : "direct"]),
    ...("value" in pcrs.pcr9 ? { pcr9: toHex(pcrs.pcr9.value) } : {}),
    pcr11: Object.fromEntries(pcrs.pcr11.map(({ phase, value }) => [phase || "(before any phase)", toHex(value)])),
    pcr12: toHex(pcrs.pcr12),
    pcr13: toHex(pcrs.pcr13),
  };
}

async function knownOr(work: () => Promise<Values>): Promise<Values> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KataError)) throw error;
    return { unknown: errorText(error) };
  }
}

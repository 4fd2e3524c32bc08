// Every value that a launch may measure to, from its plan and the bytes of the files that the plan names. A value
// that these do not determine is listed with the reason; a broken file makes its own values unknown, no others.
// Names are those of evidence (measure/evidence/reference.ts).
import { errorText, InvalidRequest, KataError } from "../lib/errors.ts";
import type { ReferenceValue } from "../measure/evidence/reference.ts";
import { toHex } from "../measure/hex.ts";
import { measureIgvm } from "../measure/igvm/measure-igvm.ts";
import { parseIgvm } from "../measure/igvm/parse.ts";
import { measurePcr8 } from "../measure/initdata/initdata.ts";
import { hashKernelFiles, type KernelHashes } from "../measure/kernel-hashes.ts";
import { parseOvmf } from "../measure/ovmf.ts";
import { parseVariableStore } from "../measure/ovmf-variables.ts";
import { parseVcpuType } from "../measure/snp/cpu-models.ts";
import { measureSnp, snpLayout } from "../measure/snp/launch-digest.ts";
import { describeSnpPolicy, snpPolicyHex } from "../measure/snp/policy.ts";
import { measureMrtd } from "../measure/tdx/mrtd.ts";
import { replayRtmrEvents } from "../measure/tdx/rtmr.ts";
import { predictRtmrEvents } from "../measure/tdx/rtmr-events.ts";
import { parseTdvf } from "../measure/tdx/tdvf.ts";
import { measurePcr7, SECURE_BOOT_ABSENT, SECURE_BOOT_OFF } from "../measure/uki/pcr7.ts";
import { PLAIN_INITRD_PHASES, SYSTEMD_INITRD_PHASES } from "../measure/uki/pcr11.ts";
import { predictUkiPcrs } from "../measure/uki/predict-pcrs.ts";
import { parseUki, type Uki, ukiSection } from "../measure/uki/uki.ts";
import type { BootParts, MeasuredParts } from "./measured-parts.ts";

/** Reads a file that the plan names; `setting` is the one it comes from. */
export type ReadPlanned = (setting: string, path: string) => Promise<Uint8Array>;

export interface UnknownValue {
  readonly name: string;
  readonly reason: string;
}

export interface Prediction {
  /** several good values of one name differ by their label */
  readonly values: readonly ReferenceValue[];
  readonly unknown: readonly UnknownValue[];
}

export async function predictLaunch(parts: MeasuredParts, read: ReadPlanned): Promise<Prediction> {
  const rule = rules[parts.rule] as (parts: MeasuredParts, read: ReadPlanned) => readonly Predicted[];
  const found = await Promise.all(rule(parts, read).map(({ name, values }) => knownOr(name, values)));
  return { values: found.flatMap(({ values }) => values), unknown: found.flatMap(({ unknown }) => unknown) };
}

type Values = readonly ReferenceValue[] | { readonly unknown: string };

/** Values that stand or fall together, under the name they have when unknown. */
interface Predicted {
  readonly name: string;
  readonly values: () => Promise<Values>;
}

type Rules = {
  readonly [R in MeasuredParts["rule"]]: (
    parts: Extract<MeasuredParts, { rule: R }>,
    read: ReadPlanned,
  ) => readonly Predicted[];
};

const rules: Rules = {
  none: () => [{ name: "all", values: async () => ({ unknown: "the firmware of this class measures nothing" }) }],
  tpm: (parts, read) => [
    { name: "pcr.sha256.7", values: async () => pcr7Values(await read("paths.firmware", parts.firmware)) },
    ...pcrValues(parts, read),
  ],
  "snp-ovmf": (parts, read) => [
    { name: "snp.measurement", values: () => snpValues(parts, read) },
    policyValue(parts),
    fieldValue("snp.hostData", 32, parts),
  ],
  "snp-igvm": (parts, read) => [
    {
      name: "snp.measurement",
      values: async () => {
        const { measurement } = measureIgvm(parseIgvm(await read("paths.igvm", parts.igvm)));
        return [{ name: "snp.measurement", value: toHex(measurement), label: "any number of vCPUs" }];
      },
    },
    policyValue(parts),
    fieldValue("snp.hostData", 32, parts),
    {
      name: "pcr.sha256.7",
      values: async () => ({ unknown: "the IGVM file does not tell the firmware's variable store" }),
    },
    ...pcrValues(parts, read),
  ],
  tdx: (parts, read) => [
    { name: "tdx.mrTd", values: () => mrtdValues(parts, read) },
    fieldValue("tdx.mrConfigId", 48, parts),
    ownerValue("tdx.mrOwner", parts.owner.mrowner),
    ownerValue("tdx.mrOwnerConfig", parts.owner.mrownerconfig),
    ...([0, 1, 2, 3] as const).map((index) => ({
      name: `tdx.rtmr${index}`,
      values: () => rtmrValues(index, parts, read),
    })),
  ],
};

async function snpValues(parts: Extract<MeasuredParts, { rule: "snp-ovmf" }>, read: ReadPlanned) {
  const { measurement } = measureSnp({
    layout: snpLayout(parseOvmf(await read("paths.firmware", parts.firmware))),
    vcpus: parts.vcpus,
    vcpuSignature: parseVcpuType(parts.vcpuType.split(",", 1)[0] ?? ""),
    guestFeatures: BigInt(parts.guestFeatures),
    vmm: "qemu",
    ...(parts.kernelHashes ? { kernelHashes: await kernelHashes(parts, read) } : {}),
  });
  return [{ name: "snp.measurement", value: toHex(measurement), label: vcpuLabel(parts.vcpus) }];
}

async function kernelHashes({ kernel, append }: BootParts & { append: string }, read: ReadPlanned) {
  if (kernel === undefined) throw new InvalidRequest("vm.boot", "kernel hashes need a kernel that QEMU is given");
  const hashes: KernelHashes = hashKernelFiles({
    kernel: await read("paths.image", kernel.kernel),
    ...(kernel.initrd === undefined ? {} : { initrd: await read("paths.image", kernel.initrd) }),
    cmdline: append,
  });
  return hashes;
}

async function mrtdValues({ firmware }: { firmware: string }, read: ReadPlanned) {
  const sections = parseTdvf(parseOvmf(await read("paths.firmware", firmware)));
  return (["singlePass", "twoPass"] as const).map((order) => {
    const label = order === "singlePass" ? "pages in one pass" : "pages in two passes";
    return { name: "tdx.mrTd", value: toHex(measureMrtd(sections, order).mrtd), label };
  });
}

/** Builds differ in the register of one separator: where that matters both values are good. */
async function rtmrValues(
  index: number,
  parts: Extract<MeasuredParts, { rule: "tdx" }>,
  read: ReadPlanned,
): Promise<Values> {
  if (index === 1 && parts.uki?.boot === "disk") {
    return { unknown: "the firmware measures the partition table and the boot options of the disk, too" };
  }
  const sections = parseTdvf(parseOvmf(await read("paths.firmware", parts.firmware)));
  const uki = parts.uki === undefined ? {} : { uki: await readUki(parts, read) };
  const values = new Map<string, ReferenceValue>();
  for (const separator of [1, 0] as const) {
    const events = predictRtmrEvents({ sections, memoryMiB: parts.memoryMiB, separator, ...uki });
    const { trail, missing = [] } = replayRtmrEvents(events)[index] ?? { trail: undefined };
    if (trail === undefined) return { unknown: `not determined by any file: ${missing.join(", ")}` };
    const label = `separator in RTMR${separator}`;
    if (!values.has(trail.value)) values.set(trail.value, { name: `tdx.rtmr${index}`, value: trail.value, label });
  }
  const found = [...values.values()];
  return found.length === 1 ? found.map((value) => ({ ...value, label: "" })) : found;
}

/** A firmware without enrolled keys measures one of two things, depending on how it was built. */
function pcr7Values(firmware: Uint8Array): Values {
  if (parseVariableStore(firmware).some(({ name }) => name === "PK")) {
    return { unknown: "Secure Boot keys are enrolled: which of them vouch shows at boot" };
  }
  const value = (variables: typeof SECURE_BOOT_OFF, label: string): ReferenceValue => ({
    name: "pcr.sha256.7",
    value: toHex(measurePcr7(variables, "sha256")),
    label,
  });
  return [value(SECURE_BOOT_ABSENT, "firmware without Secure Boot"), value(SECURE_BOOT_OFF, "Secure Boot not set up")];
}

function pcrValues(parts: BootParts, read: ReadPlanned): readonly Predicted[] {
  const initdata = parts.initdata;
  const digest = initdata === undefined ? undefined : Buffer.from(initdata.digest, "hex");
  const label = initdata === undefined ? "no initdata" : "this initdata";
  return [
    { name: "pcr.sha256.4, 9, 11, 12, 13", values: () => ukiValues(parts, read) },
    {
      name: "pcr.sha256.8",
      values: async () => [{ name: "pcr.sha256.8", value: toHex(measurePcr8(digest)), label }],
    },
  ];
}

async function ukiValues(parts: BootParts, read: ReadPlanned): Promise<readonly ReferenceValue[]> {
  const boot = parts.uki?.boot ?? "direct";
  const phases = [...new Set([...PLAIN_INITRD_PHASES, ...SYSTEMD_INITRD_PHASES])];
  const pcrs = predictUkiPcrs(await readUki(parts, read), "sha256", phases);
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

/** The UKI of the plan, which must carry the plan's command line and so its root hash. */
async function readUki({ uki, cmdline }: BootParts, read: ReadPlanned): Promise<Uki> {
  if (uki === undefined) throw new InvalidRequest("vm.boot", "kernel and initrd come apart: only a UKI is measured");
  const found = parseUki(await read("paths.image", uki.path));
  const carried = Buffer.from(ukiSection(found, ".cmdline") ?? new Uint8Array()).toString("utf8");
  if (carried === cmdline) return found;
  throw new InvalidRequest("paths.image", `${uki.path} carries another command line than image.json names`);
}

/** HOST_DATA or MRCONFIGID: the initdata's digest, zeros without one. */
function fieldValue(name: string, size: number, { initdata }: BootParts): Predicted {
  const value = initdata?.bound?.value ?? "00".repeat(size);
  const label = initdata === undefined ? "no initdata" : "this initdata";
  return { name, values: async () => [{ name, value, label }] };
}

/** The host sets the policy and no digest covers it: unless it is compared, another may be in force. */
function policyValue({ policy }: { readonly policy: string }): Predicted {
  const value = snpPolicyHex(BigInt(policy));
  const label = describeSnpPolicy(BigInt(policy));
  return { name: "snp.policy", values: async () => [{ name: "snp.policy", value, label }] };
}

function ownerValue(name: string, base64: string | undefined): Predicted {
  const value = base64 === undefined ? "00".repeat(48) : Buffer.from(base64, "base64").toString("hex");
  const label = base64 === undefined ? "not set" : "as configured";
  return { name, values: async () => [{ name, value, label }] };
}

/** How a value is told that one class of vCPUs has. */
export function vcpuLabel(vcpus: number): string {
  return `${vcpus} ${vcpus === 1 ? "vCPU" : "vCPUs"}`;
}

async function knownOr(name: string, values: Predicted["values"]): Promise<Prediction> {
  try {
    const found = await values();
    return "unknown" in found
      ? { values: [], unknown: [{ name, reason: found.unknown }] }
      : { values: found, unknown: [] };
  } catch (error) {
    if (!(error instanceof KataError)) throw error;
    return { values: [], unknown: [{ name, reason: errorText(error) }] };
  }
}

// LaunchPlan -> what has to be measured to predict it: which files, which numbers, by which rule.
// Whoever has the bytes feeds them to measure/; nothing here or there is taken from anywhere but the plan.
import { join } from "node:path";
import type { UkiBoot } from "../measure/uki/predict-pcrs.ts";
import type { KernelFiles, LaunchPlan, TeePlan } from "./launch-plan.ts";

/** How the UKI or kernel comes into the vTPM or RTMRs. */
export interface BootParts {
  /** absent: read from the ESP disk */
  readonly kernel?: KernelFiles;
  /** absent: kernel, initrd and command line come apart */
  readonly uki?: { readonly path: string; readonly boot: UkiBoot };
  /** command line that the UKI must carry */
  readonly cmdline: string;
  readonly rootHash: string;
  /** value of the register or field that initdata is bound to */
  readonly initdata?: NonNullable<LaunchPlan["initdata"]>;
}

export type MeasuredParts = BootParts &
  (
    | { readonly rule: "none" }
    /** PCRs 0 to 15 of the host's software TPM */
    | { readonly rule: "tpm"; readonly firmware: string }
    | {
        readonly rule: "snp-ovmf";
        /** hex with 0x; not in the digest, so a field of its own */
        readonly policy: string;
        readonly firmware: string;
        readonly vcpus: number;
        /** QEMU CPU model, whose CPUID signature is in each VMSA */
        readonly vcpuType: string;
        readonly guestFeatures: string;
        readonly kernelHashes: boolean;
        /** what QEMU hashes as command line, without its end marker; empty for a UKI */
        readonly append: string;
      }
    /** launch digest of the IGVM file, then PCRs of the SVSM's vTPM */
    | { readonly rule: "snp-igvm"; readonly igvm: string; readonly policy: string }
    | {
        readonly rule: "tdx";
        readonly firmware: string;
        readonly memoryMiB: number;
        readonly vcpus: number;
        readonly owner: Pick<Extract<TeePlan, { kind: "tdx" }>, "mrowner" | "mrownerconfig">;
      }
  );

export function measuredParts(plan: LaunchPlan): MeasuredParts {
  const { tee, firmware, kernel, initdata } = plan;
  const boot: BootParts = {
    rootHash: plan.image.rootHash,
    cmdline: plan.cmdline,
    ...ukiOf(plan),
    ...(kernel === undefined ? {} : { kernel }),
    ...(initdata === undefined ? {} : { initdata }),
  };
  if (firmware.kind === "igvm" && tee.kind === "snp") {
    return { ...boot, rule: "snp-igvm", igvm: firmware.path, policy: tee.policy };
  }
  if (firmware.kind === "builtin") return { ...boot, rule: "none" };
  const { vcpus, model } = plan.cpu;
  if (tee.kind === "tdx") {
    return { ...boot, rule: "tdx", firmware: firmware.path, memoryMiB: plan.memory.sizeMiB, vcpus, owner: tee };
  }
  if (tee.kind === "snp") {
    const { policy, guestFeatures, kernelHashes } = tee;
    const append = kernel?.append ?? "";
    return {
      ...boot,
      rule: "snp-ovmf",
      policy,
      firmware: firmware.path,
      vcpus,
      vcpuType: model,
      guestFeatures,
      kernelHashes,
      append,
    };
  }
  return {
    ...boot,
    rule: plan.coldDevices.some(({ kind }) => kind === "tpm") ? "tpm" : "none",
    firmware: firmware.path,
  };
}

function ukiOf({ kernel, image }: LaunchPlan): Pick<BootParts, "uki"> {
  if (kernel === undefined) return { uki: { path: join(image.dir, "uki.efi"), boot: "disk" } };
  return kernel.append === undefined ? { uki: { path: kernel.kernel, boot: "direct" } } : {};
}

// The launch digest of an SNP guest with OVMF: firmware pages, the SEV metadata sections in table order,
// one VMSA per vCPU (qemu target/i386/sev.c). Pure: firmware and hashes in, digest and its history out.
import { InvalidRequest } from "../../lib/errors.ts";
import { toAddress, toHex } from "../hex.ts";
import { fitsPage, type KernelHashes, kernelHashPage } from "../kernel-hashes.ts";
import { MAX_FIRMWARE_BYTES, type OvmfFirmware, type SevSection } from "../ovmf.ts";
import { MalformedInput } from "../reader.ts";
import type { Step, StepPart, Trail } from "../trail.ts";
import { type BlankPageType, PAGE_BYTES, PageChain } from "./page-chain.ts";
import { BSP_EIP, VMSA_GPA, type Vmm, vmsaPage } from "./vmsa.ts";

const DIGEST_BYTES = 48;
/** More vCPUs than any EPYC host can give. */
export const MAX_VCPUS = 4096;

/** What the firmware contributes, apart from its bytes. */
export interface SnpLayout {
  /** all pages of the file, or the digest after them when only that is known */
  readonly firmware: { readonly gpa: number; readonly bytes: Uint8Array } | { readonly digest: Uint8Array };
  readonly sections: readonly SevSection[];
  /** guest physical address of the kernel hash table; 0 or undefined when the firmware has no room for it */
  readonly hashTableGpa: number | undefined;
  /** start address of the application processors; needed above one vCPU */
  readonly apResetEip: number | undefined;
}

export interface SnpInputs {
  readonly layout: SnpLayout;
  readonly vcpus: number;
  /** CPUID signature, see `parseVcpuType` */
  readonly vcpuSignature: number;
  /** SEV_FEATURES; upstream KVM and QEMU give 0x1 */
  readonly guestFeatures: bigint;
  readonly vmm: Vmm;
  /** given exactly when the guest is launched with `kernel-hashes=on` */
  readonly kernelHashes?: KernelHashes;
}

export interface SnpMeasurement {
  /** 48 bytes, MEASUREMENT of the attestation report */
  readonly measurement: Buffer;
  /** digest after the firmware's pages; feeds `SnpLayout.firmware.digest` */
  readonly ovmfHash: Buffer;
  readonly trail: Trail;
}

/** Layout of a firmware file; refuses files that QEMU cannot launch under SNP. */
export function snpLayout(firmware: OvmfFirmware): SnpLayout {
  const { bytes, gpa, sevSections } = firmware;
  const refuse = (offset: number, reason: string): never => {
    throw new MalformedInput("OVMF firmware", offset, reason);
  };
  if (bytes.length % PAGE_BYTES !== 0) refuse(bytes.length, `size ${bytes.length} is not a multiple of 4096`);
  if (!sevSections) return refuse(bytes.length, "no SEV metadata: this build cannot start under SNP");
  let total = 0;
  for (const { offset, gpa: start, size } of sevSections) {
    if (size === 0) refuse(offset, "SEV section of size 0, which QEMU refuses to launch");
    if (size % PAGE_BYTES !== 0 || start % PAGE_BYTES !== 0) refuse(offset, "SEV section is not made of whole pages");
    total += size;
    if (total > MAX_FIRMWARE_BYTES) refuse(offset, `SEV sections cover more than ${MAX_FIRMWARE_BYTES} bytes`);
  }
  return {
    firmware: { gpa, bytes },
    sections: sevSections,
    hashTableGpa: firmware.hashTable?.base,
    apResetEip: firmware.apResetEip,
  };
}

/** The launch digest, with the step that each input made. */
export function measureSnp(inputs: SnpInputs): SnpMeasurement {
  checkInputs(inputs);
  const recorder = new SnpRecorder(inputs);
  recorder.firmware();
  const ovmfHash = recorder.chain.digest;
  const { sections } = inputs.layout;
  const isLate = (section: SevSection): boolean => inputs.vmm.startsWith("ec2") && section.type === "CPUID";
  for (const section of sections.filter((one) => !isLate(one))) recorder.section(section);
  for (const section of sections.filter(isLate)) recorder.section(section);
  recorder.vcpus();
  const measurement = recorder.chain.digest;
  const initial = "00".repeat(DIGEST_BYTES);
  const trail: Trail = {
    register: "snp",
    algorithm: "sha384",
    initial,
    steps: recorder.steps,
    value: toHex(measurement),
  };
  return { measurement, ovmfHash, trail };
}

function checkInputs(inputs: SnpInputs): void {
  const { layout, vcpus, vcpuSignature, guestFeatures, kernelHashes } = inputs;
  checkVcpus(vcpus, layout.apResetEip);
  if (!Number.isInteger(vcpuSignature) || vcpuSignature < 0 || vcpuSignature > 0xffff_ffff) {
    throw new InvalidRequest("vcpu-type", `${vcpuSignature} is not a 32-bit signature`);
  }
  if (BigInt.asUintN(64, guestFeatures) !== guestFeatures) throw new InvalidRequest("guest-features", "needs 64 bits");
  if ("digest" in layout.firmware && layout.firmware.digest.length !== DIGEST_BYTES) {
    throw new InvalidRequest("ovmf-hash", `needs ${DIGEST_BYTES} bytes, has ${layout.firmware.digest.length}`);
  }
  if (kernelHashes) checkHashRoom(layout);
}

/** Refuses vCPU counts that the firmware or the machine cannot have. */
export function checkVcpus(vcpus: number, apResetEip: number | undefined): void {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) {
    throw new InvalidRequest("vcpus", `${vcpus} is not between 1 and ${MAX_VCPUS}`);
  }
  if (vcpus > 1 && !apResetEip) {
    throw new InvalidRequest("vcpus", "this firmware names no SEV-ES reset address, so only one vCPU can be measured");
  }
}

function checkHashRoom({ sections, hashTableGpa }: SnpLayout): void {
  const section = sections.find((one) => one.type === "KERNEL_HASHES");
  if (!section) throw new InvalidRequest("kernel", "the firmware's SEV metadata has no KERNEL_HASHES section");
  if (!hashTableGpa) throw new InvalidRequest("kernel", "the firmware gives its kernel hash table no address");
  if (!fitsPage(hashTableGpa % PAGE_BYTES)) {
    throw new InvalidRequest("kernel", `the kernel hash table at ${toAddress(hashTableGpa)} leaves its page`);
  }
  if (section.size !== PAGE_BYTES) {
    throw new InvalidRequest("kernel", `the KERNEL_HASHES section has ${section.size} bytes, not one page`);
  }
}

/** Names of settings as the CLI spells them; `explain` shows them beside each step. */
const settings = {
  firmware: "--ovmf",
  vcpus: "--vcpus",
  vcpuType: "--vcpu-type",
  features: "--guest-features",
  vmm: "--vmm",
} as const;

class SnpRecorder {
  readonly chain: PageChain;
  readonly steps: Step[] = [];
  readonly #inputs: SnpInputs;

  constructor(inputs: SnpInputs) {
    this.#inputs = inputs;
    const { firmware } = inputs.layout;
    this.chain = new PageChain("digest" in firmware ? firmware.digest : undefined);
  }

  firmware(): void {
    const { firmware } = this.#inputs.layout;
    const setting = settings.firmware;
    if ("digest" in firmware) {
      this.#note({ label: "firmware (digest given)", setting, event: "NORMAL", bytes: 0, digest: "" });
      return;
    }
    const digest = this.chain.addContents("NORMAL", firmware.gpa, firmware.bytes);
    const { gpa, bytes } = firmware;
    this.#note({ label: "firmware", setting, event: "NORMAL", gpa, bytes: bytes.length, digest: toHex(digest) });
  }

  section(section: SevSection): void {
    const { gpa, size: bytes, type } = section;
    const { kernelHashes, layout, vmm } = this.#inputs;
    if (type === "KERNEL_HASHES" && kernelHashes) {
      const page = kernelHashPage(kernelHashes, (layout.hashTableGpa ?? 0) % PAGE_BYTES);
      const digest = toHex(this.chain.addContents("NORMAL", gpa, page));
      const parts = hashParts(kernelHashes);
      this.#note({ label: "kernel hashes page", setting: "--kernel", event: "NORMAL", gpa, bytes, digest, parts });
      return;
    }
    const event = blankType(type, vmm);
    this.chain.addBlank(event, gpa, bytes);
    const setting = type === "KERNEL_HASHES" ? "--kernel" : settings.firmware;
    this.#note({ label: sectionLabels[type], setting, event, gpa, bytes, digest: "" });
  }

  vcpus(): void {
    const { vcpus, vcpuSignature, guestFeatures, vmm, layout } = this.#inputs;
    const fields = { vmm, signature: vcpuSignature, features: guestFeatures };
    const parts: readonly StepPart[] = [
      { label: "VMM", setting: settings.vmm, value: vmm },
      { label: "CPU signature", setting: settings.vcpuType, value: toAddress(vcpuSignature) },
      { label: "SEV_FEATURES", setting: settings.features, value: toAddress(guestFeatures) },
    ];
    let page = vmsaPage({ ...fields, eip: BSP_EIP });
    let digest = this.chain.addContents("VMSA", VMSA_GPA, page);
    for (let index = 0; index < vcpus; index++) {
      if (index === 1) {
        page = vmsaPage({ ...fields, eip: layout.apResetEip ?? BSP_EIP });
        digest = this.chain.addContents("VMSA", VMSA_GPA, page);
      } else if (index > 1) {
        this.chain.addDigest("VMSA", VMSA_GPA, digest);
      }
      const setting = index === 0 ? settings.vcpuType : settings.vcpus;
      const bytes = page.length;
      this.#note({
        label: `vCPU ${index}`,
        setting,
        event: "VMSA",
        gpa: VMSA_GPA,
        bytes,
        digest: toHex(digest),
        parts,
      });
    }
  }

  #note(step: Omit<Step, "running" | "gpa"> & { gpa?: number }): void {
    const { gpa, ...rest } = step;
    this.steps.push({
      ...rest,
      ...(gpa === undefined ? {} : { gpa: toAddress(gpa) }),
      running: toHex(this.chain.digest),
    });
  }
}

const sectionLabels: Readonly<Record<SevSection["type"], string>> = {
  SEC_MEM: "memory validated for the firmware",
  SECRETS: "secrets page",
  CPUID: "CPUID page",
  SVSM_CAA: "SVSM calling area",
  KERNEL_HASHES: "kernel hashes page (unused)",
};

function blankType(type: SevSection["type"], vmm: Vmm): BlankPageType {
  if (type === "SECRETS" || type === "CPUID") return type;
  return type === "SEC_MEM" && vmm === "gce" ? "UNMEASURED" : "ZERO";
}

/** The three hashes as parts of a step. */
export function hashParts(hashes: KernelHashes): readonly StepPart[] {
  return [
    { label: "kernel SHA-256", setting: "--kernel", value: toHex(hashes.kernel) },
    { label: "initrd SHA-256", setting: "--initrd", value: toHex(hashes.initrd) },
    { label: "command line SHA-256", setting: "--append", value: toHex(hashes.cmdline) },
  ];
}

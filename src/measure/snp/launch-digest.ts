// The launch digest of an SNP guest with OVMF: firmware pages, the SEV metadata sections in table order,
// one VMSA per vCPU (qemu target/i386/sev.c). Pure: firmware and hashes in, digest and its history out.
import { InvalidRequest } from "../../lib/errors.ts";
import { toAddress, toHex } from "../hex.ts";
import { fitsPage, type KernelHashes, kernelHashPage } from "../kernel-hashes.ts";
import { MAX_FIRMWARE_BYTES, type OvmfFirmware, type SevSection } from "../ovmf.ts";
import { MalformedInput } from "../reader.ts";
import type { StepPart, Trail } from "../trail.ts";
import { DIGEST_BYTES, LaunchRecord, settings } from "./launch-record.ts";
import { PAGE_BYTES } from "./page-chain.ts";
import { BSP_EIP, type Vmm, vmsaPage } from "./vmsa.ts";

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
  checkWholePages(bytes);
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

/** Refuses files that cannot be measured page by page. */
export function checkWholePages(bytes: Uint8Array): void {
  if (bytes.length % PAGE_BYTES === 0) return;
  throw new MalformedInput("OVMF firmware", bytes.length, `size ${bytes.length} is not a multiple of 4096`);
}

/** The launch digest, with the step that each input made. */
export function measureSnp(inputs: SnpInputs): SnpMeasurement {
  checkInputs(inputs);
  const { vmm, layout } = inputs;
  const record = recordFirmware(layout);
  const ovmfHash = record.digest;
  const isLate = (section: SevSection): boolean => vmm.startsWith("ec2") && section.type === "CPUID";
  for (const section of layout.sections.filter((one) => !isLate(one))) recordSection(record, section, inputs);
  for (const section of layout.sections.filter(isLate)) recordSection(record, section, inputs);
  const { vcpus: count, vcpuSignature: signature, guestFeatures: features } = inputs;
  const state = { vmm, signature, features };
  const boot = vmsaPage({ ...state, eip: BSP_EIP });
  record.vcpus({ ...state, count, boot, other: vmsaPage({ ...state, eip: layout.apResetEip ?? BSP_EIP }) });
  return { measurement: record.digest, ovmfHash, trail: record.trail() };
}

function recordFirmware({ firmware }: SnpLayout): LaunchRecord {
  if ("digest" in firmware) return new LaunchRecord(firmware.digest);
  const record = new LaunchRecord();
  record.pages({ label: "firmware", setting: settings.firmware }, firmware.gpa, firmware.bytes);
  return record;
}

function recordSection(record: LaunchRecord, section: SevSection, { kernelHashes, layout, vmm }: SnpInputs): void {
  const isHashes = section.type === "KERNEL_HASHES";
  if (!isHashes || !kernelHashes) {
    record.section(section, isHashes ? settings.kernel : settings.firmware, vmm);
    return;
  }
  const page = kernelHashPage(kernelHashes, (layout.hashTableGpa ?? 0) % PAGE_BYTES);
  const cause = { label: "kernel hashes page", setting: settings.kernel, parts: hashParts(kernelHashes) };
  record.pages(cause, section.gpa, page);
}

function checkInputs(inputs: SnpInputs): void {
  const { layout, vcpus, kernelHashes } = inputs;
  checkVcpus(vcpus, layout.apResetEip);
  checkVcpuState(inputs);
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

/** Refuses signatures and features that no VMSA field can hold. */
export function checkVcpuState({
  vcpuSignature,
  guestFeatures,
}: Pick<SnpInputs, "vcpuSignature" | "guestFeatures">): void {
  if (!Number.isInteger(vcpuSignature) || vcpuSignature < 0 || vcpuSignature > 0xffff_ffff) {
    throw new InvalidRequest("vcpu-type", `${vcpuSignature} is not a 32-bit signature`);
  }
  if (BigInt.asUintN(64, guestFeatures) !== guestFeatures) throw new InvalidRequest("guest-features", "needs 64 bits");
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

/** The three hashes as parts of a step. */
export function hashParts(hashes: KernelHashes): readonly StepPart[] {
  return [
    { label: "kernel SHA-256", setting: "--kernel", value: toHex(hashes.kernel) },
    { label: "initrd SHA-256", setting: "--initrd", value: toHex(hashes.initrd) },
    { label: "command line SHA-256", setting: "--append", value: toHex(hashes.cmdline) },
  ];
}

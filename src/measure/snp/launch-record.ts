// The page chain of a launch with its history: whatever is added makes one step that `explain` can show.
import { toAddress, toHex } from "../hex.ts";
import type { SevSection } from "../ovmf.ts";
import type { Step, StepPart, Trail } from "../trail.ts";
import { type BlankPageType, PageChain } from "./page-chain.ts";
import { type Vmm, vmsaGpa } from "./vmsa.ts";

export const DIGEST_BYTES = 48;

/** What a step is called, and the setting that decides its bytes. */
export type Cause = Pick<Step, "label" | "setting" | "parts">;

/** Names of settings as the CLI spells them; `explain` shows them beside each step. */
export const settings = {
  firmware: "--ovmf",
  svsm: "--svsm",
  kernel: "--kernel",
  vcpus: "--vcpus",
  vcpuType: "--vcpu-type",
  features: "--guest-features",
  vmm: "--vmm",
} as const;

export interface VcpuStates {
  readonly vmm: Vmm;
  readonly count: number;
  readonly signature: number;
  readonly features: bigint;
  /** VMSA of the boot processor */
  readonly boot: Uint8Array;
  /** VMSA of every other */
  readonly other: Uint8Array;
}

export class LaunchRecord {
  readonly #chain: PageChain;
  readonly #steps: Step[] = [];

  /** `seed`: the launch digest after a firmware of which no more is known. */
  constructor(seed?: Uint8Array) {
    this.#chain = new PageChain(seed);
    if (seed) {
      this.#note({ label: "firmware (digest given)", setting: settings.firmware, event: "NORMAL", bytes: 0 });
    }
  }

  /** the launch digest so far, 48 bytes */
  get digest(): Buffer {
    return this.#chain.digest;
  }

  /** Pages whose contents are measured. */
  pages(cause: Cause, gpa: number, contents: Uint8Array): void {
    const digest = this.#chain.addContents("NORMAL", gpa, contents);
    this.#note({ ...cause, event: "NORMAL", gpa, bytes: contents.length, digest });
  }

  /** A section of the SEV metadata, by its address and type alone. */
  section(section: SevSection, setting: string, vmm: Vmm): void {
    const { gpa, size: bytes, type } = section;
    const event = blankType(type, vmm);
    this.#chain.addBlank(event, gpa, bytes);
    this.#note({ label: sectionLabels[type], setting, event, gpa, bytes });
  }

  vcpus(states: VcpuStates): void {
    const { vmm, count, boot, other } = states;
    const parts: readonly StepPart[] = [
      { label: "VMM", setting: settings.vmm, value: vmm },
      { label: "CPU signature", setting: settings.vcpuType, value: toAddress(states.signature) },
      { label: "SEV_FEATURES", setting: settings.features, value: toAddress(states.features) },
    ];
    const gpa = vmsaGpa(vmm);
    let digest: Uint8Array = Buffer.alloc(0);
    for (let index = 0; index < count; index++) {
      // the page is hashed for the first two; all others equal the second
      if (index < 2) digest = this.#chain.addContents("VMSA", gpa, index === 0 ? boot : other);
      else this.#chain.addDigest("VMSA", gpa, digest);
      const setting = index === 0 ? settings.vcpuType : settings.vcpus;
      this.#note({ label: `vCPU ${index}`, setting, event: "VMSA", gpa, bytes: boot.length, digest, parts });
    }
  }

  trail(): Trail {
    const initial = "00".repeat(DIGEST_BYTES);
    return { register: "snp", algorithm: "sha384", initial, steps: this.#steps, value: toHex(this.digest) };
  }

  #note(step: Omit<Step, "running" | "gpa" | "digest"> & { gpa?: number; digest?: Uint8Array }): void {
    const { gpa, digest, ...rest } = step;
    this.#steps.push({
      ...rest,
      ...(gpa === undefined ? {} : { gpa: toAddress(gpa) }),
      digest: digest === undefined ? "" : toHex(digest),
      running: toHex(this.digest),
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
  return type === "SEC_MEM" && vmm.startsWith("gce") ? "UNMEASURED" : "ZERO";
}

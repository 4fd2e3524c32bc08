// The register state of a vCPU at launch, one page, as each VMM leaves it. Everything unnamed is zero.
// Layout: AMD64 APM volume 2, table B-4; values: QEMU/KVM, EC2 and GCE as read from signed reports.

export const VMSA_BYTES = 4096;
/** KVM gives every VMSA this address: all ones, cut to 48 bits and to the page. */
export const VMSA_GPA = 0xffff_ffff_f000;
/** Where the boot processor starts. */
export const BSP_EIP = 0xffff_fff0;

/** File offsets inside a VMSA that other code reads. */
export const vmsaOffsets = { efer: 0xd0, cr4: 0x148, cr0: 0x158, rip: 0x178, sevFeatures: 0x3b0 } as const;
const FCW_AT = 0x410;

interface VmmProfile {
  readonly csBsp: number;
  readonly csAp: number;
  readonly ss: number;
  readonly tr: number;
  readonly pat: bigint;
  /** a fixed value, or the CPU model's signature */
  readonly rdx: "signature" | number;
  readonly mxcsr: number;
  readonly fcw: number;
  /** where the VMSAs are measured to lie */
  readonly gpa: number;
}

const PAT_RESET = 0x0007_0406_0007_0406n;
const qemu: VmmProfile = {
  csBsp: 0x9b,
  csAp: 0x9b,
  ss: 0x93,
  tr: 0x8b,
  pat: PAT_RESET,
  rdx: "signature",
  mxcsr: 0x1f80,
  fcw: 0x37f,
  gpa: VMSA_GPA,
};
const ec2: VmmProfile = { ...qemu, csBsp: 0x9a, ss: 0x92, tr: 0x83, rdx: 0x600, mxcsr: 0, fcw: 0 };
const gce: VmmProfile = { ...qemu, pat: 0x7_0106n, rdx: 0x600, mxcsr: 0, fcw: 0 };

const profiles = {
  qemu,
  /** hosts before KVM_SEV_INIT2 (Linux 6.10) leave the floating point control words zero */
  "qemu-legacy": { ...qemu, mxcsr: 0, fcw: 0 },
  ec2,
  /** EC2 before it set RDX; sev (crate) 7.1.0 still computes this */
  "ec2-legacy": { ...ec2, rdx: 0 },
  /** GCE on Milan; its tool cuts the address to the product's physical address width, 48 bits there as in KVM */
  gce,
  /** GCE on Genoa: 52 bits */
  "gce-genoa": { ...gce, gpa: 0xf_ffff_ffff_f000 },
} as const satisfies Readonly<Record<string, VmmProfile>>;

export type Vmm = keyof typeof profiles;
export const vmms = Object.keys(profiles) as readonly Vmm[];

/** Guest physical address that this VMM's VMSAs are measured with. */
export function vmsaGpa(vmm: Vmm): number {
  return profiles[vmm].gpa;
}

export interface VmsaInputs {
  readonly vmm: Vmm;
  /** start address: `BSP_EIP`, or the firmware's reset address for application processors */
  readonly eip: number;
  /** CPUID signature of the CPU model; ignored where the VMM sets RDX itself */
  readonly signature: number;
  /** SEV_FEATURES, APM volume 2, 15.36.21; zero for SEV-ES */
  readonly features: bigint;
}

/** One VMSA page. */
export function vmsaPage(inputs: VmsaInputs): Buffer {
  const { eip } = inputs;
  const vmm = profiles[inputs.vmm];
  const page = Buffer.alloc(VMSA_BYTES);
  const segment = (at: number, attributes: number): void => {
    page.writeUInt16LE(attributes, at + 2);
    page.writeUInt32LE(0xffff, at + 4); // limit
  };
  for (const at of [0x00, 0x30, 0x40, 0x50]) segment(at, 0x93); // ES DS FS GS
  segment(0x10, eip === BSP_EIP ? vmm.csBsp : vmm.csAp); // CS
  page.writeUInt16LE(0xf000, 0x10);
  page.writeUInt32LE((eip & 0xffff_0000) >>> 0, 0x18);
  segment(0x20, vmm.ss); // SS
  segment(0x60, 0); // GDTR
  segment(0x70, 0x82); // LDTR
  segment(0x80, 0); // IDTR
  segment(0x90, vmm.tr); // TR
  const registers: readonly (readonly [at: number, value: bigint])[] = [
    [vmsaOffsets.efer, 0x1000n], // SVME, set by KVM
    [vmsaOffsets.cr4, 0x40n], // MCE, set by KVM
    [vmsaOffsets.cr0, 0x10n],
    [0x160, 0x400n], // DR7
    [0x168, 0xffff_0ff0n], // DR6
    [0x170, 2n], // RFLAGS
    [vmsaOffsets.rip, BigInt(eip & 0xffff)],
    [0x268, vmm.pat],
    [0x310, BigInt(vmm.rdx === "signature" ? inputs.signature : vmm.rdx)],
    [vmsaOffsets.sevFeatures, inputs.features],
    [0x3e8, 1n], // XCR0
  ];
  for (const [at, value] of registers) page.writeBigUInt64LE(value, at);
  page.writeUInt32LE(vmm.mxcsr, 0x408);
  page.writeUInt16LE(vmm.fcw, FCW_AT);
  return page;
}

/** The VMMs that started an SVSM before IGVM. */
export type SvsmVmm = Extract<Vmm, "qemu" | "qemu-legacy">;

/**
 * One VMSA page of a guest with an SVSM, before IGVM: flat 32-bit protected mode at `entry`, for every vCPU.
 * `qemu-legacy` is what hardware gave. `qemu` is what sev-snp-measure has published since: MXCSR as of
 * KVM_SEV_INIT2, FCW still zero.
 */
export function svsmVmsaPage(inputs: Omit<VmsaInputs, "eip" | "vmm"> & { vmm: SvsmVmm; entry: number }): Buffer {
  const { entry, ...state } = inputs;
  const page = vmsaPage({ ...state, eip: BSP_EIP });
  const flat = (at: number, selector: number, attributes: number): void => {
    page.writeUInt16LE(selector, at);
    page.writeUInt16LE(attributes, at + 2);
    page.writeUInt32LE(0xffff_ffff, at + 4); // limit
    page.writeBigUInt64LE(0n, at + 8); // base
  };
  for (const at of [0x00, 0x20, 0x30, 0x40]) flat(at, 0x10, 0xc93); // ES SS DS FS
  flat(0x10, 0x08, 0xc9b); // CS
  page.writeBigUInt64LE(0x11n, vmsaOffsets.cr0);
  page.writeBigUInt64LE(BigInt(entry), vmsaOffsets.rip);
  page.writeUInt16LE(0, FCW_AT);
  return page;
}

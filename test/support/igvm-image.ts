// The small IGVM file of the reference page (5.5), and the state of its vCPU.
import { type IgvmPart, writeIgvm } from "../../src/measure/igvm/write.ts";

export const VMSA_GPA = 0xffff_ffff_f000;

export function minimalVmsa(): Buffer {
  const page = Buffer.alloc(4096);
  const registers: readonly (readonly [number, bigint])[] = [
    [0xd0, 0x1000n],
    [0x148, 0x40n],
    [0x158, 0x10n],
    [0x160, 0x400n],
    [0x168, 0xffff0ff0n],
    [0x170, 2n],
    [0x178, 0xfff0n],
    [0x268, 0x0007040600070406n],
    [0x3b0, 1n],
    [0x3e8, 1n],
  ];
  for (const [at, value] of registers) page.writeBigUInt64LE(value, at);
  return page;
}

export const minimalParts: readonly IgvmPart[] = [
  { kind: "platform", platform: "snp", mask: 1 },
  { kind: "policy", policy: 0x30000n, mask: 1 },
  { kind: "parameter-area", bytes: 0x1000, index: 0 },
  { kind: "parameter-insert", gpa: 0x1000, mask: 1, index: 0 },
  { kind: "page-data", gpa: 0x2000, mask: 1, data: Buffer.from("IGVM-TEST-PAGE-1") },
  { kind: "page-data", gpa: 0x3000, mask: 1 },
  { kind: "page-data", gpa: 0x4000, mask: 1, type: "secrets" },
  { kind: "page-data", gpa: 0x5000, mask: 1, type: "cpuid" },
  { kind: "page-data", gpa: 0x6000, mask: 1, unmeasured: true },
  { kind: "vp-context", gpa: VMSA_GPA, mask: 1, data: minimalVmsa() },
];

export function minimalIgvm(): Buffer {
  return writeIgvm(minimalParts);
}

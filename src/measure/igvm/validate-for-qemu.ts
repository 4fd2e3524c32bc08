// What QEMU's IGVM backend and KVM make of a file (qemu backends/igvm.c, target/i386/sev.c): the platform
// they pick, the directives they know, the one VMSA they accept. Everything found is reported, each with
// the offset of its header. A refusal means that QEMU would not start it, or would start something that
// measures differently from the file.
import { toAddress } from "../hex.ts";
import { MalformedInput } from "../reader.ts";
import { VMSA_BYTES, VMSA_GPA, vmsaOffsets } from "../snp/vmsa.ts";
import { IGVM, type IgvmFile, type IgvmHeader, type PlatformType, type VpContext } from "./format.ts";
import { hexType } from "./parse.ts";

export interface IgvmFinding {
  readonly severity: "refusal" | "warning";
  readonly offset: number;
  readonly reason: string;
}

/** Strongest first: what QEMU picks when a file names several. */
const preference = ["snp", "seves", "sev", "native"] as const satisfies readonly PlatformType[];

/** Parameters that QEMU fills in; all others stop it. */
const knownParameters = new Set(["VP_COUNT", "MADT", "MEMORY_MAP", "ENVIRONMENT_INFO"]);

/** Byte ranges of a VMSA that QEMU passes on to KVM; SEV_FEATURES is judged apart. */
const syncedRanges: readonly (readonly [from: number, to: number])[] = [
  [0x000, 0x0a0], // segments, GDTR, LDTR, IDTR, TR
  [vmsaOffsets.efer, 0x0d8],
  [0x148, 0x180], // CR4 CR3 CR0 DR7 DR6 RFLAGS RIP
  [0x1d8, 0x1e0], // RSP
  [0x1f8, 0x200], // RAX
  [0x268, 0x270], // G_PAT
  [0x308, 0x320], // RCX RDX RBX
  [0x328, 0x380], // RBP .. R15
  [vmsaOffsets.sevFeatures, 0x3b8],
  [0x3e8, 0x3f0], // XCR0
  [0x408, 0x40c], // MXCSR
  [0x410, 0x412], // x87 FCW
];

/** The compatibility mask of a platform; refuses a file that does not name it. */
export function platformMask(file: IgvmFile, platform: PlatformType): number {
  for (const header of file.headers) {
    if (header.kind === "platform" && header.platform === platform) return header.mask;
  }
  throw new MalformedInput(IGVM, 0, `does not support the platform ${platform} (it has ${platformsOf(file)})`);
}

export function platformsOf(file: IgvmFile): string {
  const names = file.headers.flatMap((header) => (header.kind === "platform" ? [header.platform] : []));
  return names.join(", ") || "no platform";
}

/** All reasons why QEMU would refuse this file for an SNP guest, or start it with another measurement. */
export function validateForQemu(file: IgvmFile, platform: "snp" | "native" = "snp"): IgvmFinding[] {
  const findings: IgvmFinding[] = [];
  const note = (severity: IgvmFinding["severity"], offset: number, reason: string): void => {
    findings.push({ severity, offset, reason });
  };
  if (file.architecture !== "x64") note("refusal", 24, `architecture ${file.architecture}`);
  const mask = platformMask(file, platform);
  const stronger = preference
    .slice(0, preference.indexOf(platform))
    .filter((other) => file.headers.some((header) => header.kind === "platform" && header.platform === other));
  if (stronger.length > 0) note("warning", 0, `QEMU prefers ${stronger.join(", ")} when the machine has it`);
  const applies = (header: IgvmHeader): boolean => !("mask" in header) || (header.mask & mask) !== 0;
  const relevant = file.headers.filter(applies);
  for (const header of relevant) judgeHeader(header, note);
  judgeAreas(relevant, note);
  if (platform === "snp") judgeVmsa(relevant, note);
  return findings;
}

/** Throws the first refusal. */
export function requireQemuCanLaunch(file: IgvmFile, platform: "snp" | "native" = "snp"): void {
  const refusal = validateForQemu(file, platform).find((finding) => finding.severity === "refusal");
  if (refusal) throw new MalformedInput(IGVM, refusal.offset, refusal.reason);
}

type Note = (severity: IgvmFinding["severity"], offset: number, reason: string) => void;

function judgeHeader(header: IgvmHeader, note: Note): void {
  const { offset } = header;
  if (header.kind === "other") note("refusal", offset, `QEMU knows no header type ${hexType(header.type)}`);
  if (header.kind === "parameter" && !knownParameters.has(header.parameter)) {
    note("refusal", offset, `QEMU does not fill in the parameter ${header.parameter}`);
  }
  if (header.kind === "page-data" && header.shared) {
    note("refusal", offset, "a shared page: QEMU would load it as private and measure it");
  }
  if (header.kind === "page-data" && header.large) {
    note("refusal", offset, "a 2 MiB page: libigvm, which QEMU reads with, takes 4 KiB of it");
  }
}

function judgeAreas(headers: readonly IgvmHeader[], note: Note): void {
  const areas = new Map<number, "open" | "inserted">();
  for (const header of headers) {
    if (header.kind === "parameter-area") {
      if (areas.has(header.index)) note("refusal", header.offset, `parameter area ${header.index} is declared twice`);
      areas.set(header.index, "open");
      if (header.data) note("warning", header.offset, "QEMU ignores the initial contents of parameter areas");
    }
    if (header.kind !== "parameter-insert" && header.kind !== "parameter") continue;
    const state = areas.get(header.index);
    if (state === undefined)
      note("refusal", header.offset, `parameter area ${header.index} is not declared before use`);
    if (state === "inserted")
      note("refusal", header.offset, `parameter area ${header.index} is used after its insertion`);
    if (header.kind === "parameter-insert") areas.set(header.index, "inserted");
  }
  judgeInsertOrder(headers, note);
}

/** QEMU collects adjacent pages and loads them late, so an insert after page data overtakes it. */
function judgeInsertOrder(headers: readonly IgvmHeader[], note: Note): void {
  const firstPage = headers.findIndex((header) => header.kind === "page-data");
  const late = headers.find(
    (header, index) => header.kind === "parameter-insert" && firstPage >= 0 && index > firstPage,
  );
  if (late) note("warning", late.offset, "a parameter insert after page data: QEMU measures it before those pages");
}

function judgeVmsa(headers: readonly IgvmHeader[], note: Note): void {
  const contexts = headers.filter((header): header is VpContext => header.kind === "vp-context");
  const [first, ...more] = contexts;
  if (!first) note("refusal", 0, "no VP context: an SNP guest needs the state of its first vCPU");
  for (const extra of more) note("refusal", extra.offset, "more than one VP context; KVM takes one");
  if (first) judgeContext(first, note);
  const last = headers.findLast((header) => header.kind === "page-data" || header.kind === "vp-context");
  if (first && last?.kind === "page-data") {
    note("warning", first.offset, "page data after the VP context: QEMU measures the VMSA last");
  }
}

function judgeContext({ gpa, vpIndex, data, offset }: VpContext, note: Note): void {
  if (data.length !== VMSA_BYTES) {
    note("refusal", offset, `VMSA of ${data.length} bytes, not 4096`);
    return;
  }
  if (vpIndex !== 0) note("refusal", offset, `VP context of vCPU ${vpIndex}; KVM takes that of vCPU 0`);
  if (gpa !== VMSA_GPA) note("refusal", offset, `VMSA at ${toAddress(gpa)}; KVM measures it at ${toAddress(VMSA_GPA)}`);
  const stray = data.findIndex((byte, at) => byte !== 0 && !syncedRanges.some(([from, to]) => at >= from && at < to));
  if (stray >= 0) {
    note("refusal", offset, `VMSA byte ${toAddress(stray)} is set, a field that QEMU does not pass to KVM`);
  }
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const features = view.readBigUInt64LE(vmsaOffsets.sevFeatures);
  if ((features & 1n) === 0n) note("refusal", offset, "SEV_FEATURES lacks SNPActive");
  if ((features & ~1n) !== 0n) {
    note("warning", offset, `SEV_FEATURES ${toAddress(features)}: the host's KVM must offer every bit`);
  }
  const cr0 = view.readBigUInt64LE(vmsaOffsets.cr0);
  if (!(cr0 & 0x10n)) note("warning", offset, `CR0 ${toAddress(cr0)}: KVM forces ET, which changes the measurement`);
  if (view.readBigUInt64LE(0x98) !== view.readBigUInt64LE(0x78)) {
    note("warning", offset, "TR.base differs from LDTR.base: QEMU 10.1 loads TR.base from LDTR.base");
  }
}

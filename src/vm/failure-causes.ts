// QEMU's own words -> what happened, why, and what to do. Patterns are over text that QEMU, KVM,
// OVMF and our guest's first program print; the first row that fits wins, so the special come first.
import { stripVTControlCharacters } from "node:util";
import { runRoot } from "../host/run-dir.ts";
import { LaunchFailed, VmExited, type VmExitFacts } from "../lib/errors.ts";
import type { LaunchPlan } from "../plan/launch-plan.ts";

export interface LaunchEvidence {
  /** what we were doing, such as `connecting to QEMU` */
  readonly during: string;
  /** QEMU's stderr and, when it answered at all, QMP's refusal */
  readonly said: string;
  readonly console: string;
}

interface Cause {
  /** stable name; scripts match on it */
  readonly reason: string;
  readonly where: "said" | "console";
  readonly pattern: RegExp;
  readonly cause: (match: RegExpExecArray, plan: LaunchPlan) => string;
  readonly fix: (plan: LaunchPlan) => string;
}

const causes: readonly Cause[] = [
  {
    reason: "tee-not-in-kvm",
    where: "said",
    pattern: /vm-type (SEV-SNP|TDX|SEV-ES|SEV) not supported by KVM/,
    cause: ([, tee = ""]) => `KVM on this host cannot run ${tee} guests`,
    fix: ({ tee }) =>
      tee.kind === "tdx"
        ? "enable TDX in the firmware, boot with kvm_intel.tdx=1, and check /sys/module/kvm_intel/parameters/tdx"
        : "enable SEV-SNP in the firmware, use a kernel with SNP host support, and check /sys/module/kvm_amd/parameters/sev_snp",
  },
  {
    reason: "wrong-cbitpos",
    where: "said",
    pattern: /cbitpos check failed, host '(\d+)' requested '(\d+)'/,
    cause: ([, host = "", asked = ""]) => `the encryption bit is at ${host} on this host, the plan said ${asked}`,
    fix: () => "remove snp.cbitpos from the configuration so that it is read from the CPU",
  },
  {
    reason: "policy-refused",
    where: "said",
    pattern: /Policy is not allowed|SNP_LAUNCH_START.*fw_error=7\b/,
    cause: (_, { tee }) => `the SNP firmware refused the guest policy${tee.kind === "snp" ? ` ${tee.policy}` : ""}`,
    fix: () => "check snp.policy: bit 17 must be set, and the ABI version and SMT must be what the host offers",
  },
  {
    reason: "id-block-mismatch",
    where: "said",
    pattern: /SNP_LAUNCH_FINISH.*(?:Bad measurement|fw_error=11\b|Bad signature|Invalid parameters)/,
    cause: () => "the launch digest, or the policy, is not what the ID block was signed for",
    fix: () => "compute it again with `kata-cvm measure pod` and sign it with `kata-cvm idblock`",
  },
  {
    reason: "out-of-asids",
    where: "said",
    pattern: /(?:sev_kvm_init|KVM_SEV_INIT2?|failed to initialize).*(?:ret=-16|EBUSY|resource busy)|ASID/i,
    cause: () => "the CPU has no encryption key slot (ASID) left for another guest",
    fix: () =>
      "stop other SNP guests, raise the SNP share of ASIDs in the firmware setup, or see misc.capacity in cgroups",
  },
  {
    reason: "out-of-key-ids",
    where: "said",
    pattern: /KVM_TDX_(?:CAPABILITIES|INIT_VM).*(?:ENOSPC|No space left|EBUSY|busy)/i,
    cause: () => "the CPU has no private key id left for another TD",
    fix: () => "stop other TDs, or raise the number of TDX key ids in the firmware setup",
  },
  {
    reason: "sev-init-failed",
    where: "said",
    pattern: /sev_kvm_init: failed to initialize ret=(-?\d+)|SEV: Failed to open \/dev\/sev|\/dev\/sev/,
    cause: () => "the host could not set up the SEV guest",
    fix: () => "check that /dev/sev exists and is open to QEMU, and the kernel log for ccp and kvm_amd lines",
  },
  {
    reason: "igvm-unsupported",
    where: "said",
    pattern: /igvm-cfg' not found|invalid object type: igvm-cfg|does not accept value 'igvm-cfg'/,
    cause: () => "this QEMU was built without IGVM support",
    fix: () => "set paths.qemu to a QEMU 10.1 or newer built with libigvm",
  },
  {
    reason: "tee-unknown-to-qemu",
    where: "said",
    pattern: /(?:invalid object type: |does not accept value ')(sev-snp-guest|tdx-guest)/,
    cause: ([, type = ""]) => `this QEMU knows no ${type}`,
    fix: () => "sev-snp-guest needs QEMU 9.1, tdx-guest 10.1; check that paths.qemu names the QEMU you mean",
  },
  {
    reason: "firmware-without-tee-metadata",
    where: "said",
    pattern:
      /no hashes table GUID|hashes table area is invalid|SEV information block|failed to locate and\/or save reset vector|Failed to find TDX metadata|invalid address\/length|Firmware GUID Table/i,
    cause: (_, { firmware }) => `the firmware ${pathOf(firmware)} is not built for this TEE`,
    fix: ({ tee }) =>
      tee.kind === "tdx"
        ? "set paths.firmware to a TDVF build (OVMF IntelTdx)"
        : "set paths.firmware to an OVMF of the AmdSev kind",
  },
  {
    reason: "snp-page-refused",
    where: "said",
    pattern: /SNP_LAUNCH_UPDATE.*ret=|CPUID validation failed|VMSA contains unsupported/,
    cause: () => "the SNP firmware refused a page of the initial guest",
    fix: () =>
      "check that QEMU, the host kernel and the firmware file belong together; `kata-cvm explain` lists the pages",
  },
  {
    reason: "kvm-broken",
    where: "said",
    pattern:
      /KVM internal error|failed to set MSR|Could not access KVM kernel module|failed to initialize kvm|kvm_buf_set_msrs/,
    cause: () => "KVM exists on this host but cannot run this guest",
    fix: () => 'use accelerator = "auto" or "tcg" for guests without a TEE, or fix nested virtualisation on the host',
  },
  {
    reason: "qemu-assertion",
    where: "said",
    pattern: /Assertion [`'](.{1,120}?)' failed|ERROR:.*assertion failed/,
    cause: ([, what = ""]) =>
      `QEMU hit an assertion${what === "" ? "" : ` (${what})`}, a bug of QEMU's or of this combination`,
    fix: () => "try another QEMU version; with kernel_hashes in it, the kernel was not a bzImage or UKI",
  },
  {
    reason: "memlock-limit",
    where: "said",
    pattern: /mlock|RLIMIT_MEMLOCK|locked memory/i,
    cause: () => "the limit of locked memory is too low for this guest",
    fix: () => "raise LimitMEMLOCK of containerd's service, or remove the limit",
  },
  {
    reason: "not-enough-memory",
    where: "said",
    pattern: /[Cc]annot (?:set up|allocate) (?:guest )?memory|Cannot allocate memory/,
    cause: (_, { memory }) => `the host could not give the guest its ${memory.sizeMiB} MiB`,
    fix: () => "free memory on the host, or lower vm.default_memory or the pod's limit",
  },
  {
    reason: "quote-socket-missing",
    where: "said",
    pattern: /quote-generation-socket|Quote Generation/i,
    cause: () => "QEMU could not use the quote generation socket",
    fix: () => "start qgsd, or correct tdx.quote_socket and tdx.quote_vsock_port",
  },
  {
    reason: "address-in-use",
    where: "said",
    pattern: /guest.cid.*(?:in use|EADDRINUSE)|Address already in use|unable to set guest cid/i,
    cause: () => "an address that the guest needs is taken: its vsock id or a socket in its run directory",
    fix: () => "`kata-cvm reap` shows and removes what an earlier pod left behind",
  },
  {
    reason: "tap-refused",
    where: "said",
    pattern: /could not configure \/dev\/net\/tun|could not open \/dev\/net\/tun|TUNSETIFF/i,
    cause: () => "QEMU could not open the pod's tap",
    fix: () => "check that /dev/net/tun exists and that no other process holds the tap",
  },
  {
    reason: "no-space",
    where: "said",
    pattern: /No space left on device/,
    cause: () => "the run directory or the disk under it is full",
    fix: () => `free space under ${runRoot} (a tmpfs, as a rule)`,
  },
  {
    reason: "firmware-missing",
    where: "said",
    pattern: /could not load (?:PC BIOS|firmware) '?([^'\n]+)'?/i,
    cause: ([, file = ""]) => `QEMU could not load the firmware ${file}`,
    fix: () => "install the Debian package ovmf, or correct paths.firmware",
  },
  {
    reason: "file-missing",
    where: "said",
    pattern:
      /(?:[Cc]ould not open|[Cc]ould not load|[Uu]nable to open)[^'"]*['"]([^'"]+)['"](?:: No such file or directory)?/,
    cause: ([, file = ""]) => `QEMU could not open ${file}`,
    fix: () => "check paths.firmware, paths.igvm and paths.image; `npm run image` builds the image",
  },
  {
    reason: "root-not-verified",
    where: "console",
    pattern: /verity: .*(?:corrupted|failed)|kata-cvm-init: .*(?:root hash|roothash|verity)[^\n]*/,
    cause: ([line]) => `the guest's root disk does not match its root hash (${line.trim()})`,
    fix: ({ image }) => `rebuild the image in ${image.dir}; if it was not touched, treat the host's storage as hostile`,
  },
  {
    reason: "guest-init-refused",
    where: "console",
    pattern: /kata-cvm-init: (?!.*\bready\b)([^\n]+)/,
    cause: ([, line = ""]) => `the guest's first program gave up: ${line.trim()}`,
    fix: ({ image }) => `check that ${image.dir} is whole; \`npm run image\` builds it anew`,
  },
  {
    reason: "initdata-refused",
    where: "console",
    pattern: /kata(?:-initdata| agent): refused: ([^\n]+)/,
    cause: ([, line = ""]) => `the guest refused the pod's configuration: ${line.trim()}`,
    fix: () => "correct the initdata: the pod's annotation cc_init_data, or initdata.file",
  },
  {
    reason: "guest-kernel-panic",
    where: "console",
    pattern: /Kernel panic - not syncing: ([^\n]+)/,
    cause: ([, line = ""]) => `the guest's kernel panicked: ${line.trim()}`,
    fix: () => "see the console lines before it; a modified disk ends so, too",
  },
  {
    reason: "nothing-to-boot",
    where: "console",
    pattern: /BdsDxe: (?:failed to (?:load|start)|No bootable)|UEFI Interactive Shell|No bootable device/,
    cause: () => "the firmware found nothing it could boot",
    fix: ({ image }) => `check the UKI in ${image.dir}; with Secure Boot it must be signed`,
  },
];

/** The recognised cause, or undefined. */
export function recognise(evidence: LaunchEvidence, plan: LaunchPlan): LaunchFailed | undefined {
  for (const row of causes) {
    const match = row.pattern.exec(evidence[row.where]);
    if (match === null) continue;
    return new LaunchFailed({
      reason: row.reason,
      cause: row.cause(match, plan),
      fix: row.fix(plan),
      evidence: lineAround(evidence[row.where], match.index),
    });
  }
  return undefined;
}

/** The error for a VM that ended, or refused a step, before it served anyone. */
export function explainExit(exit: VmExitFacts, during: string, plan: LaunchPlan): Error {
  const readable = { ...exit, consoleTail: wordsOf(exit.consoleTail) };
  const evidence = { during, said: exit.stderrTail, console: readable.consoleTail };
  const known = exit.helperLoss === undefined ? recognise(evidence, plan) : undefined;
  return known ?? new VmExited(during, readable);
}

/** The error for a guest that runs but never answers. */
export function explainSilence(
  facts: { port: number; timeoutMs: number; console: string },
  plan: LaunchPlan,
): LaunchFailed {
  const words = wordsOf(facts.console);
  const known = recognise({ during: "waiting for the agent", said: "", console: words }, plan);
  if (known !== undefined) return known;
  const seconds = Math.round(facts.timeoutMs / 1000);
  return new LaunchFailed({
    reason: "guest-silent",
    cause: `the guest did not answer on vsock port ${facts.port} within ${seconds} s`,
    fix: "see how far it came by the console lines; raise agent.boot_timeout if it was only slow",
    evidence: words.trim() === "" ? "the console stayed empty" : lastLines(words),
  });
}

function lineAround(text: string, index: number): string {
  const start = text.lastIndexOf("\n", index) + 1;
  const end = text.indexOf("\n", index);
  return text
    .slice(start, end === -1 ? undefined : end)
    .trim()
    .slice(0, 500);
}

function lastLines(text: string): string {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return `last console lines: ${lines.slice(-3).join(" | ")}`.slice(0, 500);
}

/** Firmware and init paint the console; only the words are evidence. */
function wordsOf(console: string): string {
  const kept = [...stripVTControlCharacters(console)].filter((letter) => letter >= " " || letter === "\n");
  return kept.join("");
}

function pathOf(firmware: LaunchPlan["firmware"]): string {
  return firmware.kind === "builtin" ? "built into QEMU" : firmware.path;
}

// Each text is what a program really prints: QEMU 7.2 to 11.1 as observed or as in its source, OVMF, Linux, our
// initrd's init. The whole message is asserted: it is all that an operator sees.
import assert from "node:assert/strict";
import { LaunchFailed, VmExited } from "../../../src/lib/errors.ts";
import type { LaunchPlan } from "../../../src/plan/launch-plan.ts";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import { explainExit, explainSilence, recognise } from "../../../src/vm/failure-causes.ts";
import { hostFacts, planCases } from "../plan/cases.ts";

function planOf(name: string): LaunchPlan {
  const found = planCases().find((one) => one.name === `${name}/minimal`);
  assert.ok(found, name);
  return planLaunch(found.config, hostFacts, found.pod);
}

function reasonOf(text: { said?: string; console?: string }, plan: string): string {
  const failure = recognise({ during: "a test", said: text.said ?? "", console: text.console ?? "" }, planOf(plan));
  return failure === undefined ? "none" : `${failure.reason}: ${failure.message}`;
}

const said: [string, string, string][] = [
  [
    "snp-ovmf-uki",
    "qemu-system-x86_64: vm-type SEV-SNP not supported by KVM",
    "tee-not-in-kvm: KVM on this host cannot run SEV-SNP guests; enable SEV-SNP in the firmware, use a kernel with SNP host support, and check /sys/module/kvm_amd/parameters/sev_snp (qemu-system-x86_64: vm-type SEV-SNP not supported by KVM)",
  ],
  [
    "tdx",
    "qemu-system-x86_64: vm-type TDX not supported by KVM",
    "tee-not-in-kvm: KVM on this host cannot run TDX guests; enable TDX in the firmware, boot with kvm_intel.tdx=1, and check /sys/module/kvm_intel/parameters/tdx (qemu-system-x86_64: vm-type TDX not supported by KVM)",
  ],
  [
    "snp-ovmf-uki",
    "qemu-system-x86_64: sev_common_kvm_init: cbitpos check failed, host '51' requested '47'",
    "wrong-cbitpos: the encryption bit is at 51 on this host, the plan said 47; remove snp.cbitpos from the configuration so that it is read from the CPU (qemu-system-x86_64: sev_common_kvm_init: cbitpos check failed, host '51' requested '47')",
  ],
  [
    "snp-ovmf-uki",
    "qemu-system-x86_64: sev_snp_launch_start: SNP_LAUNCH_START ret=-5 fw_error=7 'Policy is not allowed'",
    "policy-refused: the SNP firmware refused the guest policy 0x30000; check snp.policy: bit 17 must be set, and the ABI version and SMT must be what the host offers (qemu-system-x86_64: sev_snp_launch_start: SNP_LAUNCH_START ret=-5 fw_error=7 'Policy is not allowed')",
  ],
  [
    "snp-ovmf-uki",
    "qemu-system-x86_64: SNP_LAUNCH_FINISH ret=-5 fw_error=11 'Bad measurement'",
    "id-block-mismatch: the launch digest, or the policy, is not what the ID block was signed for; compute it again with `kata-cvm measure pod` and sign it with `kata-cvm idblock` (qemu-system-x86_64: SNP_LAUNCH_FINISH ret=-5 fw_error=11 'Bad measurement')",
  ],
  [
    "snp-ovmf-uki",
    "qemu-system-x86_64: sev_common_kvm_init: failed to initialize ret=-16 fw_error=0 ''",
    "out-of-asids: the CPU has no encryption key slot (ASID) left for another guest; stop other SNP guests, raise the SNP share of ASIDs in the firmware setup, or see misc.capacity in cgroups (qemu-system-x86_64: sev_common_kvm_init: failed to initialize ret=-16 fw_error=0 '')",
  ],
  [
    "snp-ovmf-uki",
    "qemu-system-x86_64: sev_kvm_init: failed to initialize ret=-22 fw_error=0 ''",
    "sev-init-failed: the host could not set up the SEV guest; check that /dev/sev exists and is open to QEMU, and the kernel log for ccp and kvm_amd lines (qemu-system-x86_64: sev_kvm_init: failed to initialize ret=-22 fw_error=0 '')",
  ],
  [
    "snp-igvm",
    "qemu-system-x86_64: Property 'pc-q35-11.1-machine.igvm-cfg' not found",
    "igvm-unsupported: this QEMU was built without IGVM support; set paths.qemu to a QEMU 10.1 or newer built with libigvm (qemu-system-x86_64: Property 'pc-q35-11.1-machine.igvm-cfg' not found)",
  ],
  [
    "snp-ovmf-uki",
    "qemu-system-x86_64: SEV: kernel specified but guest firmware has no hashes table GUID",
    "firmware-without-tee-metadata: the firmware /usr/share/ovmf/OVMF.amdsev.fd is not built for this TEE; set paths.firmware to an OVMF of the AmdSev kind (qemu-system-x86_64: SEV: kernel specified but guest firmware has no hashes table GUID)",
  ],
  [
    "snp-ovmf-uki",
    "qemu-system-x86_64: guest firmware hashes table area is invalid (base=0x0 size=0x0)",
    "firmware-without-tee-metadata: the firmware /usr/share/ovmf/OVMF.amdsev.fd is not built for this TEE; set paths.firmware to an OVMF of the AmdSev kind (qemu-system-x86_64: guest firmware hashes table area is invalid (base=0x0 size=0x0))",
  ],
  [
    "tdx",
    "qemu-system-x86_64: Failed to find TDX metadata in firmware",
    "firmware-without-tee-metadata: the firmware /usr/share/ovmf/OVMF.inteltdx.fd is not built for this TEE; set paths.firmware to a TDVF build (OVMF IntelTdx) (qemu-system-x86_64: Failed to find TDX metadata in firmware)",
  ],
  [
    "snp-ovmf-uki",
    "qemu-system-x86_64: ../target/i386/sev.c:1640: sev_add_kernel_loader_hashes: Assertion `sev_snp->kernel_hashes_data' failed.",
    "qemu-assertion: QEMU hit an assertion (sev_snp->kernel_hashes_data), a bug of QEMU's or of this combination; try another QEMU version; with kernel_hashes in it, the kernel was not a bzImage or UKI (qemu-system-x86_64: ../target/i386/sev.c:1640: sev_add_kernel_loader_hashes: Assertion `sev_snp->kernel_hashes_data' failed.)",
  ],
  [
    "tdx",
    "qemu-system-x86_64: mlock: Cannot allocate memory",
    "memlock-limit: the limit of locked memory is too low for this guest; raise LimitMEMLOCK of containerd's service, or remove the limit (qemu-system-x86_64: mlock: Cannot allocate memory)",
  ],
  [
    "dev-fast",
    "qemu-system-x86_64: cannot set up guest memory 'mem0': Cannot allocate memory",
    "not-enough-memory: the host could not give the guest its 2048 MiB; free memory on the host, or lower vm.default_memory or the pod's limit (qemu-system-x86_64: cannot set up guest memory 'mem0': Cannot allocate memory)",
  ],
  [
    "dev-fast",
    "error: failed to set MSR 0x10a to 0x0\nqemu-system-x86_64: ../target/i386/kvm/kvm.c:3353: kvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed.",
    'kvm-broken: KVM exists on this host but cannot run this guest; use accelerator = "auto" or "tcg" for guests without a TEE, or fix nested virtualisation on the host (error: failed to set MSR 0x10a to 0x0)',
  ],
  [
    "dev-measured",
    "qemu: could not load PC BIOS '/usr/share/ovmf/OVMF.fd'",
    "firmware-missing: QEMU could not load the firmware /usr/share/ovmf/OVMF.fd; install the Debian package ovmf, or correct paths.firmware (qemu: could not load PC BIOS '/usr/share/ovmf/OVMF.fd')",
  ],
  [
    "dev-measured",
    "QEMU refused blockdev-add: Could not open '/images/root.erofs': No such file or directory",
    "file-missing: QEMU could not open /images/root.erofs; check paths.firmware, paths.igvm and paths.image; `npm run image` builds the image (QEMU refused blockdev-add: Could not open '/images/root.erofs': No such file or directory)",
  ],
  [
    "dev-measured",
    "qemu: could not open kernel file '/images/uki.efi': No such file or directory",
    "file-missing: QEMU could not open /images/uki.efi; check paths.firmware, paths.igvm and paths.image; `npm run image` builds the image (qemu: could not open kernel file '/images/uki.efi': No such file or directory)",
  ],
  [
    "dev-measured",
    "QEMU refused device_add: vhost-vsock: unable to set guest cid: Address already in use",
    "address-in-use: an address that the guest needs is taken: its vsock id or a socket in its run directory; `kata-cvm reap` shows and removes what an earlier pod left behind (QEMU refused device_add: vhost-vsock: unable to set guest cid: Address already in use)",
  ],
  [
    "dev-fast",
    "QEMU refused netdev_add: could not configure /dev/net/tun (tap0_kcvm): Device or resource busy",
    "tap-refused: QEMU could not open the pod's tap; check that /dev/net/tun exists and that no other process holds the tap (QEMU refused netdev_add: could not configure /dev/net/tun (tap0_kcvm): Device or resource busy)",
  ],
  [
    "dev-fast",
    "No space left on device",
    "no-space: the run directory or the disk under it is full; free space under /run/kata-cvm (a tmpfs, as a rule) (No space left on device)",
  ],
];

const onConsole: [string, string][] = [
  [
    "[    3.1] device-mapper: verity: 254:0: data block 58972 is corrupted",
    "root-not-verified: the guest's root disk does not match its root hash (verity: 254:0: data block 58972 is corrupted); rebuild the image in /var/lib/kata-cvm/images/default; if it was not touched, treat the host's storage as hostile ([    3.1] device-mapper: verity: 254:0: data block 58972 is corrupted)",
  ],
  [
    '\nkata-cvm-init: no virtio disk with serial "root" appeared within 10 s\r\n',
    'guest-init-refused: the guest\'s first program gave up: no virtio disk with serial "root" appeared within 10 s; check that /var/lib/kata-cvm/images/default is whole; `npm run image` builds it anew (kata-cvm-init: no virtio disk with serial "root" appeared within 10 s)',
  ],
  [
    "kata agent: refused: initdata holds policy.rego, and this agent enforces no policy; do as it says\r\n",
    "initdata-refused: the guest refused the pod's configuration: initdata holds policy.rego, and this agent enforces no policy; do as it says; correct the initdata: the pod's annotation cc_init_data, or initdata.file (kata agent: refused: initdata holds policy.rego, and this agent enforces no policy; do as it says)",
  ],
  [
    "[    2.4] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000007",
    "guest-kernel-panic: the guest's kernel panicked: Attempted to kill init! exitcode=0x00000007; see the console lines before it; a modified disk ends so, too ([    2.4] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000007)",
  ],
  [
    'BdsDxe: failed to load Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x2,0x0)/Pci(0x0,0x0): Not Found',
    'nothing-to-boot: the firmware found nothing it could boot; check the UKI in /var/lib/kata-cvm/images/default; with Secure Boot it must be signed (BdsDxe: failed to load Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x2,0x0)/Pci(0x0,0x0): Not Found)',
  ],
];

describe("recognise", () => {
  for (const [plan, text, message] of said) {
    it(`reads: ${text.slice(0, 90).replace("\n", " ")}`, () => assert.equal(reasonOf({ said: text }, plan), message));
  }
  for (const [text, message] of onConsole) {
    it(`reads on the console: ${text.trim().slice(0, 80)}`, () =>
      assert.equal(reasonOf({ console: text }, "dev-measured"), message));
  }

  it("says nothing about words it does not know", () => {
    assert.equal(reasonOf({ said: "qemu-system-x86_64: something new", console: "login:" }, "dev-fast"), "none");
  });
});

describe("explainExit", () => {
  it("carries QEMU's words and the console, without its paint, when the cause is unknown", () => {
    const exit = { exitCode: 1, signal: null, stderrTail: "odd\n", consoleTail: "\u001b[2J\u001b[0mBooting\r\n" };
    const error = explainExit(exit, "connecting to QEMU", planOf("dev-fast"));
    assert.ok(error instanceof VmExited);
    assert.equal(
      error.message,
      "the VM ended while connecting to QEMU: QEMU exited with 1, saying: odd; last console lines: Booting",
    );
  });
});

describe("explainSilence", () => {
  it("shows how far the guest came", () => {
    const console = "\u001b[2JSeaBIOS\r\nstarting\r\nsystemd 257\r\nReached target\r\n";
    const error = explainSilence({ port: 1024, timeoutMs: 90_000, console }, planOf("dev-fast"));
    assert.ok(error instanceof LaunchFailed);
    assert.equal(
      error.message,
      "the guest did not answer on vsock port 1024 within 90 s; see how far it came by the console lines; raise agent.boot_timeout if it was only slow (last console lines: starting | systemd 257 | Reached target)",
    );
  });

  it("says so when the console stayed empty", () => {
    const error = explainSilence({ port: 1024, timeoutMs: 1_000, console: "" }, planOf("dev-fast"));
    assert.equal(error.evidence, "the console stayed empty");
  });
});

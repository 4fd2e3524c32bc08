// What values must hold together. Each rule names the key that the operator should look at.
import { developmentFirmware, type RuntimeConfig } from "./schema.ts";

export interface Conflict {
  readonly key: string;
  readonly reason: string;
}

type Rule = (config: RuntimeConfig) => Conflict | undefined | false;

const ascending = (values: readonly number[]) => values.every((value, i) => i === 0 || value > (values[i - 1] ?? 0));

const policyBit17 = 1n << 17n;

const rules: readonly Rule[] = [
  ({ vm, paths }) =>
    vm.tee !== "none" &&
    paths.igvm === "" &&
    [developmentFirmware, "builtin"].includes(paths.firmware) && {
      key: "paths.firmware",
      reason: `must name a firmware built for tee = "${vm.tee}"`,
    },
  ({ vm, paths }) =>
    paths.igvm !== "" && vm.tee !== "snp" && { key: "paths.igvm", reason: 'is only used with tee = "snp"' },
  ({ paths }) =>
    paths.igvm !== "" &&
    paths.firmware !== developmentFirmware && {
      key: "paths.firmware",
      reason: "cannot stand beside paths.igvm, which holds the firmware",
    },
  ({ vm, paths }) =>
    vm.boot !== "direct" &&
    paths.firmware === "builtin" && { key: "vm.boot", reason: `"${vm.boot}" needs UEFI, so a firmware file` },
  ({ vm, tpm }) =>
    vm.tee !== "none" &&
    tpm.device === "swtpm" && {
      key: "tpm.device",
      reason: "a TPM run by the host must not serve a confidential guest",
    },
  ({ vm, volumes }) =>
    vm.tee !== "none" &&
    volumes.hostPaths === "share" && {
      key: "volumes.host_paths",
      reason: "a confidential guest must not work on files that its host reads and changes",
    },
  ({ vm, paths }) =>
    vm.tee === "snp" &&
    paths.igvm === "" &&
    vm.boot === "uki-disk" && {
      key: "vm.boot",
      reason: 'without an SVSM nothing would measure a UKI read from disk; use "uki" or "direct"',
    },
  ({ vm, paths }) =>
    paths.igvm !== "" &&
    vm.boot === "direct" && {
      key: "vm.boot",
      reason: "kernel hashes do not exist with an IGVM file; the UKI is measured into the vTPM",
    },
  ({ vm, agent }) => vm.boot !== "direct" && agent.debug && { key: "agent.debug", reason: bakedIn },
  ({ vm }) => vm.boot !== "direct" && vm.kernelParams !== "" && { key: "vm.kernel_params", reason: bakedIn },
  ({ vm }) =>
    (vm.vcpuClasses.length === 0 || !ascending(vm.vcpuClasses)) && {
      key: "vm.vcpu_classes",
      reason: "must be ascending and not empty",
    },
  ({ vm }) =>
    vm.defaultVcpus > (vm.vcpuClasses.at(-1) ?? 0) && {
      key: "vm.default_vcpus",
      reason: "is more than the largest of vm.vcpu_classes",
    },
  ({ vm, container }) =>
    vm.tee !== "none" &&
    !container.staticResources && {
      key: "container.static_resources",
      reason: `cannot be false with tee = "${vm.tee}": a confidential guest gains neither CPUs nor memory`,
    },
  ({ vm, container }) =>
    !container.staticResources &&
    vm.maxVcpus < vm.defaultVcpus && { key: "vm.default_vcpus", reason: `is more than vm.max_vcpus (${vm.maxVcpus})` },
  ({ vm, container }) =>
    !container.staticResources &&
    vm.maxMemory < vm.defaultMemory && {
      key: "vm.default_memory",
      reason: `is more than vm.max_memory (${vm.maxMemory})`,
    },
  ({ vm }) =>
    vm.tee !== "none" &&
    vm.accelerator === "tcg" && { key: "vm.accelerator", reason: "a confidential guest needs KVM" },
  ({ vm }) =>
    vm.tee === "tdx" &&
    !/^(host(,.*)?)?$/.test(vm.cpuModel) && { key: "vm.cpu_model", reason: "TDX runs only on the host model" },
  ({ vm }) =>
    vm.tee === "snp" &&
    vm.cpuModel !== "" &&
    !/^EPYC[\w-]*$/.test(vm.cpuModel) && {
      key: "vm.cpu_model",
      reason: "SNP needs a named EPYC model: its signature is measured",
    },
  ({ vm }) =>
    vm.blockDriver === "virtio-blk" &&
    vm.hotplugPorts === 0 && { key: "vm.hotplug_ports", reason: "virtio-blk layers need free PCIe ports" },
  ({ snp }) =>
    (snp.idBlock === "") !== (snp.idAuth === "") && {
      key: snp.idBlock === "" ? "snp.id_block" : "snp.id_auth",
      reason: "is missing: id_block and id_auth come as a pair",
    },
  ({ snp }) => snp.idBlock !== "" && wrongBytes(snp.idBlock, 96, "snp.id_block"),
  ({ snp }) =>
    Buffer.from(snp.idAuth, "base64").length > 4096 && { key: "snp.id_auth", reason: "is longer than 4096 bytes" },
  ({ tdx }) => tdx.mrowner !== "" && wrongBytes(tdx.mrowner, 48, "tdx.mrowner"),
  ({ tdx }) => tdx.mrownerconfig !== "" && wrongBytes(tdx.mrownerconfig, 48, "tdx.mrownerconfig"),
  ({ snp }) =>
    (BigInt(snp.policy) & policyBit17) === 0n && {
      key: "snp.policy",
      reason: `${snp.policy} lacks bit 17, which the SNP firmware demands; the usual value is 0x30000`,
    },
  ({ snp }) => idBlockPolicyConflict(snp),
];

const bakedIn = 'the command line is inside the UKI; rebuild the image, or use boot = "direct"';

/** Offset of the policy in the ID block (SEV-SNP firmware ABI, ID_BLOCK structure). */
const idBlockPolicyAt = 88;

function idBlockPolicyConflict(snp: RuntimeConfig["snp"]): Conflict | undefined {
  const block = Buffer.from(snp.idBlock, "base64");
  if (block.length !== 96) return undefined;
  const signed = block.readBigUInt64LE(idBlockPolicyAt);
  if (signed === BigInt(snp.policy)) return undefined;
  return { key: "snp.policy", reason: `is ${snp.policy}, but the ID block was signed for 0x${signed.toString(16)}` };
}

function wrongBytes(base64: string, want: number, key: string): Conflict | undefined {
  const length = Buffer.from(base64, "base64").length;
  return length === want ? undefined : { key, reason: `decodes to ${length} bytes, ${want} are needed` };
}

export function checkTogether(config: RuntimeConfig): Conflict[] {
  return rules.map((rule) => rule(config)).filter((conflict) => conflict !== undefined && conflict !== false);
}

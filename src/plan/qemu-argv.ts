// LaunchPlan -> QEMU's argv. Objects and devices go as JSON, where QEMU takes it: no comma of a
// path can then become an option.
import { firstPortSlot, growingMemorySlot } from "./devices.ts";
import type { ColdDevice, FirmwarePlan, LaunchPlan, TeePlan } from "./launch-plan.ts";
import { growingMemory, mebibyte } from "./limits.ts";

type Renderers<T extends { kind: string }, R> = { readonly [K in T["kind"]]: (part: Extract<T, { kind: K }>) => R };

/** Arguments after the program's own name. */
export function renderQemuArgv(plan: LaunchPlan): string[] {
  return [
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    ...["-display", "none"],
    "-S",
    ...["-name", `${plan.podId},debug-threads=on`],
    ...(plan.sandbox ? ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"] : []),
    ...["-accel", renderAccelerator(plan)],
    ...["-machine", renderMachine(plan)],
    ...["-cpu", plan.cpu.model],
    ...["-smp", renderCpus(plan)],
    ...renderMemory(plan),
    ...renderTee(plan.tee),
    ...renderFirmware(plan.firmware),
    ...renderKernel(plan),
    ...["-chardev", `socket,id=qmp0,path=${plan.runFiles.qmp},server=on,wait=off`],
    ...["-mon", "chardev=qmp0,mode=control"],
    ...plan.coldDevices.flatMap(renderCold),
  ].map(String);

  function renderCold(device: ColdDevice): string[] {
    const render = coldRenderers(plan.tee.kind !== "none")[device.kind] as (device: ColdDevice) => string[];
    return render(device);
  }
}

/** What device_add and -device say of every virtio PCI device. */
export function virtioProperties(confidential: boolean): Readonly<Record<string, unknown>> {
  // With a TEE these are QEMU's defaults; said aloud, nothing on the way can turn them off.
  return confidential ? { "disable-legacy": "on", iommu_platform: true } : { "disable-legacy": "on" };
}

const teeId = "cgs0";

/**
 * One thread for all emulated CPUs: with a thread for each, QEMU 10.0 boots a two-CPU guest in less time on an
 * idle host, but 2 of 60 boots on a busy one ended in a lost timer interrupt or a panic of the guest's kernel.
 */
function renderAccelerator({ accelerator }: LaunchPlan): string {
  return accelerator === "tcg" ? "tcg,thread=single" : accelerator;
}

function renderMachine({ accelerator, tee, firmware }: LaunchPlan): string {
  return [
    "q35",
    // SNP needs an irqchip in the kernel, TDX a split one; split serves both.
    ...(tee.kind === "none" ? [] : ["kernel-irqchip=split", `confidential-guest-support=${teeId}`]),
    "memory-backend=mem0",
    ...(firmware.kind === "igvm" ? ["igvm-cfg=igvm0"] : []),
    "smm=off",
    "vmport=off",
    // Under TCG a kernel without this timer falls back on ones that emulation serves badly.
    ...(accelerator === "kvm" ? ["hpet=off"] : []),
    "sata=off",
    "usb=off",
    "graphics=off",
    "dump-guest-core=off",
  ].join(",");
}

function renderCpus({ cpu: { vcpus, maxVcpus } }: LaunchPlan): string {
  return maxVcpus === undefined ? `${vcpus}` : `${vcpus},maxcpus=${maxVcpus}`;
}

/** What can be added is a device of its own, empty at first: the host backs only what the guest takes. */
function renderMemory({ memory }: LaunchPlan): string[] {
  const { sizeMiB, maxMiB, share } = memory;
  const backend = (id: string, size: number) => [
    "-object",
    json({ "qom-type": "memory-backend-memfd", id, size: size * mebibyte, share, reserve: false }),
  ];
  if (maxMiB === undefined) return ["-m", `${sizeMiB}M`, ...backend("mem0", sizeMiB)];
  const addr = `0x${growingMemorySlot}`;
  const device = { driver: "virtio-mem-pci", id: growingMemory, bus: "pcie.0", addr, memdev: "mem1" };
  return [
    ...["-m", `size=${sizeMiB}M,maxmem=${maxMiB}M`],
    ...backend("mem0", sizeMiB),
    ...backend("mem1", maxMiB - sizeMiB),
    ...["-device", json({ ...device, ...virtioProperties(false) })],
  ];
}

const teeRenderers: Renderers<TeePlan, string[]> = {
  none: () => [],
  // Not JSON: the policy has 64 bits, which a JSON number here cannot hold.
  snp: (tee) => [
    "-object",
    [
      "sev-snp-guest",
      `id=${teeId}`,
      `cbitpos=${tee.cbitpos}`,
      `reduced-phys-bits=${tee.reducedPhysBits}`,
      `policy=${tee.policy}`,
      `kernel-hashes=${tee.kernelHashes ? "on" : "off"}`,
      ...(tee.hostData === undefined ? [] : [`host-data=${tee.hostData}`]),
      ...(tee.idBlock === undefined
        ? []
        : [
            `id-block=${tee.idBlock.block}`,
            `id-auth=${tee.idBlock.auth}`,
            `author-key-enabled=${tee.idBlock.authorKey ? "on" : "off"}`,
          ]),
    ].join(","),
  ],
  tdx: (tee) => [
    "-object",
    json({
      "qom-type": "tdx-guest",
      id: teeId,
      "sept-ve-disable": true,
      mrconfigid: tee.mrconfigid,
      mrowner: tee.mrowner,
      mrownerconfig: tee.mrownerconfig,
      "quote-generation-socket": tee.quoteSocket,
    }),
  ],
};

function renderTee(tee: TeePlan): string[] {
  const render = teeRenderers[tee.kind] as (tee: TeePlan) => string[];
  return render(tee);
}

const firmwareRenderers: Readonly<Record<FirmwarePlan["kind"], (path: string) => string[]>> = {
  builtin: () => [],
  bios: (path) => ["-bios", path],
  igvm: (path) => ["-object", json({ "qom-type": "igvm-cfg", id: "igvm0", file: path })],
};

function renderFirmware(firmware: FirmwarePlan): string[] {
  return firmwareRenderers[firmware.kind](firmware.kind === "builtin" ? "" : firmware.path);
}

function renderKernel({ kernel }: LaunchPlan): string[] {
  if (kernel === undefined) return [];
  return [
    ...["-kernel", kernel.kernel],
    ...(kernel.initrd === undefined ? [] : ["-initrd", kernel.initrd]),
    ...(kernel.append === undefined ? [] : ["-append", kernel.append]),
  ];
}

/** Each port has a slot of the root bus to itself: the agent's PCI paths know no functions. */
function portAddress(index: number): string {
  return `0x${(firstPortSlot + index).toString(16)}`;
}

function coldRenderers(confidential: boolean): Renderers<ColdDevice, string[]> {
  return {
    "root-port": ({ id, index }) => [
      "-device",
      json({
        driver: "pcie-root-port",
        id,
        bus: "pcie.0",
        chassis: index + 1,
        slot: index + 1,
        addr: portAddress(index),
      }),
    ],
    "scsi-controller": ({ id, bus }) => [
      "-device",
      json({ driver: "virtio-scsi-pci", id, bus, ...virtioProperties(confidential) }),
    ],
    "serial-console": ({ id, socket }) => [
      ...["-chardev", `socket,id=${id},path=${socket}`],
      ...["-device", json({ driver: "isa-serial", chardev: id })],
    ],
    tpm: ({ id, socket }) => [
      ...["-chardev", `socket,id=${id}-control,path=${socket}`],
      ...["-tpmdev", `emulator,id=${id},chardev=${id}-control`],
      ...["-device", json({ driver: "tpm-crb", tpmdev: id })],
    ],
  };
}

function json(value: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(value);
}

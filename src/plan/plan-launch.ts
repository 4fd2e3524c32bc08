// The decisions: configuration, host facts and a pod's request in, a LaunchPlan out. Pure, so that
// the plan of a confidential guest can be judged, stored and measured where no such hardware is.
import { join } from "node:path";
import { initdataAnnotation } from "../config/overrides.ts";
import type { RuntimeConfig } from "../config/schema.ts";
import { EnvironmentLacks, InvalidRequest } from "../lib/errors.ts";
import { parseIdentifier } from "../oci/identifiers.ts";
import { chooseAccelerator } from "./accelerator.ts";
import { initdataPath, planDevices, usesSwtpm } from "./devices.ts";
import { type PodInitdata, parsePodInitdata } from "./initdata.ts";
import type { HostFacts, LaunchInputs, PodRequest } from "./inputs.ts";
import { composeCmdline } from "./kernel-cmdline.ts";
import type {
  FirmwarePlan,
  InitdataPlan,
  KernelFiles,
  LaunchClass,
  LaunchPlan,
  RunFiles,
  TeePlan,
} from "./launch-plan.ts";
import { planSize } from "./sizing.ts";
import { planNone } from "./tee/none.ts";
import { planSnp } from "./tee/snp.ts";
import { planTdx } from "./tee/tdx.ts";

/** `config` already holds the pod's overrides (config/overrides.ts). */
export function planLaunch(config: RuntimeConfig, host: HostFacts, pod: PodRequest): LaunchPlan {
  const inputs: LaunchInputs = { config, host, pod };
  const runFiles = planRunFiles(pod);
  const initdata = parsePodInitdata(
    { annotation: pod.annotations[initdataAnnotation], document: pod.initdata },
    config.initdata.maxBytes,
  );
  const devices = planDevices(inputs, runFiles, initdata !== undefined);
  const cmdline = composeCmdline(config, host.image);
  const kernel = planKernel(inputs, cmdline);
  const accelerator = chooseAccelerator(config, host);
  const { start, most } = planSize(config, pod, accelerator);
  return {
    version: 1,
    podId: pod.podId,
    class: classOf(config),
    qemu: config.paths.qemu,
    accelerator,
    ...(pod.netns === undefined ? {} : { netns: absolute(pod.netns, "netns") }),
    sandbox: config.vm.sandbox && host.qemu.sandbox,
    cpu: {
      model: chooseCpu(config, accelerator),
      vcpus: start.vcpus,
      ...(most.vcpus === start.vcpus ? {} : { maxVcpus: most.vcpus }),
    },
    memory: {
      sizeMiB: start.memoryMiB,
      ...(most.memoryMiB === start.memoryMiB ? {} : { maxMiB: most.memoryMiB }),
      share: devices.vsock.transport === "vhost-user" || devices.share !== undefined,
    },
    tee: planTee[config.vm.tee](inputs, initdata),
    firmware: planFirmware(inputs),
    ...(kernel === undefined ? {} : { kernel }),
    cmdline,
    coldDevices: devices.cold,
    hotDevices: devices.hot,
    hotplug: devices.hotplug,
    helpers: devices.helpers,
    files:
      initdata === undefined ? [] : [{ path: initdataPath(runFiles), base64: initdata.diskImage.toString("base64") }],
    runFiles,
    vsock: devices.vsock,
    ...(devices.share === undefined ? {} : { share: devices.share }),
    ...(initdata === undefined ? {} : { initdata: bindInitdata(config, initdata) }),
    image: { dir: host.image.dir, rootHash: host.image.rootHash },
  };
}

const planTee: Readonly<
  Record<RuntimeConfig["vm"]["tee"], (inputs: LaunchInputs, initdata: PodInitdata | undefined) => TeePlan>
> = { none: planNone, snp: planSnp, tdx: planTdx };

export function classOf({ vm, paths }: RuntimeConfig): LaunchClass {
  if (vm.tee === "tdx") return "tdx";
  if (vm.tee === "none") return paths.firmware === "builtin" ? "fast" : "measured";
  if (paths.igvm !== "") return "snp-igvm";
  return vm.boot === "direct" ? "snp-ovmf-initrd" : "snp-ovmf-uki";
}

function chooseCpu(config: RuntimeConfig, accelerator: "kvm" | "tcg"): string {
  if (config.vm.cpuModel !== "") return config.vm.cpuModel;
  if (config.vm.tee === "snp") return "EPYC-v4";
  return accelerator === "kvm" ? "host" : tcgModel;
}

/** Without what emulation makes slow: string moves byte by byte, and a fifth level of page tables. */
const tcgModel = "max,-erms,-fsrm,-la57";

function planFirmware({ config, host }: LaunchInputs): FirmwarePlan {
  if (config.paths.igvm !== "") {
    if (!host.qemu.objects.includes("igvm-cfg") || !host.qemu.machineProperties.includes("igvm-cfg")) {
      throw new EnvironmentLacks(
        `this QEMU (${host.qemu.version}) was built without IGVM support`,
        "set paths.qemu to a QEMU 10.1 or newer built with libigvm, or use paths.firmware instead of paths.igvm",
      );
    }
    requireGoodFirmware(host, "paths.igvm", config.paths.igvm);
    return { kind: "igvm", path: config.paths.igvm };
  }
  requireGoodFirmware(host, "paths.firmware", config.paths.firmware);
  return config.paths.firmware === "builtin" ? { kind: "builtin" } : { kind: "bios", path: config.paths.firmware };
}

function requireGoodFirmware({ firmwareProblem }: HostFacts, key: string, path: string): void {
  if (firmwareProblem === undefined) return;
  throw new EnvironmentLacks(`the firmware ${path} cannot start this guest: ${firmwareProblem}`, `correct ${key}`);
}

function planKernel({ config, host }: LaunchInputs, cmdline: string): KernelFiles | undefined {
  const file = (name: string) => {
    if (host.image.files.includes(name)) return join(host.image.dir, name);
    throw new EnvironmentLacks(
      `the guest image ${host.image.dir} has no ${name}, which boot = "${config.vm.boot}" needs`,
      "build the image with `npm run image`, or set paths.image",
    );
  };
  if (config.vm.boot === "uki-disk") {
    file("esp.img");
    return undefined;
  }
  if (config.vm.boot === "uki") return { kernel: file("uki.efi") };
  // QEMU itself starts an unpacked kernel by its PVH entry; firmware and kernel hashes know only the packed form
  const isUnpacked = config.paths.firmware === "builtin" && host.image.files.includes("vmlinux");
  return { kernel: file(isUnpacked ? "vmlinux" : "vmlinuz"), initrd: file("initrd.img"), append: cmdline };
}

function planRunFiles(pod: PodRequest): RunFiles {
  parseIdentifier(pod.podId, "podId");
  // A directory of its own: the VM removes it whole, the ledger beside it stays.
  const dir = join(absolute(pod.runDir, "runDir"), "vm");
  const longest = join(dir, "vsock-dev.sock");
  if (Buffer.byteLength(longest) > maxSocketPath) {
    throw new InvalidRequest("runDir", `${dir} is too long: ${longest} does not fit a socket address`);
  }
  return { dir, qmp: join(dir, "qmp.sock"), console: join(dir, "console.sock") };
}

/** sun_path without its end marker (unix(7)). */
const maxSocketPath = 107;

function absolute(path: string, field: string): string {
  if (!/^\/[^\0,\n]*$/.test(path)) throw new InvalidRequest(field, "must be an absolute path without commas");
  return path;
}

function bindInitdata(config: RuntimeConfig, initdata: PodInitdata): InitdataPlan {
  const hex = (base64: string) => Buffer.from(base64, "base64").toString("hex");
  const bound = {
    snp: { to: "hostdata", value: hex(initdata.hostData) } as const,
    tdx: { to: "mrconfigid", value: hex(initdata.mrconfigid) } as const,
    none: usesSwtpm(config) ? ({ to: "pcr8", value: initdata.pcr8.toString("hex") } as const) : undefined,
  }[config.vm.tee];
  return { ...initdata.plan, ...(bound === undefined ? {} : { bound }) };
}

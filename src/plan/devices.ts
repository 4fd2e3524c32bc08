// The devices of a launch. What the machine is born with stands on the command line; the rest is
// plugged over QMP into PCIe root ports, exactly as many as are needed: each port costs the
// firmware time, and its place is part of what a TDX guest measures.
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { RuntimeConfig } from "../config/schema.ts";
import { InvalidRequest } from "../lib/errors.ts";
import { chooseAccelerator } from "./accelerator.ts";
import type { HostFacts, LaunchInputs } from "./inputs.ts";
import type { ColdDevice, HelperPlan, HotDevice, LaunchPlan, RunFiles, SharePlan, VsockPlan } from "./launch-plan.ts";

export interface DevicePlan {
  readonly cold: readonly ColdDevice[];
  readonly hot: readonly HotDevice[];
  readonly helpers: readonly HelperPlan[];
  readonly vsock: VsockPlan;
  readonly share: SharePlan | undefined;
  readonly hotplug: LaunchPlan["hotplug"];
}

export const scsiController = "scsi0";
export const vsockId = "vsock0";

type Unplaced = HotDevice extends infer D ? (D extends { bus: string } ? Omit<D, "bus"> : never) : never;

export function planDevices(inputs: LaunchInputs, runFiles: RunFiles, hasInitdata: boolean): DevicePlan {
  const { config, pod } = inputs;
  const scsi = config.vm.blockDriver === "virtio-scsi";
  const vsock = planVsock(inputs, runFiles);
  const share = planShare(inputs);
  const layers = pod.layers ?? [];
  const placed = placeOnPorts([
    ...rootDisks(inputs),
    ...(hasInitdata ? [initdataDisk(runFiles)] : []),
    ...pod.nics.map((nic, i): Unplaced => ({ kind: "nic", id: `net${i}`, ...nic, vhost: useVhostNet(inputs) })),
    vsockDevice(vsock, runFiles),
    ...(share === undefined ? [] : [shareDevice(share, runFiles)]),
    ...(scsi ? [] : layers.map((layer): Unplaced => blockDisk(layer.id, layer.path, layer.id))),
  ]);
  const free = scsi ? 0 : config.vm.hotplugPorts;
  const scsiPort = placed.length + free;
  return {
    cold: [
      { kind: "serial-console", id: "console0", socket: runFiles.console },
      ...(usesSwtpm(config) ? [{ kind: "tpm", id: "tpm0", socket: tpmSocket(runFiles) } as const] : []),
      ...ports(scsiPort + (scsi ? 1 : 0)),
      ...(scsi ? [{ kind: "scsi-controller", id: scsiController, bus: portName(scsiPort) } as const] : []),
    ],
    hot: [
      ...placed,
      ...(scsi
        ? layers.map(
            (layer, target): HotDevice => ({
              kind: "scsi-disk",
              id: layer.id,
              controller: scsiController,
              target,
              path: layer.path,
              readonly: true,
            }),
          )
        : []),
    ],
    helpers: [...planHelpers(config, runFiles, vsock), ...planShareHelper(config, runFiles, share)],
    vsock,
    share,
    hotplug: scsi
      ? { kind: "scsi", controller: scsiController }
      : { kind: "ports", ports: Array.from({ length: free }, (_, i) => portName(placed.length + i)) },
  };
}

/** A software TPM for UEFI guests without a TEE, unless the configuration says otherwise. */
export function usesSwtpm({ tpm, vm, paths }: RuntimeConfig): boolean {
  if (tpm.device !== "auto") return tpm.device === "swtpm";
  return vm.tee === "none" && paths.firmware !== "builtin";
}

/** Slots of pcie.0: 0 is the host bridge, 1 the memory that can grow, then root ports, 0x1f the ICH9. */
export const growingMemorySlot = 1;
export const firstPortSlot = 2;
const maxPorts = 0x1f - firstPortSlot;

export function portName(index: number): string {
  return `rp${index}`;
}

function ports(count: number): ColdDevice[] {
  if (count > maxPorts) throw new InvalidRequest("devices", `need ${count} PCIe ports, the machine has ${maxPorts}`);
  return Array.from({ length: count }, (_, index) => ({ kind: "root-port", id: portName(index), index }));
}

function placeOnPorts(devices: readonly Unplaced[]): HotDevice[] {
  return devices.map((device, index) => ({ ...device, bus: portName(index) }) as HotDevice);
}

function rootDisks({ config, host }: LaunchInputs): Unplaced[] {
  const file = (name: string) => join(host.image.dir, name);
  const disks = [blockDisk("root", file("root.erofs"), "root"), blockDisk("verity", file("root.verity"), "verity")];
  return config.vm.boot === "uki-disk"
    ? [{ ...blockDisk("esp", file("esp.img"), "esp"), bootindex: 0 }, ...disks]
    : disks;
}

function blockDisk(id: string, path: string, serial: string): Unplaced & { kind: "block" } {
  return { kind: "block", id, path, readonly: true, serial: serial.slice(0, maxSerialBytes) };
}

/** virtio-blk's ID string (virtio 1.2, section 5.2.6). */
const maxSerialBytes = 20;

export function initdataPath(runFiles: RunFiles): string {
  return join(runFiles.dir, "initdata.img");
}

function initdataDisk(runFiles: RunFiles): Unplaced {
  return blockDisk("initdata", initdataPath(runFiles), "initdata");
}

function useVhostNet({ host, config }: LaunchInputs): boolean {
  return host.vhostNet && chooseAccelerator(config, host) === "kvm";
}

function planVsock({ config, host, pod }: LaunchInputs, runFiles: RunFiles): VsockPlan {
  if (chooseTransport(config, host) === "vhost") return { transport: "vhost", cid: cidOf(pod.podId) };
  // A helper serves one guest, so its context id needs to differ from nobody's.
  return { transport: "vhost-user", cid: 3, hybridSocket: join(runFiles.dir, "vsock.sock") };
}

export function chooseTransport(config: RuntimeConfig, host: HostFacts): "vhost" | "vhost-user" {
  if (config.vm.vsock !== "auto") return config.vm.vsock;
  return host.vhostVsock ? "vhost" : "vhost-user";
}

/** Spread over all context ids by the pod's id; 0 to 2 and the highest are reserved (vsock(7)). */
function cidOf(podId: string): number {
  const spread = createHash("sha256").update(podId).digest().readUInt32BE(0);
  return 3 + (spread % (0xffff_fffe - 3));
}

function vsockDevice(vsock: VsockPlan, runFiles: RunFiles): Unplaced {
  if (vsock.transport === "vhost") return { kind: "vhost-vsock", id: vsockId, cid: vsock.cid };
  return { kind: "vhost-user-vsock", id: vsockId, socket: vhostUserSocket(runFiles) };
}

function planHelpers(config: RuntimeConfig, runFiles: RunFiles, vsock: VsockPlan): HelperPlan[] {
  const helpers: HelperPlan[] = [];
  if (usesSwtpm(config)) {
    helpers.push({
      kind: "swtpm",
      binary: config.paths.swtpm,
      stateDir: join(runFiles.dir, "tpm"),
      socket: tpmSocket(runFiles),
    });
  }
  if (vsock.transport === "vhost-user") {
    helpers.push({
      kind: "vhost-device-vsock",
      binary: config.paths.vhostDeviceVsock,
      cid: vsock.cid,
      socket: vhostUserSocket(runFiles),
      hybridSocket: vsock.hybridSocket,
    });
  }
  return helpers;
}

/** The guest has one share: what a container gets of the host appears in it while the container exists. */
function planShare({ config, host, pod }: LaunchInputs): SharePlan | undefined {
  const { hostPaths } = config.volumes;
  const wanted = hostPaths === "share" || (hostPaths === "auto" && config.vm.tee === "none" && host.virtiofsd);
  return wanted ? { dir: join(pod.runDir, "share"), tag: "kata-cvm-host" } : undefined;
}

function shareDevice({ tag }: SharePlan, runFiles: RunFiles): Unplaced {
  return { kind: "vhost-user-fs", id: "share0", socket: shareSocket(runFiles), tag };
}

function planShareHelper(config: RuntimeConfig, runFiles: RunFiles, share: SharePlan | undefined): HelperPlan[] {
  if (share === undefined) return [];
  const { virtiofsd: binary } = config.paths;
  return [{ kind: "virtiofsd", binary, sharedDir: share.dir, socket: shareSocket(runFiles) }];
}

function shareSocket(runFiles: RunFiles): string {
  return join(runFiles.dir, "share.sock");
}

function tpmSocket(runFiles: RunFiles): string {
  return join(runFiles.dir, "tpm.sock");
}

function vhostUserSocket(runFiles: RunFiles): string {
  return join(runFiles.dir, "vsock-dev.sock");
}

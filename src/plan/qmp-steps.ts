// LaunchPlan -> the QMP commands between QEMU's start and `cont`. Also how a disk is plugged and
// unplugged later, so that all uses of these devices say the same.
import type { HotDevice, LaunchPlan } from "./launch-plan.ts";
import { virtioProperties } from "./qemu-argv.ts";

export interface QmpStep {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

type Renderers = {
  readonly [K in HotDevice["kind"]]: (device: Extract<HotDevice, { kind: K }>, confidential: boolean) => QmpStep[];
};

/** Everything up to and including `cont`. */
export function renderQmpSteps(plan: LaunchPlan): QmpStep[] {
  const confidential = plan.tee.kind !== "none";
  return [...plan.hotDevices.flatMap((device) => renderPlug(device, confidential)), { execute: "cont" }];
}

export function renderPlug(device: HotDevice, confidential: boolean): QmpStep[] {
  const render = renderers[device.kind] as (device: HotDevice, confidential: boolean) => QmpStep[];
  return render(device, confidential);
}

/** The block node behind a disk device. */
export function nodeName(diskId: string): string {
  // A node name is at most 31 characters and must not begin with a digit; a device id has no such limit.
  return diskId.length > 26 ? `n-${diskId.slice(-26)}` : `n-${diskId}`;
}

const renderers: Renderers = {
  block: (disk, confidential) => [
    blockNode(disk),
    deviceAdd({
      driver: "virtio-blk-pci",
      id: disk.id,
      bus: disk.bus,
      drive: nodeName(disk.id),
      serial: disk.serial,
      ...(disk.bootindex === undefined ? {} : { bootindex: disk.bootindex }),
      ...virtioProperties(confidential),
    }),
  ],
  "scsi-disk": (disk) => [
    blockNode(disk),
    deviceAdd({
      driver: "scsi-hd",
      id: disk.id,
      bus: `${disk.controller}.0`,
      "scsi-id": disk.target,
      lun: 0,
      drive: nodeName(disk.id),
    }),
  ],
  nic: (nic, confidential) => [
    {
      execute: "netdev_add",
      arguments: {
        type: "tap",
        id: `${nic.id}-tap`,
        ifname: nic.tap,
        script: "no",
        downscript: "no",
        ...(nic.vhost ? { vhost: true } : {}),
      },
    },
    deviceAdd({
      driver: "virtio-net-pci",
      id: nic.id,
      bus: nic.bus,
      netdev: `${nic.id}-tap`,
      mac: nic.mac,
      host_mtu: nic.mtu,
      // No boot from the network, so no option ROM: the firmware would run, and measure, it.
      romfile: "",
      ...virtioProperties(confidential),
    }),
  ],
  "vhost-vsock": (vsock, confidential) => [
    deviceAdd({
      driver: "vhost-vsock-pci",
      id: vsock.id,
      bus: vsock.bus,
      "guest-cid": vsock.cid,
      ...virtioProperties(confidential),
    }),
  ],
  "vhost-user-vsock": (vsock) => [
    socketChardev(vsock),
    deviceAdd({ driver: "vhost-user-vsock-pci", id: vsock.id, bus: vsock.bus, chardev: chardevName(vsock.id) }),
  ],
  "vhost-user-fs": (share) => [
    socketChardev(share),
    deviceAdd({
      driver: "vhost-user-fs-pci",
      id: share.id,
      bus: share.bus,
      chardev: chardevName(share.id),
      tag: share.tag,
    }),
  ],
};

function chardevName(deviceId: string): string {
  return `${deviceId}-chr`;
}

/** QEMU's end of a vhost-user daemon's socket. */
function socketChardev(device: { id: string; socket: string }): QmpStep {
  return {
    execute: "chardev-add",
    arguments: {
      id: chardevName(device.id),
      backend: {
        type: "socket",
        data: { addr: { type: "unix", data: { path: device.socket } }, server: false },
      },
    },
  };
}

/** What a guest discards on a disk it may write is given back to the host. */
function blockNode(disk: { id: string; path: string; readonly: boolean; isDevice?: boolean }): QmpStep {
  const driver = disk.isDevice === true ? "host_device" : "file";
  const discard = disk.readonly ? {} : { discard: "unmap" };
  return {
    execute: "blockdev-add",
    arguments: {
      driver: "raw",
      "node-name": nodeName(disk.id),
      "read-only": disk.readonly,
      ...discard,
      file: { driver, filename: disk.path, "read-only": disk.readonly, ...discard },
    },
  };
}

function deviceAdd(properties: Readonly<Record<string, unknown>>): QmpStep {
  return { execute: "device_add", arguments: properties };
}

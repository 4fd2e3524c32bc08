// Devices that the host plugged for a container (agent-protocol §4.5): found by their address here, and
// given the numbers that this kernel chose.
import { InvalidRequest, Unsupported } from "../lib/errors.ts";
import type { Device } from "../wire/gen/kata/agent.ts";
import type { Spec } from "../wire/gen/kata/oci.ts";
import { AgentFailure } from "./status.ts";
import { waitForDisk } from "./storage/block-devices.ts";

const DEVICES_MAX = 256;

/** Rewrites major and minor in `spec`. */
export async function attachDevices(devices: readonly Device[], spec: Spec, limitMs: number): Promise<void> {
  if (devices.length > DEVICES_MAX) throw new InvalidRequest("devices", `more than ${DEVICES_MAX}`);
  const paths = devices.map((device) => device.container_path);
  if (new Set(paths).size !== paths.length) throw new InvalidRequest("devices.container_path", "is given twice");
  for (const device of devices) await attachDevice(device, spec, limitMs);
}

async function attachDevice(device: Device, spec: Spec, limitMs: number): Promise<void> {
  if (device.type !== "blk" && device.type !== "scsi") {
    throw new Unsupported(
      `device type ${JSON.stringify(device.type.slice(0, 32))}`,
      "this agent attaches block devices only",
    );
  }
  const linux = spec.Linux;
  const entry = linux?.Devices.find((candidate) => candidate.Path === device.container_path);
  if (linux === undefined || entry === undefined) {
    throw new AgentFailure("internal", `Missing devices in OCI spec: ${device.container_path}`);
  }
  const disk = await waitForDisk(device.type, device.id === "" ? device.vm_path : device.id, limitMs);
  const before = { major: entry.Major, minor: entry.Minor };
  const after = { Major: BigInt(disk.major), Minor: BigInt(disk.minor) };
  Object.assign(entry, after);
  for (const rule of linux.Resources?.Devices ?? []) {
    if (rule.Major === before.major && rule.Minor === before.minor) Object.assign(rule, after);
  }
}

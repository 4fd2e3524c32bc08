// Finds the disk that the host means. The guest's bus scan is off for SCSI (scsi_mod.scan=none), so we
// ask each host adapter for the one address; PCI functions appear on their own, late. All waits poll
// sysfs: it is cheap, and an event missed before the listener ran cannot be lost.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pause } from "../../lib/deadline.ts";
import { DeadlineExceeded, errnoOf, InvalidRequest } from "../../lib/errors.ts";

export interface BlockDevice {
  /** such as /dev/sda */
  readonly node: string;
  readonly major: number;
  readonly minor: number;
}

const POLL_MS = 10;
/** the partition table is read by the kernel when the disk appears (agent-protocol §4.3) */
const PARTITION_LIMIT_MS = 1000;

export async function waitForDisk(driver: string, source: string, limitMs: number): Promise<BlockDevice> {
  const look =
    driver === "scsi" ? scsiLookup(source) : source.startsWith("/dev/") ? nodeLookup(source) : pciLookup(source);
  return await waitUntil(look, `the ${driver} disk ${source} to appear`, limitMs);
}

export function waitForPartition(disk: BlockDevice, number: number): Promise<BlockDevice> {
  const name = basename(disk.node);
  const partition = `${name}${/[0-9]$/.test(name) ? "p" : ""}${number}`;
  const look = () => blockDevice(join("/sys/class/block", partition));
  return waitUntil(look, `partition ${number} of ${disk.node} to appear`, PARTITION_LIMIT_MS);
}

async function waitUntil(look: () => BlockDevice | undefined, what: string, limitMs: number): Promise<BlockDevice> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = look();
    if (found !== undefined && existsSync(found.node)) return found;
    if (performance.now() > deadline) throw new DeadlineExceeded(`waiting for ${what}`, limitMs);
    await pause(POLL_MS);
  }
}

/** `<id>:<lun>` in decimal (agent-protocol §4.4). */
function scsiLookup(source: string): () => BlockDevice | undefined {
  const match = /^(\d{1,3}):(\d{1,5})$/.exec(source);
  if (match === null) throw new InvalidRequest("storages.source", `${JSON.stringify(source)} is not "<scsi id>:<lun>"`);
  const [, id = "", lun = ""] = match;
  const address = new RegExp(`^\\d+:0:${Number(id)}:${Number(lun)}$`);
  const scanned = new Set<string>();
  return () => {
    // an adapter may itself appear late; each is asked once
    for (const host of listDirectory("/sys/class/scsi_host")) {
      if (scanned.has(host)) continue;
      scanned.add(host);
      writeFileSync(join("/sys/class/scsi_host", host, "scan"), `0 ${Number(id)} ${Number(lun)}`);
    }
    const device = listDirectory("/sys/bus/scsi/devices").find((name) => address.test(name));
    return device === undefined ? undefined : firstDisk(join("/sys/bus/scsi/devices", device, "block"));
  };
}

function nodeLookup(node: string): () => BlockDevice | undefined {
  if (!/^\/dev\/[A-Za-z0-9_-]+$/.test(node))
    throw new InvalidRequest("storages.source", `bad node ${JSON.stringify(node)}`);
  return () => blockDevice(join("/sys/class/block", basename(node)));
}

/** Slots in hex from the root bus down, `SS[.F]` joined by `/` (agent-protocol §4.4). */
function pciLookup(source: string): () => BlockDevice | undefined {
  const slots = source.split("/");
  if (slots.length > 8 || !slots.every((slot) => /^[0-9a-f]{1,2}(\.[0-7])?$/i.test(slot))) {
    throw new InvalidRequest("storages.source", `${JSON.stringify(source)} is not a PCI path`);
  }
  return () => {
    const device = pciDevice(slots);
    const virtio = device && listDirectory(device).find((name) => name.startsWith("virtio"));
    return virtio === undefined ? undefined : firstDisk(join(device ?? "", virtio, "block"));
  };
}

function pciDevice(slots: readonly string[]): string | undefined {
  // from three elements on, a first one of 20 or more names a root complex of its own
  const isExpander = slots.length >= 3 && Number.parseInt(slots[0] ?? "", 16) >= 0x20;
  const rootBus = isExpander ? (slots[0] ?? "").padStart(2, "0") : "00";
  let directory = `/sys/devices/pci0000:${rootBus}`;
  let bus = `0000:${rootBus}`;
  for (const [index, slot] of slots.slice(isExpander ? 1 : 0).entries()) {
    const behind = index === 0 ? bus : secondaryBus(directory);
    if (behind === undefined) return undefined;
    bus = behind;
    const [number = "", fn = "0"] = slot.split(".");
    directory = join(directory, `${bus}:${number.toLowerCase().padStart(2, "0")}.${fn}`);
  }
  return existsSync(directory) ? directory : undefined;
}

/** Such as 0000:01: what the bridge says, else what the devices behind it are called. */
function secondaryBus(bridge: string): string | undefined {
  const said = listDirectory(join(bridge, "pci_bus"))[0];
  const child = listDirectory(bridge).find((name) => /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(name));
  return said ?? child?.slice(0, 7);
}

function firstDisk(directory: string): BlockDevice | undefined {
  const name = listDirectory(directory)[0];
  return name === undefined ? undefined : blockDevice(join(directory, name));
}

function blockDevice(directory: string): BlockDevice | undefined {
  try {
    const [major = 0, minor = 0] = readFileSync(join(directory, "dev"), "utf8").trim().split(":").map(Number);
    return { node: `/dev/${basename(directory)}`, major, minor };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

// Device-mapper devices by ioctl on /dev/mapper/control (<linux/dm-ioctl.h>, version 4):
// three calls instead of starting veritysetup, which costs most of a second under emulation.
import { closeSync, openSync } from "node:fs";
import { systemCall } from "./libc.ts";

const CONTROL = "/dev/mapper/control";
/** _IOWR(0xfd, nr, struct dm_ioctl) */
const DM_IOCTL = 0xc138fd00;
const COMMAND = { create: 3, remove: 4, suspend: 6, tableLoad: 9, tableStatus: 12 } as const;
const FLAG = { readonly: 1, secureData: 1 << 15, deferredRemove: 1 << 17 } as const;
const HEADER = 312;
const TARGET_SPEC = 40;
const OFFSET = { dataSize: 12, dataStart: 16, targetCount: 20, flags: 28, dev: 40, name: 48 } as const;
const NAME_MAX = 127;
const STATUS_ROOM = 4096;

export interface Target {
  readonly type: string;
  readonly sectors: number;
  readonly parameters: string;
  readonly isWritable?: boolean;
  /** the parameters hold a key: the buffers that carry them are wiped, the kernel's too */
  readonly isSecret?: boolean;
}

/** Creates and activates; returns the kernel's node. */
export function createDevice(name: string, target: Target): string {
  const control = openSync(CONTROL, "r+");
  try {
    call(control, COMMAND.create, message(name, target.isWritable === true ? 0 : FLAG.readonly));
    try {
      const table = tableMessage(name, target);
      try {
        call(control, COMMAND.tableLoad, table);
      } finally {
        table.fill(0);
      }
      const resumed = call(control, COMMAND.suspend, message(name, 0));
      return `/dev/dm-${minorOf(resumed.readBigUInt64LE(OFFSET.dev))}`;
    } catch (error) {
      call(control, COMMAND.remove, message(name, FLAG.deferredRemove));
      throw error;
    }
  } finally {
    closeSync(control);
  }
}

/** A device still open (udev probing it) goes away when it is closed. */
export function removeDevice(name: string): void {
  withControl((control) => call(control, COMMAND.remove, message(name, FLAG.deferredRemove)));
}

/** The target's status line, such as `V` or `C` for dm-verity. */
export function deviceStatus(name: string): string {
  return withControl((control) => {
    const answer = call(control, COMMAND.tableStatus, message(name, 0, STATUS_ROOM));
    const text = answer.subarray(answer.readUInt32LE(OFFSET.dataStart) + TARGET_SPEC);
    return text.subarray(0, text.indexOf(0)).toString("utf8");
  });
}

function withControl<T>(use: (control: number) => T): T {
  const control = openSync(CONTROL, "r+");
  try {
    return use(control);
  } finally {
    closeSync(control);
  }
}

function call(control: number, command: number, request: Buffer): Buffer {
  systemCall("ioctl", `device-mapper command ${command}`, [control, DM_IOCTL + command, request]);
  return request;
}

function message(name: string, flags: number, room = 0): Buffer {
  if (Buffer.byteLength(name) > NAME_MAX) throw new RangeError(`device name too long: ${name}`);
  const buffer = Buffer.alloc(HEADER + room);
  buffer.writeUInt32LE(4, 0);
  buffer.writeUInt32LE(buffer.length, OFFSET.dataSize);
  buffer.writeUInt32LE(HEADER, OFFSET.dataStart);
  buffer.writeUInt32LE(flags, OFFSET.flags);
  buffer.write(name, OFFSET.name);
  return buffer;
}

function tableMessage(name: string, target: Target): Buffer {
  const size = TARGET_SPEC + Buffer.byteLength(target.parameters) + 1;
  const flags = (target.isWritable === true ? 0 : FLAG.readonly) | (target.isSecret === true ? FLAG.secureData : 0);
  const buffer = message(name, flags, Math.ceil(size / 8) * 8);
  buffer.writeUInt32LE(1, OFFSET.targetCount);
  buffer.writeBigUInt64LE(BigInt(target.sectors), HEADER + 8);
  buffer.writeUInt32LE(Math.ceil(size / 8) * 8, HEADER + 20);
  buffer.write(target.type, HEADER + 24);
  buffer.write(target.parameters, HEADER + TARGET_SPEC);
  return buffer;
}

/** huge_encode_dev of the kernel. */
function minorOf(dev: bigint): number {
  return Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n));
}

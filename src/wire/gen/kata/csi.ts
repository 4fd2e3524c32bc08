// Generated from protos/kata/csi.proto by `npm run gen`; do not edit.
import { bits64, message, readMessage, readUint64, type MessageType, writeMessage } from "../../message.ts";

export const VolumeUsage_Unit = { UNKNOWN: 0, BYTES: 1, INODES: 2 } as const;
/** Open: a newer peer may send other numbers. */
export type VolumeUsage_Unit = number;

export interface VolumeStatsResponse {
  usage: VolumeUsage[];
  volume_condition?: VolumeCondition | undefined;
}
export const VolumeStatsResponse: MessageType<VolumeStatsResponse> = message<VolumeStatsResponse>({
  name: "grpc.VolumeStatsResponse",
  empty: () => ({ usage: [] }),
  write(init, writer) {
    for (const item of init.usage ?? []) writeMessage(VolumeUsage, item, writer.uint32(10));
    if (init.volume_condition !== undefined) writeMessage(VolumeCondition, init.volume_condition, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.usage.push(readMessage(VolumeUsage, reader));
        return;
      case 18:
        message.volume_condition = readMessage(VolumeCondition, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface VolumeUsage {
  available: bigint;
  total: bigint;
  used: bigint;
  unit: VolumeUsage_Unit;
}
export const VolumeUsage: MessageType<VolumeUsage> = message<VolumeUsage>({
  name: "grpc.VolumeUsage",
  empty: () => ({ available: 0n, total: 0n, used: 0n, unit: 0 }),
  write(init, writer) {
    if (init.available) writer.uint32(8).uint64(bits64(init.available));
    if (init.total) writer.uint32(16).uint64(bits64(init.total));
    if (init.used) writer.uint32(24).uint64(bits64(init.used));
    if (init.unit) writer.uint32(32).int32(init.unit);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.available = readUint64(reader);
        return;
      case 16:
        message.total = readUint64(reader);
        return;
      case 24:
        message.used = readUint64(reader);
        return;
      case 32:
        message.unit = reader.int32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface VolumeCondition {
  abnormal: boolean;
  message: string;
}
export const VolumeCondition: MessageType<VolumeCondition> = message<VolumeCondition>({
  name: "grpc.VolumeCondition",
  empty: () => ({ abnormal: false, message: "" }),
  write(init, writer) {
    if (init.abnormal) writer.uint32(8).bool(init.abnormal);
    if (init.message) writer.uint32(18).string(init.message);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.abnormal = reader.bool();
        return;
      case 18:
        message.message = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

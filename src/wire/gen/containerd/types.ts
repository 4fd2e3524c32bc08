// Generated from protos/containerd/types.proto by `npm run gen`; do not edit.
import { Any } from "../google/protobuf/any.ts";
import { Timestamp } from "../google/protobuf/timestamp.ts";
import { message, readMessage, type MessageType, writeMessage } from "../../message.ts";

export interface Mount {
  type: string;
  source: string;
  target: string;
  options: string[];
}
export const Mount: MessageType<Mount> = message<Mount>({
  name: "containerd.types.Mount",
  empty: () => ({ type: "", source: "", target: "", options: [] }),
  write(init, writer) {
    if (init.type) writer.uint32(10).string(init.type);
    if (init.source) writer.uint32(18).string(init.source);
    if (init.target) writer.uint32(26).string(init.target);
    for (const item of init.options ?? []) writer.uint32(34).string(item);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.type = reader.stringVerify();
        return;
      case 18:
        message.source = reader.stringVerify();
        return;
      case 26:
        message.target = reader.stringVerify();
        return;
      case 34:
        message.options.push(reader.stringVerify());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Platform {
  os: string;
  architecture: string;
  variant: string;
  os_version: string;
  os_features: string[];
}
export const Platform: MessageType<Platform> = message<Platform>({
  name: "containerd.types.Platform",
  empty: () => ({ os: "", architecture: "", variant: "", os_version: "", os_features: [] }),
  write(init, writer) {
    if (init.os) writer.uint32(10).string(init.os);
    if (init.architecture) writer.uint32(18).string(init.architecture);
    if (init.variant) writer.uint32(26).string(init.variant);
    if (init.os_version) writer.uint32(34).string(init.os_version);
    for (const item of init.os_features ?? []) writer.uint32(42).string(item);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.os = reader.stringVerify();
        return;
      case 18:
        message.architecture = reader.stringVerify();
        return;
      case 26:
        message.variant = reader.stringVerify();
        return;
      case 34:
        message.os_version = reader.stringVerify();
        return;
      case 42:
        message.os_features.push(reader.stringVerify());
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Metric {
  timestamp?: Timestamp | undefined;
  id: string;
  data?: Any | undefined;
}
export const Metric: MessageType<Metric> = message<Metric>({
  name: "containerd.types.Metric",
  empty: () => ({ id: "" }),
  write(init, writer) {
    if (init.timestamp !== undefined) writeMessage(Timestamp, init.timestamp, writer.uint32(10));
    if (init.id) writer.uint32(18).string(init.id);
    if (init.data !== undefined) writeMessage(Any, init.data, writer.uint32(26));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.timestamp = readMessage(Timestamp, reader);
        return;
      case 18:
        message.id = reader.stringVerify();
        return;
      case 26:
        message.data = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

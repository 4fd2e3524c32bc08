// Generated from protos/containerd/bootstrap.proto by `npm run gen`; do not edit.
import { Any } from "../google/protobuf/any.ts";
import { message, readEntry, readMessage, type MessageType, writeMessage } from "../../message.ts";

export const LogLevel = { INFO: 0, TRACE: -8, DEBUG: -4, WARN: 4, ERROR: 8, FATAL: 10, PANIC: 12 } as const;
/** Open: a newer peer may send other numbers. */
export type LogLevel = number;

export interface Extension {
  value?: Any | undefined;
}
export const Extension: MessageType<Extension> = message<Extension>({
  name: "containerd.runtime.bootstrap.v1.Extension",
  empty: () => ({  }),
  write(init, writer) {
    if (init.value !== undefined) writeMessage(Any, init.value, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.value = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface BootstrapParams {
  instance_id: string;
  namespace: string;
  log_level: LogLevel;
  containerd_version: string;
  containerd_ttrpc_address: string;
  containerd_grpc_address: string;
  containerd_binary: string;
  extensions: Extension[];
  socket_dir?: string | undefined;
}
export const BootstrapParams: MessageType<BootstrapParams> = message<BootstrapParams>({
  name: "containerd.runtime.bootstrap.v1.BootstrapParams",
  empty: () => ({ instance_id: "", namespace: "", log_level: 0, containerd_version: "", containerd_ttrpc_address: "", containerd_grpc_address: "", containerd_binary: "", extensions: [] }),
  write(init, writer) {
    if (init.instance_id) writer.uint32(10).string(init.instance_id);
    if (init.namespace) writer.uint32(18).string(init.namespace);
    if (init.log_level) writer.uint32(24).int32(init.log_level);
    if (init.containerd_version) writer.uint32(34).string(init.containerd_version);
    if (init.containerd_ttrpc_address) writer.uint32(42).string(init.containerd_ttrpc_address);
    if (init.containerd_grpc_address) writer.uint32(50).string(init.containerd_grpc_address);
    if (init.containerd_binary) writer.uint32(58).string(init.containerd_binary);
    for (const item of init.extensions ?? []) writeMessage(Extension, item, writer.uint32(66));
    if (init.socket_dir !== undefined) writer.uint32(74).string(init.socket_dir);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.instance_id = reader.stringVerify();
        return;
      case 18:
        message.namespace = reader.stringVerify();
        return;
      case 24:
        message.log_level = reader.int32();
        return;
      case 34:
        message.containerd_version = reader.stringVerify();
        return;
      case 42:
        message.containerd_ttrpc_address = reader.stringVerify();
        return;
      case 50:
        message.containerd_grpc_address = reader.stringVerify();
        return;
      case 58:
        message.containerd_binary = reader.stringVerify();
        return;
      case 66:
        message.extensions.push(readMessage(Extension, reader));
        return;
      case 74:
        message.socket_dir = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface BootstrapResult {
  version: number;
  address: string;
  protocol: string;
  capabilities: string[];
  metadata: Record<string, string>;
}
export const BootstrapResult: MessageType<BootstrapResult> = message<BootstrapResult>({
  name: "containerd.runtime.bootstrap.v1.BootstrapResult",
  empty: () => ({ version: 0, address: "", protocol: "", capabilities: [], metadata: {} }),
  write(init, writer) {
    if (init.version) writer.uint32(8).int32(init.version);
    if (init.address) writer.uint32(18).string(init.address);
    if (init.protocol) writer.uint32(26).string(init.protocol);
    for (const item of init.capabilities ?? []) writer.uint32(34).string(item);
    for (const [key, value] of Object.entries(init.metadata ?? {})) writer.uint32(42).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.version = reader.int32();
        return;
      case 18:
        message.address = reader.stringVerify();
        return;
      case 26:
        message.protocol = reader.stringVerify();
        return;
      case 34:
        message.capabilities.push(reader.stringVerify());
        return;
      case 42:
        readEntry(message.metadata, "", { reader, value: () => reader.stringVerify() });
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

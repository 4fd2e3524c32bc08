// Generated from protos/containerd/introspection.proto by `npm run gen`; do not edit.
import { Any } from "../google/protobuf/any.ts";
import { message, readEntry, readMessage, type MessageType, writeMessage } from "../../message.ts";

export interface RuntimeVersion {
  version: string;
  revision: string;
}
export const RuntimeVersion: MessageType<RuntimeVersion> = message<RuntimeVersion>({
  name: "containerd.types.RuntimeVersion",
  empty: () => ({ version: "", revision: "" }),
  write(init, writer) {
    if (init.version) writer.uint32(10).string(init.version);
    if (init.revision) writer.uint32(18).string(init.revision);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.version = reader.stringVerify();
        return;
      case 18:
        message.revision = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface RuntimeInfo {
  name: string;
  version?: RuntimeVersion | undefined;
  options?: Any | undefined;
  features?: Any | undefined;
  annotations: Record<string, string>;
}
export const RuntimeInfo: MessageType<RuntimeInfo> = message<RuntimeInfo>({
  name: "containerd.types.RuntimeInfo",
  empty: () => ({ name: "", annotations: {} }),
  write(init, writer) {
    if (init.name) writer.uint32(10).string(init.name);
    if (init.version !== undefined) writeMessage(RuntimeVersion, init.version, writer.uint32(18));
    if (init.options !== undefined) writeMessage(Any, init.options, writer.uint32(26));
    if (init.features !== undefined) writeMessage(Any, init.features, writer.uint32(34));
    for (const [key, value] of Object.entries(init.annotations ?? {})) writer.uint32(42).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.name = reader.stringVerify();
        return;
      case 18:
        message.version = readMessage(RuntimeVersion, reader);
        return;
      case 26:
        message.options = readMessage(Any, reader);
        return;
      case 34:
        message.features = readMessage(Any, reader);
        return;
      case 42:
        readEntry(message.annotations, "", { reader, value: () => reader.stringVerify() });
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

// Generated from protos/containerd/process.proto by `npm run gen`; do not edit.
import { Any } from "../google/protobuf/any.ts";
import { message, readMessage, type MessageType, writeMessage } from "../../message.ts";

export const Status = { UNKNOWN: 0, CREATED: 1, RUNNING: 2, STOPPED: 3, PAUSED: 4, PAUSING: 5 } as const;
/** Open: a newer peer may send other numbers. */
export type Status = number;

export interface ProcessInfo {
  pid: number;
  info?: Any | undefined;
}
export const ProcessInfo: MessageType<ProcessInfo> = message<ProcessInfo>({
  name: "containerd.v1.types.ProcessInfo",
  empty: () => ({ pid: 0 }),
  write(init, writer) {
    if (init.pid) writer.uint32(8).uint32(init.pid);
    if (init.info !== undefined) writeMessage(Any, init.info, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.pid = reader.uint32();
        return;
      case 18:
        message.info = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

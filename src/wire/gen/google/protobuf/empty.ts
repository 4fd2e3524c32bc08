// Generated from protos/google/protobuf/empty.proto by `npm run gen`; do not edit.
import { message, type MessageType } from "../../../message.ts";

export type Empty = Record<never, never>;
export const Empty: MessageType<Empty> = message<Empty>({
  name: "google.protobuf.Empty",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

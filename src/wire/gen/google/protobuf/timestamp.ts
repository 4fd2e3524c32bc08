// Generated from protos/google/protobuf/timestamp.proto by `npm run gen`; do not edit.
import { bits64, message, readInt64, type MessageType } from "../../../message.ts";

export interface Timestamp {
  seconds: bigint;
  nanos: number;
}
export const Timestamp: MessageType<Timestamp> = message<Timestamp>({
  name: "google.protobuf.Timestamp",
  empty: () => ({ seconds: 0n, nanos: 0 }),
  write(init, writer) {
    if (init.seconds) writer.uint32(8).int64(bits64(init.seconds));
    if (init.nanos) writer.uint32(16).int32(init.nanos);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.seconds = readInt64(reader);
        return;
      case 16:
        message.nanos = reader.int32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

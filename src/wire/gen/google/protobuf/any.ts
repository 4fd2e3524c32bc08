// Generated from protos/google/protobuf/any.proto by `npm run gen`; do not edit.
import { message, type MessageType } from "../../../message.ts";

export interface Any {
  type_url: string;
  value: Uint8Array;
}
export const Any: MessageType<Any> = message<Any>({
  name: "google.protobuf.Any",
  empty: () => ({ type_url: "", value: new Uint8Array(0) }),
  write(init, writer) {
    if (init.type_url) writer.uint32(10).string(init.type_url);
    if (init.value?.length) writer.uint32(18).bytes(init.value);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.type_url = reader.stringVerify();
        return;
      case 18:
        message.value = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

// Generated from protos/containerd/runtimeoptions.proto by `npm run gen`; do not edit.
import { message, type MessageType } from "../../message.ts";

export interface Options {
  type_url: string;
  config_path: string;
  config_body: Uint8Array;
}
export const Options: MessageType<Options> = message<Options>({
  name: "runtimeoptions.v1.Options",
  empty: () => ({ type_url: "", config_path: "", config_body: new Uint8Array(0) }),
  write(init, writer) {
    if (init.type_url) writer.uint32(10).string(init.type_url);
    if (init.config_path) writer.uint32(18).string(init.config_path);
    if (init.config_body?.length) writer.uint32(26).bytes(init.config_body);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.type_url = reader.stringVerify();
        return;
      case 18:
        message.config_path = reader.stringVerify();
        return;
      case 26:
        message.config_body = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

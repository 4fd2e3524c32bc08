// Generated from protos/containerd/events_service.proto by `npm run gen`; do not edit.
import { Any } from "../google/protobuf/any.ts";
import { Empty } from "../google/protobuf/empty.ts";
import { Timestamp } from "../google/protobuf/timestamp.ts";
import { message, readMessage, type MessageType, writeMessage } from "../../message.ts";
import type { ServiceDescriptor } from "../../service.ts";

export interface ForwardRequest {
  envelope?: Envelope | undefined;
}
export const ForwardRequest: MessageType<ForwardRequest> = message<ForwardRequest>({
  name: "containerd.services.events.ttrpc.v1.ForwardRequest",
  empty: () => ({  }),
  write(init, writer) {
    if (init.envelope !== undefined) writeMessage(Envelope, init.envelope, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.envelope = readMessage(Envelope, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Envelope {
  timestamp?: Timestamp | undefined;
  namespace: string;
  topic: string;
  event?: Any | undefined;
}
export const Envelope: MessageType<Envelope> = message<Envelope>({
  name: "containerd.services.events.ttrpc.v1.Envelope",
  empty: () => ({ namespace: "", topic: "" }),
  write(init, writer) {
    if (init.timestamp !== undefined) writeMessage(Timestamp, init.timestamp, writer.uint32(10));
    if (init.namespace) writer.uint32(18).string(init.namespace);
    if (init.topic) writer.uint32(26).string(init.topic);
    if (init.event !== undefined) writeMessage(Any, init.event, writer.uint32(34));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.timestamp = readMessage(Timestamp, reader);
        return;
      case 18:
        message.namespace = reader.stringVerify();
        return;
      case 26:
        message.topic = reader.stringVerify();
        return;
      case 34:
        message.event = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export const Events = {
  name: "containerd.services.events.ttrpc.v1.Events",
  methods: {
    Forward: { kind: "unary", request: ForwardRequest, response: Empty },
  },
} as const satisfies ServiceDescriptor;

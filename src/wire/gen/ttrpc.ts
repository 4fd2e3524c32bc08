// Generated from protos/ttrpc.proto by `npm run gen`; do not edit.
import { Any } from "./google/protobuf/any.ts";
import { bits64, message, readInt64, readMessage, type MessageType, writeMessage } from "./../message.ts";

export interface Request {
  service: string;
  method: string;
  payload: Uint8Array;
  timeout_nano: bigint;
  metadata: KeyValue[];
}
export const Request: MessageType<Request> = message<Request>({
  name: "ttrpc.Request",
  empty: () => ({ service: "", method: "", payload: new Uint8Array(0), timeout_nano: 0n, metadata: [] }),
  write(init, writer) {
    if (init.service) writer.uint32(10).string(init.service);
    if (init.method) writer.uint32(18).string(init.method);
    if (init.payload?.length) writer.uint32(26).bytes(init.payload);
    if (init.timeout_nano) writer.uint32(32).int64(bits64(init.timeout_nano));
    for (const item of init.metadata ?? []) writeMessage(KeyValue, item, writer.uint32(42));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.service = reader.stringVerify();
        return;
      case 18:
        message.method = reader.stringVerify();
        return;
      case 26:
        message.payload = reader.bytes();
        return;
      case 32:
        message.timeout_nano = readInt64(reader);
        return;
      case 42:
        message.metadata.push(readMessage(KeyValue, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Response {
  status?: Status | undefined;
  payload: Uint8Array;
}
export const Response: MessageType<Response> = message<Response>({
  name: "ttrpc.Response",
  empty: () => ({ payload: new Uint8Array(0) }),
  write(init, writer) {
    if (init.status !== undefined) writeMessage(Status, init.status, writer.uint32(10));
    if (init.payload?.length) writer.uint32(18).bytes(init.payload);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.status = readMessage(Status, reader);
        return;
      case 18:
        message.payload = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface KeyValue {
  key: string;
  value: string;
}
export const KeyValue: MessageType<KeyValue> = message<KeyValue>({
  name: "ttrpc.KeyValue",
  empty: () => ({ key: "", value: "" }),
  write(init, writer) {
    if (init.key) writer.uint32(10).string(init.key);
    if (init.value) writer.uint32(18).string(init.value);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.key = reader.stringVerify();
        return;
      case 18:
        message.value = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Status {
  code: number;
  message: string;
  details: Any[];
}
export const Status: MessageType<Status> = message<Status>({
  name: "ttrpc.Status",
  empty: () => ({ code: 0, message: "", details: [] }),
  write(init, writer) {
    if (init.code) writer.uint32(8).int32(init.code);
    if (init.message) writer.uint32(18).string(init.message);
    for (const item of init.details ?? []) writeMessage(Any, item, writer.uint32(26));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.code = reader.int32();
        return;
      case 18:
        message.message = reader.stringVerify();
        return;
      case 26:
        message.details.push(readMessage(Any, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

// Generated from protos/kata/health.proto by `npm run gen`; do not edit.
import { message, type MessageType } from "../../message.ts";
import type { ServiceDescriptor } from "../../service.ts";

export const HealthCheckResponse_ServingStatus = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2 } as const;
/** Open: a newer peer may send other numbers. */
export type HealthCheckResponse_ServingStatus = number;

export interface CheckRequest {
  service: string;
}
export const CheckRequest: MessageType<CheckRequest> = message<CheckRequest>({
  name: "grpc.CheckRequest",
  empty: () => ({ service: "" }),
  write(init, writer) {
    if (init.service) writer.uint32(10).string(init.service);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.service = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface HealthCheckResponse {
  status: HealthCheckResponse_ServingStatus;
}
export const HealthCheckResponse: MessageType<HealthCheckResponse> = message<HealthCheckResponse>({
  name: "grpc.HealthCheckResponse",
  empty: () => ({ status: 0 }),
  write(init, writer) {
    if (init.status) writer.uint32(8).int32(init.status);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.status = reader.int32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface VersionCheckResponse {
  grpc_version: string;
  agent_version: string;
}
export const VersionCheckResponse: MessageType<VersionCheckResponse> = message<VersionCheckResponse>({
  name: "grpc.VersionCheckResponse",
  empty: () => ({ grpc_version: "", agent_version: "" }),
  write(init, writer) {
    if (init.grpc_version) writer.uint32(10).string(init.grpc_version);
    if (init.agent_version) writer.uint32(18).string(init.agent_version);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.grpc_version = reader.stringVerify();
        return;
      case 18:
        message.agent_version = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export const Health = {
  name: "grpc.Health",
  methods: {
    Check: { kind: "unary", request: CheckRequest, response: HealthCheckResponse },
    Version: { kind: "unary", request: CheckRequest, response: VersionCheckResponse },
  },
} as const satisfies ServiceDescriptor;

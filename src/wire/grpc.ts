// A service descriptor in the form @grpc/grpc-js takes, for the control service and for containerd's own API.
import type { ServiceDescriptor } from "./service.ts";

export interface GrpcMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (message: unknown) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (message: unknown) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

/** gRPC's path is `/<service>/<method>`; messages are the same protobuf bytes as over ttrpc. */
export function grpcDefinition<Service extends ServiceDescriptor>(
  service: Service,
): { readonly [Name in keyof Service["methods"]]: GrpcMethod } {
  const methods = Object.entries(service.methods).map(([name, { kind, request, response }]) => {
    const method: GrpcMethod = {
      path: `/${service.name}/${name}`,
      requestStream: kind === "clientStreaming" || kind === "bidiStreaming",
      responseStream: kind === "serverStreaming" || kind === "bidiStreaming",
      requestSerialize: (message) => asBuffer(request.encode(message)),
      requestDeserialize: (bytes) => request.decode(bytes),
      responseSerialize: (message) => asBuffer(response.encode(message)),
      responseDeserialize: (bytes) => response.decode(bytes),
    };
    return [name, method];
  });
  return Object.fromEntries(methods);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

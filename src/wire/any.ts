// google.protobuf.Any as containerd uses it: type URLs are bare full names, some peers prefix them with
// `type.googleapis.com/`, and OCI types carry JSON instead of protobuf.
import type { Any } from "./gen/google/protobuf/any.ts";
import type { Init, MessageType } from "./message.ts";

/** Type URLs of the JSON payloads (containerd typeurl; runtime-spec version 1). */
export const OciTypeUrl = {
  spec: "types.containerd.io/opencontainers/runtime-spec/1/Spec",
  process: "types.containerd.io/opencontainers/runtime-spec/1/Process",
  linuxResources: "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources",
  features: "types.containerd.io/opencontainers/runtime-spec/1/features/Features",
} as const;

/** Whether `any` carries the type with this bare name, whatever stands before it. */
export function isAnyOf(any: Any | undefined, typeName: string): any is Any {
  return any !== undefined && (any.type_url === typeName || any.type_url.endsWith(`/${typeName}`));
}

export function packAny<T>(type: MessageType<T>, init: Init<T>): Any {
  return { type_url: type.typeName, value: type.encode(init) };
}

/** The message inside, or undefined when `any` is absent or carries another type. */
export function unpackAny<T>(type: MessageType<T>, any: Any | undefined): T | undefined {
  return isAnyOf(any, type.typeName) ? type.decode(any.value) : undefined;
}

export function packJsonAny(typeUrl: string, value: unknown): Any {
  return { type_url: typeUrl, value: Buffer.from(JSON.stringify(value)) };
}

/** The text inside; parsing is the reader's, who knows which integers must stay whole. */
export function jsonTextOfAny(any: Any): string {
  return Buffer.from(any.value.buffer, any.value.byteOffset, any.value.byteLength).toString("utf8");
}

// Typed service descriptors, generated from protos/, from which ttrpc servers, ttrpc clients and gRPC
// definitions take their method types: a handler is checked against the proto without generated stubs.
import type { Init, MessageType } from "./message.ts";

export type MethodKind = "unary" | "clientStreaming" | "serverStreaming" | "bidiStreaming";

export interface MethodDescriptor {
  readonly kind: MethodKind;
  readonly request: MessageType<unknown>;
  readonly response: MessageType<unknown>;
}

export interface ServiceDescriptor {
  /** full proto name, as it stands on the wire */
  readonly name: string;
  readonly methods: Readonly<Record<string, MethodDescriptor>>;
}

type MessageOf<Type> = Type extends MessageType<infer Message> ? Message : never;

/** The decoded request, as a server sees it. */
export type RequestOf<Method extends MethodDescriptor> = MessageOf<Method["request"]>;
/** The decoded response, as a client sees it. */
export type ResponseOf<Method extends MethodDescriptor> = MessageOf<Method["response"]>;
/** What a client may pass as request. */
export type RequestInit<Method extends MethodDescriptor> = Init<RequestOf<Method>>;
/** What a handler may return. */
export type ResponseInit<Method extends MethodDescriptor> = Init<ResponseOf<Method>>;

// Generated from protos/kata/confidential_data_hub.proto by `npm run gen`; do not edit.
import { message, readEntry, type MessageType } from "../../message.ts";
import type { ServiceDescriptor } from "../../service.ts";

export interface UnsealSecretInput {
  secret: Uint8Array;
}
export const UnsealSecretInput: MessageType<UnsealSecretInput> = message<UnsealSecretInput>({
  name: "api.UnsealSecretInput",
  empty: () => ({ secret: new Uint8Array(0) }),
  write(init, writer) {
    if (init.secret?.length) writer.uint32(10).bytes(init.secret);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.secret = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface UnsealSecretOutput {
  plaintext: Uint8Array;
}
export const UnsealSecretOutput: MessageType<UnsealSecretOutput> = message<UnsealSecretOutput>({
  name: "api.UnsealSecretOutput",
  empty: () => ({ plaintext: new Uint8Array(0) }),
  write(init, writer) {
    if (init.plaintext?.length) writer.uint32(10).bytes(init.plaintext);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.plaintext = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SecureMountRequest {
  volume_type: string;
  options: Record<string, string>;
  flags: string[];
  mount_point: string;
}
export const SecureMountRequest: MessageType<SecureMountRequest> = message<SecureMountRequest>({
  name: "api.SecureMountRequest",
  empty: () => ({ volume_type: "", options: {}, flags: [], mount_point: "" }),
  write(init, writer) {
    if (init.volume_type) writer.uint32(10).string(init.volume_type);
    for (const [key, value] of Object.entries(init.options ?? {})) writer.uint32(18).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
    for (const item of init.flags ?? []) writer.uint32(26).string(item);
    if (init.mount_point) writer.uint32(34).string(init.mount_point);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.volume_type = reader.stringVerify();
        return;
      case 18:
        readEntry(message.options, "", { reader, value: () => reader.stringVerify() });
        return;
      case 26:
        message.flags.push(reader.stringVerify());
        return;
      case 34:
        message.mount_point = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type SecureMountResponse = Record<never, never>;
export const SecureMountResponse: MessageType<SecureMountResponse> = message<SecureMountResponse>({
  name: "api.SecureMountResponse",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface ImagePullRequest {
  image_url: string;
  bundle_path: string;
}
export const ImagePullRequest: MessageType<ImagePullRequest> = message<ImagePullRequest>({
  name: "api.ImagePullRequest",
  empty: () => ({ image_url: "", bundle_path: "" }),
  write(init, writer) {
    if (init.image_url) writer.uint32(10).string(init.image_url);
    if (init.bundle_path) writer.uint32(18).string(init.bundle_path);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.image_url = reader.stringVerify();
        return;
      case 18:
        message.bundle_path = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type ImagePullResponse = Record<never, never>;
export const ImagePullResponse: MessageType<ImagePullResponse> = message<ImagePullResponse>({
  name: "api.ImagePullResponse",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface GetResourceRequest {
  ResourcePath: string;
}
export const GetResourceRequest: MessageType<GetResourceRequest> = message<GetResourceRequest>({
  name: "api.GetResourceRequest",
  empty: () => ({ ResourcePath: "" }),
  write(init, writer) {
    if (init.ResourcePath) writer.uint32(10).string(init.ResourcePath);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.ResourcePath = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface GetResourceResponse {
  Resource: Uint8Array;
}
export const GetResourceResponse: MessageType<GetResourceResponse> = message<GetResourceResponse>({
  name: "api.GetResourceResponse",
  empty: () => ({ Resource: new Uint8Array(0) }),
  write(init, writer) {
    if (init.Resource?.length) writer.uint32(10).bytes(init.Resource);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.Resource = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export const SealedSecretService = {
  name: "api.SealedSecretService",
  methods: {
    UnsealSecret: { kind: "unary", request: UnsealSecretInput, response: UnsealSecretOutput },
  },
} as const satisfies ServiceDescriptor;

export const SecureMountService = {
  name: "api.SecureMountService",
  methods: {
    SecureMount: { kind: "unary", request: SecureMountRequest, response: SecureMountResponse },
  },
} as const satisfies ServiceDescriptor;

export const GetResourceService = {
  name: "api.GetResourceService",
  methods: {
    GetResource: { kind: "unary", request: GetResourceRequest, response: GetResourceResponse },
  },
} as const satisfies ServiceDescriptor;

export const ImagePullService = {
  name: "api.ImagePullService",
  methods: {
    PullImage: { kind: "unary", request: ImagePullRequest, response: ImagePullResponse },
  },
} as const satisfies ServiceDescriptor;

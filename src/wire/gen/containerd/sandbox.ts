// Generated from protos/containerd/sandbox.proto by `npm run gen`; do not edit.
import { Any } from "../google/protobuf/any.ts";
import { Timestamp } from "../google/protobuf/timestamp.ts";
import { Metric, Mount, Platform } from "./types.ts";
import { message, readEntry, readMessage, type MessageType, writeMessage } from "../../message.ts";
import type { ServiceDescriptor } from "../../service.ts";

export interface CreateSandboxRequest {
  sandbox_id: string;
  bundle_path: string;
  rootfs: Mount[];
  options?: Any | undefined;
  netns_path: string;
  annotations: Record<string, string>;
}
export const CreateSandboxRequest: MessageType<CreateSandboxRequest> = message<CreateSandboxRequest>({
  name: "containerd.runtime.sandbox.v1.CreateSandboxRequest",
  empty: () => ({ sandbox_id: "", bundle_path: "", rootfs: [], netns_path: "", annotations: {} }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
    if (init.bundle_path) writer.uint32(18).string(init.bundle_path);
    for (const item of init.rootfs ?? []) writeMessage(Mount, item, writer.uint32(26));
    if (init.options !== undefined) writeMessage(Any, init.options, writer.uint32(34));
    if (init.netns_path) writer.uint32(42).string(init.netns_path);
    for (const [key, value] of Object.entries(init.annotations ?? {})) writer.uint32(50).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      case 18:
        message.bundle_path = reader.stringVerify();
        return;
      case 26:
        message.rootfs.push(readMessage(Mount, reader));
        return;
      case 34:
        message.options = readMessage(Any, reader);
        return;
      case 42:
        message.netns_path = reader.stringVerify();
        return;
      case 50:
        readEntry(message.annotations, "", { reader, value: () => reader.stringVerify() });
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type CreateSandboxResponse = Record<never, never>;
export const CreateSandboxResponse: MessageType<CreateSandboxResponse> = message<CreateSandboxResponse>({
  name: "containerd.runtime.sandbox.v1.CreateSandboxResponse",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface StartSandboxRequest {
  sandbox_id: string;
}
export const StartSandboxRequest: MessageType<StartSandboxRequest> = message<StartSandboxRequest>({
  name: "containerd.runtime.sandbox.v1.StartSandboxRequest",
  empty: () => ({ sandbox_id: "" }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StartSandboxResponse {
  pid: number;
  created_at?: Timestamp | undefined;
  spec?: Any | undefined;
}
export const StartSandboxResponse: MessageType<StartSandboxResponse> = message<StartSandboxResponse>({
  name: "containerd.runtime.sandbox.v1.StartSandboxResponse",
  empty: () => ({ pid: 0 }),
  write(init, writer) {
    if (init.pid) writer.uint32(8).uint32(init.pid);
    if (init.created_at !== undefined) writeMessage(Timestamp, init.created_at, writer.uint32(18));
    if (init.spec !== undefined) writeMessage(Any, init.spec, writer.uint32(26));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.pid = reader.uint32();
        return;
      case 18:
        message.created_at = readMessage(Timestamp, reader);
        return;
      case 26:
        message.spec = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PlatformRequest {
  sandbox_id: string;
}
export const PlatformRequest: MessageType<PlatformRequest> = message<PlatformRequest>({
  name: "containerd.runtime.sandbox.v1.PlatformRequest",
  empty: () => ({ sandbox_id: "" }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PlatformResponse {
  platform?: Platform | undefined;
}
export const PlatformResponse: MessageType<PlatformResponse> = message<PlatformResponse>({
  name: "containerd.runtime.sandbox.v1.PlatformResponse",
  empty: () => ({  }),
  write(init, writer) {
    if (init.platform !== undefined) writeMessage(Platform, init.platform, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.platform = readMessage(Platform, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StopSandboxRequest {
  sandbox_id: string;
  timeout_secs: number;
}
export const StopSandboxRequest: MessageType<StopSandboxRequest> = message<StopSandboxRequest>({
  name: "containerd.runtime.sandbox.v1.StopSandboxRequest",
  empty: () => ({ sandbox_id: "", timeout_secs: 0 }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
    if (init.timeout_secs) writer.uint32(16).uint32(init.timeout_secs);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      case 16:
        message.timeout_secs = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type StopSandboxResponse = Record<never, never>;
export const StopSandboxResponse: MessageType<StopSandboxResponse> = message<StopSandboxResponse>({
  name: "containerd.runtime.sandbox.v1.StopSandboxResponse",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface WaitSandboxRequest {
  sandbox_id: string;
}
export const WaitSandboxRequest: MessageType<WaitSandboxRequest> = message<WaitSandboxRequest>({
  name: "containerd.runtime.sandbox.v1.WaitSandboxRequest",
  empty: () => ({ sandbox_id: "" }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface WaitSandboxResponse {
  exit_status: number;
  exited_at?: Timestamp | undefined;
}
export const WaitSandboxResponse: MessageType<WaitSandboxResponse> = message<WaitSandboxResponse>({
  name: "containerd.runtime.sandbox.v1.WaitSandboxResponse",
  empty: () => ({ exit_status: 0 }),
  write(init, writer) {
    if (init.exit_status) writer.uint32(8).uint32(init.exit_status);
    if (init.exited_at !== undefined) writeMessage(Timestamp, init.exited_at, writer.uint32(18));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.exit_status = reader.uint32();
        return;
      case 18:
        message.exited_at = readMessage(Timestamp, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SandboxStatusRequest {
  sandbox_id: string;
  verbose: boolean;
}
export const SandboxStatusRequest: MessageType<SandboxStatusRequest> = message<SandboxStatusRequest>({
  name: "containerd.runtime.sandbox.v1.SandboxStatusRequest",
  empty: () => ({ sandbox_id: "", verbose: false }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
    if (init.verbose) writer.uint32(16).bool(init.verbose);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      case 16:
        message.verbose = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SandboxStatusResponse {
  sandbox_id: string;
  pid: number;
  state: string;
  info: Record<string, string>;
  created_at?: Timestamp | undefined;
  exited_at?: Timestamp | undefined;
  extra?: Any | undefined;
}
export const SandboxStatusResponse: MessageType<SandboxStatusResponse> = message<SandboxStatusResponse>({
  name: "containerd.runtime.sandbox.v1.SandboxStatusResponse",
  empty: () => ({ sandbox_id: "", pid: 0, state: "", info: {} }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
    if (init.pid) writer.uint32(16).uint32(init.pid);
    if (init.state) writer.uint32(26).string(init.state);
    for (const [key, value] of Object.entries(init.info ?? {})) writer.uint32(34).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
    if (init.created_at !== undefined) writeMessage(Timestamp, init.created_at, writer.uint32(42));
    if (init.exited_at !== undefined) writeMessage(Timestamp, init.exited_at, writer.uint32(50));
    if (init.extra !== undefined) writeMessage(Any, init.extra, writer.uint32(58));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      case 16:
        message.pid = reader.uint32();
        return;
      case 26:
        message.state = reader.stringVerify();
        return;
      case 34:
        readEntry(message.info, "", { reader, value: () => reader.stringVerify() });
        return;
      case 42:
        message.created_at = readMessage(Timestamp, reader);
        return;
      case 50:
        message.exited_at = readMessage(Timestamp, reader);
        return;
      case 58:
        message.extra = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PingRequest {
  sandbox_id: string;
}
export const PingRequest: MessageType<PingRequest> = message<PingRequest>({
  name: "containerd.runtime.sandbox.v1.PingRequest",
  empty: () => ({ sandbox_id: "" }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type PingResponse = Record<never, never>;
export const PingResponse: MessageType<PingResponse> = message<PingResponse>({
  name: "containerd.runtime.sandbox.v1.PingResponse",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface ShutdownSandboxRequest {
  sandbox_id: string;
}
export const ShutdownSandboxRequest: MessageType<ShutdownSandboxRequest> = message<ShutdownSandboxRequest>({
  name: "containerd.runtime.sandbox.v1.ShutdownSandboxRequest",
  empty: () => ({ sandbox_id: "" }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type ShutdownSandboxResponse = Record<never, never>;
export const ShutdownSandboxResponse: MessageType<ShutdownSandboxResponse> = message<ShutdownSandboxResponse>({
  name: "containerd.runtime.sandbox.v1.ShutdownSandboxResponse",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface SandboxMetricsRequest {
  sandbox_id: string;
}
export const SandboxMetricsRequest: MessageType<SandboxMetricsRequest> = message<SandboxMetricsRequest>({
  name: "containerd.runtime.sandbox.v1.SandboxMetricsRequest",
  empty: () => ({ sandbox_id: "" }),
  write(init, writer) {
    if (init.sandbox_id) writer.uint32(10).string(init.sandbox_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.sandbox_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface SandboxMetricsResponse {
  metrics?: Metric | undefined;
}
export const SandboxMetricsResponse: MessageType<SandboxMetricsResponse> = message<SandboxMetricsResponse>({
  name: "containerd.runtime.sandbox.v1.SandboxMetricsResponse",
  empty: () => ({  }),
  write(init, writer) {
    if (init.metrics !== undefined) writeMessage(Metric, init.metrics, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.metrics = readMessage(Metric, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export const Sandbox = {
  name: "containerd.runtime.sandbox.v1.Sandbox",
  methods: {
    CreateSandbox: { kind: "unary", request: CreateSandboxRequest, response: CreateSandboxResponse },
    StartSandbox: { kind: "unary", request: StartSandboxRequest, response: StartSandboxResponse },
    Platform: { kind: "unary", request: PlatformRequest, response: PlatformResponse },
    StopSandbox: { kind: "unary", request: StopSandboxRequest, response: StopSandboxResponse },
    WaitSandbox: { kind: "unary", request: WaitSandboxRequest, response: WaitSandboxResponse },
    SandboxStatus: { kind: "unary", request: SandboxStatusRequest, response: SandboxStatusResponse },
    PingSandbox: { kind: "unary", request: PingRequest, response: PingResponse },
    ShutdownSandbox: { kind: "unary", request: ShutdownSandboxRequest, response: ShutdownSandboxResponse },
    SandboxMetrics: { kind: "unary", request: SandboxMetricsRequest, response: SandboxMetricsResponse },
  },
} as const satisfies ServiceDescriptor;

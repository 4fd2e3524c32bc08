// Generated from protos/control.proto by `npm run gen`; do not edit.
import { bits64, message, readInt64, readMessage, type MessageType, writeMessage } from "./../message.ts";
import type { ServiceDescriptor } from "./../service.ts";

export interface InspectRequest {
  pod_id: string;
}
export const InspectRequest: MessageType<InspectRequest> = message<InspectRequest>({
  name: "kata.cvm.control.v1.InspectRequest",
  empty: () => ({ pod_id: "" }),
  write(init, writer) {
    if (init.pod_id) writer.uint32(10).string(init.pod_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.pod_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface InspectResponse {
  state_json: Uint8Array;
}
export const InspectResponse: MessageType<InspectResponse> = message<InspectResponse>({
  name: "kata.cvm.control.v1.InspectResponse",
  empty: () => ({ state_json: new Uint8Array(0) }),
  write(init, writer) {
    if (init.state_json?.length) writer.uint32(10).bytes(init.state_json);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.state_json = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ExecInput {
  start?: ExecStart | undefined;
  stdin?: Uint8Array | undefined;
  resize?: WindowSize | undefined;
  close_stdin?: boolean | undefined;
  signal?: number | undefined;
}
export const ExecInput: MessageType<ExecInput> = message<ExecInput>({
  name: "kata.cvm.control.v1.ExecInput",
  empty: () => ({  }),
  write(init, writer) {
    if (init.start !== undefined) writeMessage(ExecStart, init.start, writer.uint32(10));
    if (init.stdin !== undefined) writer.uint32(18).bytes(init.stdin);
    if (init.resize !== undefined) writeMessage(WindowSize, init.resize, writer.uint32(26));
    if (init.close_stdin !== undefined) writer.uint32(32).bool(init.close_stdin);
    if (init.signal !== undefined) writer.uint32(40).uint32(init.signal);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.start = readMessage(ExecStart, reader);
        return;
      case 18:
        message.stdin = reader.bytes();
        return;
      case 26:
        message.resize = readMessage(WindowSize, reader);
        return;
      case 32:
        message.close_stdin = reader.bool();
        return;
      case 40:
        message.signal = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ExecStart {
  pod_id: string;
  container_id: string;
  args: string[];
  env: string[];
  cwd: string;
  terminal: boolean;
  size?: WindowSize | undefined;
}
export const ExecStart: MessageType<ExecStart> = message<ExecStart>({
  name: "kata.cvm.control.v1.ExecStart",
  empty: () => ({ pod_id: "", container_id: "", args: [], env: [], cwd: "", terminal: false }),
  write(init, writer) {
    if (init.pod_id) writer.uint32(10).string(init.pod_id);
    if (init.container_id) writer.uint32(18).string(init.container_id);
    for (const item of init.args ?? []) writer.uint32(26).string(item);
    for (const item of init.env ?? []) writer.uint32(34).string(item);
    if (init.cwd) writer.uint32(42).string(init.cwd);
    if (init.terminal) writer.uint32(48).bool(init.terminal);
    if (init.size !== undefined) writeMessage(WindowSize, init.size, writer.uint32(58));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.pod_id = reader.stringVerify();
        return;
      case 18:
        message.container_id = reader.stringVerify();
        return;
      case 26:
        message.args.push(reader.stringVerify());
        return;
      case 34:
        message.env.push(reader.stringVerify());
        return;
      case 42:
        message.cwd = reader.stringVerify();
        return;
      case 48:
        message.terminal = reader.bool();
        return;
      case 58:
        message.size = readMessage(WindowSize, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface WindowSize {
  columns: number;
  rows: number;
}
export const WindowSize: MessageType<WindowSize> = message<WindowSize>({
  name: "kata.cvm.control.v1.WindowSize",
  empty: () => ({ columns: 0, rows: 0 }),
  write(init, writer) {
    if (init.columns) writer.uint32(8).uint32(init.columns);
    if (init.rows) writer.uint32(16).uint32(init.rows);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.columns = reader.uint32();
        return;
      case 16:
        message.rows = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ExecOutput {
  stdout?: Uint8Array | undefined;
  stderr?: Uint8Array | undefined;
  exit_status?: number | undefined;
}
export const ExecOutput: MessageType<ExecOutput> = message<ExecOutput>({
  name: "kata.cvm.control.v1.ExecOutput",
  empty: () => ({  }),
  write(init, writer) {
    if (init.stdout !== undefined) writer.uint32(10).bytes(init.stdout);
    if (init.stderr !== undefined) writer.uint32(18).bytes(init.stderr);
    if (init.exit_status !== undefined) writer.uint32(24).uint32(init.exit_status);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.stdout = reader.bytes();
        return;
      case 18:
        message.stderr = reader.bytes();
        return;
      case 24:
        message.exit_status = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface AttachInput {
  start?: AttachStart | undefined;
  stdin?: Uint8Array | undefined;
  resize?: WindowSize | undefined;
}
export const AttachInput: MessageType<AttachInput> = message<AttachInput>({
  name: "kata.cvm.control.v1.AttachInput",
  empty: () => ({  }),
  write(init, writer) {
    if (init.start !== undefined) writeMessage(AttachStart, init.start, writer.uint32(10));
    if (init.stdin !== undefined) writer.uint32(18).bytes(init.stdin);
    if (init.resize !== undefined) writeMessage(WindowSize, init.resize, writer.uint32(26));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.start = readMessage(AttachStart, reader);
        return;
      case 18:
        message.stdin = reader.bytes();
        return;
      case 26:
        message.resize = readMessage(WindowSize, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface AttachStart {
  pod_id: string;
  container_id: string;
  stdin: boolean;
}
export const AttachStart: MessageType<AttachStart> = message<AttachStart>({
  name: "kata.cvm.control.v1.AttachStart",
  empty: () => ({ pod_id: "", container_id: "", stdin: false }),
  write(init, writer) {
    if (init.pod_id) writer.uint32(10).string(init.pod_id);
    if (init.container_id) writer.uint32(18).string(init.container_id);
    if (init.stdin) writer.uint32(24).bool(init.stdin);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.pod_id = reader.stringVerify();
        return;
      case 18:
        message.container_id = reader.stringVerify();
        return;
      case 24:
        message.stdin = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface AttachOutput {
  attached?: Attached | undefined;
  stdout?: Uint8Array | undefined;
  stderr?: Uint8Array | undefined;
  stdin_closed?: boolean | undefined;
  exit_status?: number | undefined;
}
export const AttachOutput: MessageType<AttachOutput> = message<AttachOutput>({
  name: "kata.cvm.control.v1.AttachOutput",
  empty: () => ({  }),
  write(init, writer) {
    if (init.attached !== undefined) writeMessage(Attached, init.attached, writer.uint32(10));
    if (init.stdout !== undefined) writer.uint32(18).bytes(init.stdout);
    if (init.stderr !== undefined) writer.uint32(26).bytes(init.stderr);
    if (init.stdin_closed !== undefined) writer.uint32(32).bool(init.stdin_closed);
    if (init.exit_status !== undefined) writer.uint32(40).uint32(init.exit_status);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.attached = readMessage(Attached, reader);
        return;
      case 18:
        message.stdout = reader.bytes();
        return;
      case 26:
        message.stderr = reader.bytes();
        return;
      case 32:
        message.stdin_closed = reader.bool();
        return;
      case 40:
        message.exit_status = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Attached {
  terminal: boolean;
}
export const Attached: MessageType<Attached> = message<Attached>({
  name: "kata.cvm.control.v1.Attached",
  empty: () => ({ terminal: false }),
  write(init, writer) {
    if (init.terminal) writer.uint32(8).bool(init.terminal);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.terminal = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ConsoleRequest {
  pod_id: string;
  follow: boolean;
}
export const ConsoleRequest: MessageType<ConsoleRequest> = message<ConsoleRequest>({
  name: "kata.cvm.control.v1.ConsoleRequest",
  empty: () => ({ pod_id: "", follow: false }),
  write(init, writer) {
    if (init.pod_id) writer.uint32(10).string(init.pod_id);
    if (init.follow) writer.uint32(16).bool(init.follow);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.pod_id = reader.stringVerify();
        return;
      case 16:
        message.follow = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ConsoleChunk {
  data: Uint8Array;
}
export const ConsoleChunk: MessageType<ConsoleChunk> = message<ConsoleChunk>({
  name: "kata.cvm.control.v1.ConsoleChunk",
  empty: () => ({ data: new Uint8Array(0) }),
  write(init, writer) {
    if (init.data?.length) writer.uint32(10).bytes(init.data);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.data = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StopRequest {
  pod_id: string;
  force: boolean;
}
export const StopRequest: MessageType<StopRequest> = message<StopRequest>({
  name: "kata.cvm.control.v1.StopRequest",
  empty: () => ({ pod_id: "", force: false }),
  write(init, writer) {
    if (init.pod_id) writer.uint32(10).string(init.pod_id);
    if (init.force) writer.uint32(16).bool(init.force);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.pod_id = reader.stringVerify();
        return;
      case 16:
        message.force = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export type StopResponse = Record<never, never>;
export const StopResponse: MessageType<StopResponse> = message<StopResponse>({
  name: "kata.cvm.control.v1.StopResponse",
  empty: () => ({}),
  write() {},
  read: (_message, reader, tag) => reader.skipType(tag & 7),
});

export interface EventsRequest {
  pod_id: string;
  follow: boolean;
}
export const EventsRequest: MessageType<EventsRequest> = message<EventsRequest>({
  name: "kata.cvm.control.v1.EventsRequest",
  empty: () => ({ pod_id: "", follow: false }),
  write(init, writer) {
    if (init.pod_id) writer.uint32(10).string(init.pod_id);
    if (init.follow) writer.uint32(16).bool(init.follow);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.pod_id = reader.stringVerify();
        return;
      case 16:
        message.follow = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface Event {
  unix_ms: bigint;
  area: string;
  name: string;
  data_json: Uint8Array;
}
export const Event: MessageType<Event> = message<Event>({
  name: "kata.cvm.control.v1.Event",
  empty: () => ({ unix_ms: 0n, area: "", name: "", data_json: new Uint8Array(0) }),
  write(init, writer) {
    if (init.unix_ms) writer.uint32(8).int64(bits64(init.unix_ms));
    if (init.area) writer.uint32(18).string(init.area);
    if (init.name) writer.uint32(26).string(init.name);
    if (init.data_json?.length) writer.uint32(34).bytes(init.data_json);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.unix_ms = readInt64(reader);
        return;
      case 18:
        message.area = reader.stringVerify();
        return;
      case 26:
        message.name = reader.stringVerify();
        return;
      case 34:
        message.data_json = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface QmpRequest {
  pod_id: string;
  command: string;
  arguments_json: Uint8Array;
}
export const QmpRequest: MessageType<QmpRequest> = message<QmpRequest>({
  name: "kata.cvm.control.v1.QmpRequest",
  empty: () => ({ pod_id: "", command: "", arguments_json: new Uint8Array(0) }),
  write(init, writer) {
    if (init.pod_id) writer.uint32(10).string(init.pod_id);
    if (init.command) writer.uint32(18).string(init.command);
    if (init.arguments_json?.length) writer.uint32(26).bytes(init.arguments_json);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.pod_id = reader.stringVerify();
        return;
      case 18:
        message.command = reader.stringVerify();
        return;
      case 26:
        message.arguments_json = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface QmpResponse {
  return_json: Uint8Array;
}
export const QmpResponse: MessageType<QmpResponse> = message<QmpResponse>({
  name: "kata.cvm.control.v1.QmpResponse",
  empty: () => ({ return_json: new Uint8Array(0) }),
  write(init, writer) {
    if (init.return_json?.length) writer.uint32(10).bytes(init.return_json);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.return_json = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface AgentRequest {
  pod_id: string;
  method: string;
  request_json: Uint8Array;
}
export const AgentRequest: MessageType<AgentRequest> = message<AgentRequest>({
  name: "kata.cvm.control.v1.AgentRequest",
  empty: () => ({ pod_id: "", method: "", request_json: new Uint8Array(0) }),
  write(init, writer) {
    if (init.pod_id) writer.uint32(10).string(init.pod_id);
    if (init.method) writer.uint32(18).string(init.method);
    if (init.request_json?.length) writer.uint32(26).bytes(init.request_json);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.pod_id = reader.stringVerify();
        return;
      case 18:
        message.method = reader.stringVerify();
        return;
      case 26:
        message.request_json = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface AgentResponse {
  response_json: Uint8Array;
}
export const AgentResponse: MessageType<AgentResponse> = message<AgentResponse>({
  name: "kata.cvm.control.v1.AgentResponse",
  empty: () => ({ response_json: new Uint8Array(0) }),
  write(init, writer) {
    if (init.response_json?.length) writer.uint32(10).bytes(init.response_json);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.response_json = reader.bytes();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export const Control = {
  name: "kata.cvm.control.v1.Control",
  methods: {
    Inspect: { kind: "unary", request: InspectRequest, response: InspectResponse },
    Exec: { kind: "bidiStreaming", request: ExecInput, response: ExecOutput },
    Attach: { kind: "bidiStreaming", request: AttachInput, response: AttachOutput },
    Console: { kind: "serverStreaming", request: ConsoleRequest, response: ConsoleChunk },
    Stop: { kind: "unary", request: StopRequest, response: StopResponse },
    Events: { kind: "serverStreaming", request: EventsRequest, response: Event },
    Qmp: { kind: "unary", request: QmpRequest, response: QmpResponse },
    Agent: { kind: "unary", request: AgentRequest, response: AgentResponse },
  },
} as const satisfies ServiceDescriptor;

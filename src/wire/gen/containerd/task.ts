// Generated from protos/containerd/task.proto by `npm run gen`; do not edit.
import { Any } from "../google/protobuf/any.ts";
import { Empty } from "../google/protobuf/empty.ts";
import { Timestamp } from "../google/protobuf/timestamp.ts";
import { ProcessInfo, Status } from "./process.ts";
import { Mount } from "./types.ts";
import { message, readEntry, readMessage, type MessageType, writeMessage } from "../../message.ts";
import type { ServiceDescriptor } from "../../service.ts";

export interface StateRequest {
  id: string;
  exec_id: string;
}
export const StateRequest: MessageType<StateRequest> = message<StateRequest>({
  name: "containerd.task.v2.StateRequest",
  empty: () => ({ id: "", exec_id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StateResponse {
  id: string;
  bundle: string;
  pid: number;
  status: Status;
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  exit_status: number;
  exited_at?: Timestamp | undefined;
  exec_id: string;
}
export const StateResponse: MessageType<StateResponse> = message<StateResponse>({
  name: "containerd.task.v2.StateResponse",
  empty: () => ({ id: "", bundle: "", pid: 0, status: 0, stdin: "", stdout: "", stderr: "", terminal: false, exit_status: 0, exec_id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.bundle) writer.uint32(18).string(init.bundle);
    if (init.pid) writer.uint32(24).uint32(init.pid);
    if (init.status) writer.uint32(32).int32(init.status);
    if (init.stdin) writer.uint32(42).string(init.stdin);
    if (init.stdout) writer.uint32(50).string(init.stdout);
    if (init.stderr) writer.uint32(58).string(init.stderr);
    if (init.terminal) writer.uint32(64).bool(init.terminal);
    if (init.exit_status) writer.uint32(72).uint32(init.exit_status);
    if (init.exited_at !== undefined) writeMessage(Timestamp, init.exited_at, writer.uint32(82));
    if (init.exec_id) writer.uint32(90).string(init.exec_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.bundle = reader.stringVerify();
        return;
      case 24:
        message.pid = reader.uint32();
        return;
      case 32:
        message.status = reader.int32();
        return;
      case 42:
        message.stdin = reader.stringVerify();
        return;
      case 50:
        message.stdout = reader.stringVerify();
        return;
      case 58:
        message.stderr = reader.stringVerify();
        return;
      case 64:
        message.terminal = reader.bool();
        return;
      case 72:
        message.exit_status = reader.uint32();
        return;
      case 82:
        message.exited_at = readMessage(Timestamp, reader);
        return;
      case 90:
        message.exec_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CreateTaskRequest {
  id: string;
  bundle: string;
  rootfs: Mount[];
  terminal: boolean;
  stdin: string;
  stdout: string;
  stderr: string;
  checkpoint: string;
  parent_checkpoint: string;
  options?: Any | undefined;
}
export const CreateTaskRequest: MessageType<CreateTaskRequest> = message<CreateTaskRequest>({
  name: "containerd.task.v2.CreateTaskRequest",
  empty: () => ({ id: "", bundle: "", rootfs: [], terminal: false, stdin: "", stdout: "", stderr: "", checkpoint: "", parent_checkpoint: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.bundle) writer.uint32(18).string(init.bundle);
    for (const item of init.rootfs ?? []) writeMessage(Mount, item, writer.uint32(26));
    if (init.terminal) writer.uint32(32).bool(init.terminal);
    if (init.stdin) writer.uint32(42).string(init.stdin);
    if (init.stdout) writer.uint32(50).string(init.stdout);
    if (init.stderr) writer.uint32(58).string(init.stderr);
    if (init.checkpoint) writer.uint32(66).string(init.checkpoint);
    if (init.parent_checkpoint) writer.uint32(74).string(init.parent_checkpoint);
    if (init.options !== undefined) writeMessage(Any, init.options, writer.uint32(82));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.bundle = reader.stringVerify();
        return;
      case 26:
        message.rootfs.push(readMessage(Mount, reader));
        return;
      case 32:
        message.terminal = reader.bool();
        return;
      case 42:
        message.stdin = reader.stringVerify();
        return;
      case 50:
        message.stdout = reader.stringVerify();
        return;
      case 58:
        message.stderr = reader.stringVerify();
        return;
      case 66:
        message.checkpoint = reader.stringVerify();
        return;
      case 74:
        message.parent_checkpoint = reader.stringVerify();
        return;
      case 82:
        message.options = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CreateTaskResponse {
  pid: number;
}
export const CreateTaskResponse: MessageType<CreateTaskResponse> = message<CreateTaskResponse>({
  name: "containerd.task.v2.CreateTaskResponse",
  empty: () => ({ pid: 0 }),
  write(init, writer) {
    if (init.pid) writer.uint32(8).uint32(init.pid);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.pid = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StartRequest {
  id: string;
  exec_id: string;
}
export const StartRequest: MessageType<StartRequest> = message<StartRequest>({
  name: "containerd.task.v2.StartRequest",
  empty: () => ({ id: "", exec_id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StartResponse {
  pid: number;
}
export const StartResponse: MessageType<StartResponse> = message<StartResponse>({
  name: "containerd.task.v2.StartResponse",
  empty: () => ({ pid: 0 }),
  write(init, writer) {
    if (init.pid) writer.uint32(8).uint32(init.pid);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.pid = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface DeleteRequest {
  id: string;
  exec_id: string;
}
export const DeleteRequest: MessageType<DeleteRequest> = message<DeleteRequest>({
  name: "containerd.task.v2.DeleteRequest",
  empty: () => ({ id: "", exec_id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface DeleteResponse {
  pid: number;
  exit_status: number;
  exited_at?: Timestamp | undefined;
}
export const DeleteResponse: MessageType<DeleteResponse> = message<DeleteResponse>({
  name: "containerd.task.v2.DeleteResponse",
  empty: () => ({ pid: 0, exit_status: 0 }),
  write(init, writer) {
    if (init.pid) writer.uint32(8).uint32(init.pid);
    if (init.exit_status) writer.uint32(16).uint32(init.exit_status);
    if (init.exited_at !== undefined) writeMessage(Timestamp, init.exited_at, writer.uint32(26));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.pid = reader.uint32();
        return;
      case 16:
        message.exit_status = reader.uint32();
        return;
      case 26:
        message.exited_at = readMessage(Timestamp, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PidsRequest {
  id: string;
}
export const PidsRequest: MessageType<PidsRequest> = message<PidsRequest>({
  name: "containerd.task.v2.PidsRequest",
  empty: () => ({ id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PidsResponse {
  processes: ProcessInfo[];
}
export const PidsResponse: MessageType<PidsResponse> = message<PidsResponse>({
  name: "containerd.task.v2.PidsResponse",
  empty: () => ({ processes: [] }),
  write(init, writer) {
    for (const item of init.processes ?? []) writeMessage(ProcessInfo, item, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.processes.push(readMessage(ProcessInfo, reader));
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface PauseRequest {
  id: string;
}
export const PauseRequest: MessageType<PauseRequest> = message<PauseRequest>({
  name: "containerd.task.v2.PauseRequest",
  empty: () => ({ id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ResumeRequest {
  id: string;
}
export const ResumeRequest: MessageType<ResumeRequest> = message<ResumeRequest>({
  name: "containerd.task.v2.ResumeRequest",
  empty: () => ({ id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CheckpointTaskRequest {
  id: string;
  path: string;
  options?: Any | undefined;
}
export const CheckpointTaskRequest: MessageType<CheckpointTaskRequest> = message<CheckpointTaskRequest>({
  name: "containerd.task.v2.CheckpointTaskRequest",
  empty: () => ({ id: "", path: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.path) writer.uint32(18).string(init.path);
    if (init.options !== undefined) writeMessage(Any, init.options, writer.uint32(26));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.path = reader.stringVerify();
        return;
      case 26:
        message.options = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface KillRequest {
  id: string;
  exec_id: string;
  signal: number;
  all: boolean;
}
export const KillRequest: MessageType<KillRequest> = message<KillRequest>({
  name: "containerd.task.v2.KillRequest",
  empty: () => ({ id: "", exec_id: "", signal: 0, all: false }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.signal) writer.uint32(24).uint32(init.signal);
    if (init.all) writer.uint32(32).bool(init.all);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 24:
        message.signal = reader.uint32();
        return;
      case 32:
        message.all = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ExecProcessRequest {
  id: string;
  exec_id: string;
  terminal: boolean;
  stdin: string;
  stdout: string;
  stderr: string;
  spec?: Any | undefined;
}
export const ExecProcessRequest: MessageType<ExecProcessRequest> = message<ExecProcessRequest>({
  name: "containerd.task.v2.ExecProcessRequest",
  empty: () => ({ id: "", exec_id: "", terminal: false, stdin: "", stdout: "", stderr: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.terminal) writer.uint32(24).bool(init.terminal);
    if (init.stdin) writer.uint32(34).string(init.stdin);
    if (init.stdout) writer.uint32(42).string(init.stdout);
    if (init.stderr) writer.uint32(50).string(init.stderr);
    if (init.spec !== undefined) writeMessage(Any, init.spec, writer.uint32(58));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 24:
        message.terminal = reader.bool();
        return;
      case 34:
        message.stdin = reader.stringVerify();
        return;
      case 42:
        message.stdout = reader.stringVerify();
        return;
      case 50:
        message.stderr = reader.stringVerify();
        return;
      case 58:
        message.spec = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ResizePtyRequest {
  id: string;
  exec_id: string;
  width: number;
  height: number;
}
export const ResizePtyRequest: MessageType<ResizePtyRequest> = message<ResizePtyRequest>({
  name: "containerd.task.v2.ResizePtyRequest",
  empty: () => ({ id: "", exec_id: "", width: 0, height: 0 }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.width) writer.uint32(24).uint32(init.width);
    if (init.height) writer.uint32(32).uint32(init.height);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 24:
        message.width = reader.uint32();
        return;
      case 32:
        message.height = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface CloseIORequest {
  id: string;
  exec_id: string;
  stdin: boolean;
}
export const CloseIORequest: MessageType<CloseIORequest> = message<CloseIORequest>({
  name: "containerd.task.v2.CloseIORequest",
  empty: () => ({ id: "", exec_id: "", stdin: false }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.stdin) writer.uint32(24).bool(init.stdin);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 24:
        message.stdin = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface UpdateTaskRequest {
  id: string;
  resources?: Any | undefined;
  annotations: Record<string, string>;
}
export const UpdateTaskRequest: MessageType<UpdateTaskRequest> = message<UpdateTaskRequest>({
  name: "containerd.task.v2.UpdateTaskRequest",
  empty: () => ({ id: "", annotations: {} }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.resources !== undefined) writeMessage(Any, init.resources, writer.uint32(18));
    for (const [key, value] of Object.entries(init.annotations ?? {})) writer.uint32(26).fork().uint32(10).string(key).uint32(18).string(value ?? "").ldelim();
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.resources = readMessage(Any, reader);
        return;
      case 26:
        readEntry(message.annotations, "", { reader, value: () => reader.stringVerify() });
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface WaitRequest {
  id: string;
  exec_id: string;
}
export const WaitRequest: MessageType<WaitRequest> = message<WaitRequest>({
  name: "containerd.task.v2.WaitRequest",
  empty: () => ({ id: "", exec_id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface WaitResponse {
  exit_status: number;
  exited_at?: Timestamp | undefined;
}
export const WaitResponse: MessageType<WaitResponse> = message<WaitResponse>({
  name: "containerd.task.v2.WaitResponse",
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

export interface StatsRequest {
  id: string;
}
export const StatsRequest: MessageType<StatsRequest> = message<StatsRequest>({
  name: "containerd.task.v2.StatsRequest",
  empty: () => ({ id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface StatsResponse {
  stats?: Any | undefined;
}
export const StatsResponse: MessageType<StatsResponse> = message<StatsResponse>({
  name: "containerd.task.v2.StatsResponse",
  empty: () => ({  }),
  write(init, writer) {
    if (init.stats !== undefined) writeMessage(Any, init.stats, writer.uint32(10));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.stats = readMessage(Any, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ConnectRequest {
  id: string;
}
export const ConnectRequest: MessageType<ConnectRequest> = message<ConnectRequest>({
  name: "containerd.task.v2.ConnectRequest",
  empty: () => ({ id: "" }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ConnectResponse {
  shim_pid: number;
  task_pid: number;
  version: string;
}
export const ConnectResponse: MessageType<ConnectResponse> = message<ConnectResponse>({
  name: "containerd.task.v2.ConnectResponse",
  empty: () => ({ shim_pid: 0, task_pid: 0, version: "" }),
  write(init, writer) {
    if (init.shim_pid) writer.uint32(8).uint32(init.shim_pid);
    if (init.task_pid) writer.uint32(16).uint32(init.task_pid);
    if (init.version) writer.uint32(26).string(init.version);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 8:
        message.shim_pid = reader.uint32();
        return;
      case 16:
        message.task_pid = reader.uint32();
        return;
      case 26:
        message.version = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface ShutdownRequest {
  id: string;
  now: boolean;
}
export const ShutdownRequest: MessageType<ShutdownRequest> = message<ShutdownRequest>({
  name: "containerd.task.v2.ShutdownRequest",
  empty: () => ({ id: "", now: false }),
  write(init, writer) {
    if (init.id) writer.uint32(10).string(init.id);
    if (init.now) writer.uint32(16).bool(init.now);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.id = reader.stringVerify();
        return;
      case 16:
        message.now = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export const Task = {
  name: "containerd.task.v2.Task",
  methods: {
    State: { kind: "unary", request: StateRequest, response: StateResponse },
    Create: { kind: "unary", request: CreateTaskRequest, response: CreateTaskResponse },
    Start: { kind: "unary", request: StartRequest, response: StartResponse },
    Delete: { kind: "unary", request: DeleteRequest, response: DeleteResponse },
    Pids: { kind: "unary", request: PidsRequest, response: PidsResponse },
    Pause: { kind: "unary", request: PauseRequest, response: Empty },
    Resume: { kind: "unary", request: ResumeRequest, response: Empty },
    Checkpoint: { kind: "unary", request: CheckpointTaskRequest, response: Empty },
    Kill: { kind: "unary", request: KillRequest, response: Empty },
    Exec: { kind: "unary", request: ExecProcessRequest, response: Empty },
    ResizePty: { kind: "unary", request: ResizePtyRequest, response: Empty },
    CloseIO: { kind: "unary", request: CloseIORequest, response: Empty },
    Update: { kind: "unary", request: UpdateTaskRequest, response: Empty },
    Wait: { kind: "unary", request: WaitRequest, response: WaitResponse },
    Stats: { kind: "unary", request: StatsRequest, response: StatsResponse },
    Connect: { kind: "unary", request: ConnectRequest, response: ConnectResponse },
    Shutdown: { kind: "unary", request: ShutdownRequest, response: Empty },
  },
} as const satisfies ServiceDescriptor;

// Generated from protos/containerd/task_v3.proto by `npm run gen`; do not edit.
import { Empty } from "../google/protobuf/empty.ts";
import { CheckpointTaskRequest, CloseIORequest, ConnectRequest, ConnectResponse, CreateTaskRequest, CreateTaskResponse, DeleteRequest, DeleteResponse, ExecProcessRequest, KillRequest, PauseRequest, PidsRequest, PidsResponse, ResizePtyRequest, ResumeRequest, ShutdownRequest, StartRequest, StartResponse, StateRequest, StateResponse, StatsRequest, StatsResponse, UpdateTaskRequest, WaitRequest, WaitResponse } from "./task.ts";
import type { ServiceDescriptor } from "../../service.ts";

export const Task = {
  name: "containerd.task.v3.Task",
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

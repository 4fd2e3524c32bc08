// Generated from protos/containerd/events.proto by `npm run gen`; do not edit.
import { Timestamp } from "../google/protobuf/timestamp.ts";
import { Mount } from "./types.ts";
import { message, readMessage, type MessageType, writeMessage } from "../../message.ts";

export interface TaskIO {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}
export const TaskIO: MessageType<TaskIO> = message<TaskIO>({
  name: "containerd.events.TaskIO",
  empty: () => ({ stdin: "", stdout: "", stderr: "", terminal: false }),
  write(init, writer) {
    if (init.stdin) writer.uint32(10).string(init.stdin);
    if (init.stdout) writer.uint32(18).string(init.stdout);
    if (init.stderr) writer.uint32(26).string(init.stderr);
    if (init.terminal) writer.uint32(32).bool(init.terminal);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.stdin = reader.stringVerify();
        return;
      case 18:
        message.stdout = reader.stringVerify();
        return;
      case 26:
        message.stderr = reader.stringVerify();
        return;
      case 32:
        message.terminal = reader.bool();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskCreate {
  container_id: string;
  bundle: string;
  rootfs: Mount[];
  io?: TaskIO | undefined;
  checkpoint: string;
  pid: number;
}
export const TaskCreate: MessageType<TaskCreate> = message<TaskCreate>({
  name: "containerd.events.TaskCreate",
  empty: () => ({ container_id: "", bundle: "", rootfs: [], checkpoint: "", pid: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.bundle) writer.uint32(18).string(init.bundle);
    for (const item of init.rootfs ?? []) writeMessage(Mount, item, writer.uint32(26));
    if (init.io !== undefined) writeMessage(TaskIO, init.io, writer.uint32(34));
    if (init.checkpoint) writer.uint32(42).string(init.checkpoint);
    if (init.pid) writer.uint32(48).uint32(init.pid);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.bundle = reader.stringVerify();
        return;
      case 26:
        message.rootfs.push(readMessage(Mount, reader));
        return;
      case 34:
        message.io = readMessage(TaskIO, reader);
        return;
      case 42:
        message.checkpoint = reader.stringVerify();
        return;
      case 48:
        message.pid = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskStart {
  container_id: string;
  pid: number;
}
export const TaskStart: MessageType<TaskStart> = message<TaskStart>({
  name: "containerd.events.TaskStart",
  empty: () => ({ container_id: "", pid: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.pid) writer.uint32(16).uint32(init.pid);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 16:
        message.pid = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskExit {
  container_id: string;
  id: string;
  pid: number;
  exit_status: number;
  exited_at?: Timestamp | undefined;
}
export const TaskExit: MessageType<TaskExit> = message<TaskExit>({
  name: "containerd.events.TaskExit",
  empty: () => ({ container_id: "", id: "", pid: 0, exit_status: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.id) writer.uint32(18).string(init.id);
    if (init.pid) writer.uint32(24).uint32(init.pid);
    if (init.exit_status) writer.uint32(32).uint32(init.exit_status);
    if (init.exited_at !== undefined) writeMessage(Timestamp, init.exited_at, writer.uint32(42));
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.id = reader.stringVerify();
        return;
      case 24:
        message.pid = reader.uint32();
        return;
      case 32:
        message.exit_status = reader.uint32();
        return;
      case 42:
        message.exited_at = readMessage(Timestamp, reader);
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskDelete {
  container_id: string;
  pid: number;
  exit_status: number;
  exited_at?: Timestamp | undefined;
  id: string;
}
export const TaskDelete: MessageType<TaskDelete> = message<TaskDelete>({
  name: "containerd.events.TaskDelete",
  empty: () => ({ container_id: "", pid: 0, exit_status: 0, id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.pid) writer.uint32(16).uint32(init.pid);
    if (init.exit_status) writer.uint32(24).uint32(init.exit_status);
    if (init.exited_at !== undefined) writeMessage(Timestamp, init.exited_at, writer.uint32(34));
    if (init.id) writer.uint32(42).string(init.id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 16:
        message.pid = reader.uint32();
        return;
      case 24:
        message.exit_status = reader.uint32();
        return;
      case 34:
        message.exited_at = readMessage(Timestamp, reader);
        return;
      case 42:
        message.id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskOOM {
  container_id: string;
}
export const TaskOOM: MessageType<TaskOOM> = message<TaskOOM>({
  name: "containerd.events.TaskOOM",
  empty: () => ({ container_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskExecAdded {
  container_id: string;
  exec_id: string;
}
export const TaskExecAdded: MessageType<TaskExecAdded> = message<TaskExecAdded>({
  name: "containerd.events.TaskExecAdded",
  empty: () => ({ container_id: "", exec_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskExecStarted {
  container_id: string;
  exec_id: string;
  pid: number;
}
export const TaskExecStarted: MessageType<TaskExecStarted> = message<TaskExecStarted>({
  name: "containerd.events.TaskExecStarted",
  empty: () => ({ container_id: "", exec_id: "", pid: 0 }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.exec_id) writer.uint32(18).string(init.exec_id);
    if (init.pid) writer.uint32(24).uint32(init.pid);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.exec_id = reader.stringVerify();
        return;
      case 24:
        message.pid = reader.uint32();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskPaused {
  container_id: string;
}
export const TaskPaused: MessageType<TaskPaused> = message<TaskPaused>({
  name: "containerd.events.TaskPaused",
  empty: () => ({ container_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskResumed {
  container_id: string;
}
export const TaskResumed: MessageType<TaskResumed> = message<TaskResumed>({
  name: "containerd.events.TaskResumed",
  empty: () => ({ container_id: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

export interface TaskCheckpointed {
  container_id: string;
  checkpoint: string;
}
export const TaskCheckpointed: MessageType<TaskCheckpointed> = message<TaskCheckpointed>({
  name: "containerd.events.TaskCheckpointed",
  empty: () => ({ container_id: "", checkpoint: "" }),
  write(init, writer) {
    if (init.container_id) writer.uint32(10).string(init.container_id);
    if (init.checkpoint) writer.uint32(18).string(init.checkpoint);
  },
  read(message, reader, tag) {
    switch (tag) {
      case 10:
        message.container_id = reader.stringVerify();
        return;
      case 18:
        message.checkpoint = reader.stringVerify();
        return;
      default:
        reader.skipType(tag & 7);
    }
  },
});

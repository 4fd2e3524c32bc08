// What happens in a pod, in the topics and messages of containerd's events (api/events/task.proto).
import type { PodEvent, ProcessExit } from "../pod/ports.ts";
import {
  TaskCreate,
  TaskDelete,
  TaskExecAdded,
  TaskExecStarted,
  TaskExit,
  TaskOOM,
  TaskPaused,
  TaskResumed,
  TaskStart,
} from "../wire/gen/containerd/events.ts";
import type { Init, MessageType } from "../wire/message.ts";

export interface TopicEvent {
  readonly topic: string;
  /** full message name; containerd wants no prefix in an event's type URL */
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

export function renderEvent(event: PodEvent): TopicEvent {
  const container_id = event.containerId;
  switch (event.kind) {
    case "create": {
      const { bundle, rootfs, pid, stdio: io } = event;
      const mounts = rootfs.map(({ type, source, target, options }) => ({ type, source, target, options }));
      return pack("/tasks/create", TaskCreate, { container_id, bundle, rootfs: mounts, io, pid });
    }
    case "start":
      return pack("/tasks/start", TaskStart, { container_id, pid: event.pid });
    case "exec-added":
      return pack("/tasks/exec-added", TaskExecAdded, { container_id, exec_id: event.execId });
    case "exec-started":
      return pack("/tasks/exec-started", TaskExecStarted, { container_id, exec_id: event.execId, pid: event.pid });
    case "exit":
      return pack("/tasks/exit", TaskExit, {
        container_id,
        id: event.execId || container_id,
        pid: event.pid,
        ...exitFields(event.exit),
      });
    case "delete":
      return pack("/tasks/delete", TaskDelete, {
        container_id,
        id: event.execId,
        pid: event.pid,
        ...exitFields(event.exit),
      });
    case "oom":
      return pack("/tasks/oom", TaskOOM, { container_id });
    case "paused":
      return pack("/tasks/paused", TaskPaused, { container_id });
    case "resumed":
      return pack("/tasks/resumed", TaskResumed, { container_id });
  }
}

/** Fields that TaskExit, TaskDelete, DeleteResponse, WaitResponse and StateResponse share. */
export function exitFields(exit: ProcessExit) {
  return { exit_status: exit.status, exited_at: timestamp(exit.exitedAt) };
}

/** google.protobuf.Timestamp of milliseconds since the epoch. */
export function timestamp(ms: number) {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

function pack<T>(topic: string, type: MessageType<T>, init: Init<T>): TopicEvent {
  return { topic, typeUrl: type.typeName, value: type.encode(init) };
}

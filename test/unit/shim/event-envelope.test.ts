import assert from "node:assert/strict";
import type { PodEvent } from "../../../src/pod/ports.ts";
import { renderEvent, timestamp } from "../../../src/shim/event-envelope.ts";
import * as events from "../../../src/wire/gen/containerd/events.ts";
import type { MessageType } from "../../../src/wire/message.ts";

const exit = { status: 137, exitedAt: 1_700_000_000_123 };
const exited_at = { seconds: 1_700_000_000n, nanos: 123_000_000 };
const stdio = { stdin: "/i", stdout: "/o", stderr: "/e", terminal: false };
const mount = { type: "overlay", source: "overlay", target: "", options: ["lowerdir=/a"] };

interface Case {
  readonly event: PodEvent;
  readonly topic: string;
  readonly type: MessageType<unknown>;
  readonly message: object;
}

const cases: readonly Case[] = [
  {
    event: { kind: "create", containerId: "c", bundle: "/b", stdio, rootfs: [mount], pid: 7 },
    topic: "/tasks/create",
    type: events.TaskCreate,
    message: { container_id: "c", bundle: "/b", rootfs: [mount], io: stdio, checkpoint: "", pid: 7 },
  },
  {
    event: { kind: "start", containerId: "c", pid: 7 },
    topic: "/tasks/start",
    type: events.TaskStart,
    message: { container_id: "c", pid: 7 },
  },
  {
    event: { kind: "exec-added", containerId: "c", execId: "e" },
    topic: "/tasks/exec-added",
    type: events.TaskExecAdded,
    message: { container_id: "c", exec_id: "e" },
  },
  {
    event: { kind: "exec-started", containerId: "c", execId: "e", pid: 7 },
    topic: "/tasks/exec-started",
    type: events.TaskExecStarted,
    message: { container_id: "c", exec_id: "e", pid: 7 },
  },
  {
    event: { kind: "exit", containerId: "c", execId: "", pid: 7, exit },
    topic: "/tasks/exit",
    type: events.TaskExit,
    message: { container_id: "c", id: "c", pid: 7, exit_status: 137, exited_at },
  },
  {
    event: { kind: "exit", containerId: "c", execId: "e", pid: 7, exit },
    topic: "/tasks/exit",
    type: events.TaskExit,
    message: { container_id: "c", id: "e", pid: 7, exit_status: 137, exited_at },
  },
  {
    event: { kind: "delete", containerId: "c", execId: "", pid: 7, exit },
    topic: "/tasks/delete",
    type: events.TaskDelete,
    message: { container_id: "c", pid: 7, exit_status: 137, exited_at, id: "" },
  },
  {
    event: { kind: "delete", containerId: "c", execId: "e", pid: 7, exit },
    topic: "/tasks/delete",
    type: events.TaskDelete,
    message: { container_id: "c", pid: 7, exit_status: 137, exited_at, id: "e" },
  },
  {
    event: { kind: "oom", containerId: "c" },
    topic: "/tasks/oom",
    type: events.TaskOOM,
    message: { container_id: "c" },
  },
  {
    event: { kind: "paused", containerId: "c" },
    topic: "/tasks/paused",
    type: events.TaskPaused,
    message: { container_id: "c" },
  },
  {
    event: { kind: "resumed", containerId: "c" },
    topic: "/tasks/resumed",
    type: events.TaskResumed,
    message: { container_id: "c" },
  },
];

describe("an event for containerd", () => {
  for (const { event, topic, type, message } of cases) {
    const exec = "execId" in event && event.execId !== "" ? " of an exec" : "";
    it(`${event.kind}${exec} is ${type.typeName} under ${topic}, its type URL without a prefix`, () => {
      const rendered = renderEvent(event);
      assert.equal(rendered.topic, topic);
      assert.equal(rendered.typeUrl, type.typeName);
      assert.match(rendered.typeUrl, /^containerd\.events\.Task[A-Za-z]+$/);
      assert.deepEqual(type.decode(rendered.value), message);
    });
  }

  it("keeps milliseconds, also of times before and after the epoch's second", () => {
    assert.deepEqual(timestamp(1_001), { seconds: 1n, nanos: 1_000_000 });
    assert.deepEqual(timestamp(0), { seconds: 0n, nanos: 0 });
    assert.deepEqual(timestamp(-1), { seconds: -1n, nanos: 999_000_000 });
  });
});

// The control service's long answers: the guest's console and the pod's happenings, each what is kept
// and then, when asked for, what comes. A reader that does not keep up loses its connection, not the
// daemon's memory.
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import type { ConsoleChunk, ConsoleRequest, Event, EventsRequest } from "../wire/gen/control.ts";
import type { PodHappening } from "./control-events.ts";
import type { ControlledPod } from "./controlled-pod.ts";

const maxBacklogBytes = 1024 * 1024;

export function streamConsole(
  call: ServerWritableStream<ConsoleRequest, Partial<ConsoleChunk>>,
  { host, pod }: ControlledPod,
): void {
  const guestConsole = host.launched?.vm.console;
  if (call.request.pod_id !== pod.id || guestConsole === undefined) {
    refuse(call, `pod ${call.request.pod_id} has no running VM here`);
    return;
  }
  const kept = guestConsole.text();
  if (kept !== "") call.write({ data: Buffer.from(kept) });
  if (call.request.follow) follow(call, (send) => guestConsole.listen((bytes) => send({ data: Buffer.from(bytes) })));
  else call.end();
}

export function streamEvents(
  call: ServerWritableStream<EventsRequest, Partial<Event>>,
  { host, pod }: ControlledPod,
): void {
  if (call.request.pod_id !== pod.id) {
    refuse(call, `pod ${call.request.pod_id} is not here`);
    return;
  }
  for (const happening of host.events.kept) call.write(toEvent(happening));
  if (call.request.follow) follow(call, (send) => host.events.listen((happening) => send(toEvent(happening))));
  else call.end();
}

function toEvent({ unixMs, area, name, data }: PodHappening): Partial<Event> {
  return { unix_ms: BigInt(unixMs), area, name, data_json: Buffer.from(JSON.stringify(data)) };
}

function follow<T>(call: ServerWritableStream<unknown, T>, listen: (send: (message: T) => void) => () => void): void {
  const forget = listen((message) => {
    if (call.writableLength > maxBacklogBytes) call.destroy();
    else call.write(message);
  });
  call.once("close", forget);
  call.once("cancelled", forget);
}

function refuse(call: ServerWritableStream<unknown, unknown>, details: string): void {
  call.destroy(Object.assign(new Error(details), { code: status.NOT_FOUND, details }));
}

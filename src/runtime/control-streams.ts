// The control service's long answers: the guest's console and the pod's happenings, each what is kept
// and then, when asked for, what comes. A reader that does not keep up loses its connection, not the
// daemon's memory.
import type { ServerWritableStream } from "@grpc/grpc-js";
import { NotFound } from "../lib/errors.ts";
import type { ConsoleChunk, ConsoleRequest, Event, EventsRequest } from "../wire/gen/control.ts";
import { boundedSender, failCall } from "./control-calls.ts";
import type { PodHappening } from "./control-events.ts";
import type { ControlledPod } from "./controlled-pod.ts";

export function streamConsole(
  call: ServerWritableStream<ConsoleRequest, Partial<ConsoleChunk>>,
  { host, pod }: ControlledPod,
): void {
  const guestConsole = host.launched?.vm.console;
  if (call.request.pod_id !== pod.id || guestConsole === undefined) {
    failCall(call, new NotFound("running VM of pod", call.request.pod_id));
    return;
  }
  const kept = guestConsole.text();
  if (kept !== "") call.write({ data: Buffer.from(kept) });
  if (call.request.follow)
    follow(call, (send) => guestConsole.listen((bytes) => send({ data: Buffer.from(bytes) }, bytes.length)));
  else call.end();
}

export function streamEvents(
  call: ServerWritableStream<EventsRequest, Partial<Event>>,
  { host, pod }: ControlledPod,
): void {
  if (call.request.pod_id !== pod.id) {
    failCall(call, new NotFound("pod", call.request.pod_id));
    return;
  }
  for (const happening of host.events.kept) call.write(toEvent(happening));
  if (call.request.follow) follow(call, (send) => host.events.listen((happening) => sendEvent(send, happening)));
  else call.end();
}

function sendEvent(send: Send<Partial<Event>>, happening: PodHappening): void {
  const event = toEvent(happening);
  send(event, event.data_json.length);
}

function toEvent({ unixMs, area, name, data }: PodHappening) {
  return { unix_ms: BigInt(unixMs), area, name, data_json: Buffer.from(JSON.stringify(data)) };
}

type Send<T> = (message: T, sizeBytes: number) => void;

function follow<T>(call: ServerWritableStream<unknown, T>, listen: (send: Send<T>) => () => void): void {
  const forget = listen(boundedSender(call));
  // a call that fails here is finished, not closed
  for (const end of ["close", "finish", "cancelled"]) call.once(end, forget);
}

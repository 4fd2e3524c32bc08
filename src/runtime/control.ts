// The control service: gRPC over a connection that control-socket.ts accepted. For root only; a
// request names the pod it means, and another pod's name is refused.
import type { Socket } from "node:net";
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { InvalidRequest, NotFound, WrongState } from "../lib/errors.ts";
import {
  type AttachInput,
  type AttachOutput,
  type ConsoleChunk,
  type ConsoleRequest,
  Control,
  type Event,
  type EventsRequest,
  type ExecInput,
  type ExecOutput,
} from "../wire/gen/control.ts";
import { grpcDefinition } from "../wire/grpc.ts";
import { messageToJson } from "../wire/json.ts";
import type { RequestOf, ResponseInit } from "../wire/service.ts";
import { attachToPod } from "./control-attach.ts";
import { toGrpc } from "./control-calls.ts";
import { execInPod } from "./control-exec.ts";
import { inspectPod } from "./control-inspect.ts";
import { streamConsole, streamEvents } from "./control-streams.ts";
import type { ControlledPod } from "./controlled-pod.ts";
import type { Launched } from "./launch-pod.ts";

type Methods = (typeof Control)["methods"];
type UnaryName = "Inspect" | "Stop" | "Qmp" | "Agent";
type Unary = { [N in UnaryName]: (request: RequestOf<Methods[N]>) => Promise<ResponseInit<Methods[N]>> };

const servers = new WeakMap<ControlledPod, Server>();

/** Serves one accepted connection; the gRPC server is made with a pod's first. */
export function acceptControl(socket: Socket, controlled: ControlledPod): void {
  const server = servers.get(controlled) ?? makeServer(controlled);
  servers.set(controlled, server);
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
}

function makeServer(controlled: ControlledPod): Server {
  const server = new Server();
  const methods = unaryMethods(controlled);
  const handlers = Object.entries(methods).map(([name, handle]) => [name, unary(handle as never)]);
  server.addService(grpcDefinition(Control), {
    ...Object.fromEntries(handlers),
    Console: (call: ServerWritableStream<ConsoleRequest, ConsoleChunk>) => streamConsole(call, controlled),
    Events: (call: ServerWritableStream<EventsRequest, Event>) => streamEvents(call, controlled),
    Exec: (call: ServerDuplexStream<ExecInput, ExecOutput>) => execInPod(call, controlled.pod),
    Attach: (call: ServerDuplexStream<AttachInput, AttachOutput>) => attachToPod(call, controlled.pod),
  });
  return server;
}

function unary<Req, Res>(handle: (request: Req) => Promise<Res>) {
  return (call: ServerUnaryCall<Req, Res>, callback: sendUnaryData<Res>): void => {
    handle(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toGrpc(error)),
    );
  };
}

function unaryMethods(controlled: ControlledPod): Unary {
  const { pod, host } = controlled;
  const mine = (podId: string): void => {
    if (podId !== pod.id) throw new NotFound("pod", podId);
  };
  const launched = (): Launched => {
    if (host.launched === null) throw new WrongState(`pod ${pod.id}`, pod.lifecycle.state, "reach its VM");
    return host.launched;
  };
  return {
    Inspect: async ({ pod_id }) => {
      mine(pod_id);
      return { state_json: Buffer.from(JSON.stringify(inspectPod(controlled))) };
    },
    Stop: async ({ pod_id }) => {
      mine(pod_id);
      await pod.end();
      return {};
    },
    Qmp: async ({ pod_id, command, arguments_json }) => {
      mine(pod_id);
      const answer = await launched().vm.qmp.executeRaw(command, parseObject("arguments", arguments_json), {
        timeoutMs: 10_000,
      });
      return { return_json: Buffer.from(JSON.stringify(answer ?? null)) };
    },
    Agent: async ({ pod_id, method, request_json }) => {
      mine(pod_id);
      const rpc = launched().agent.rpc as Readonly<
        Record<string, (request: object, limits: object) => Promise<unknown>>
      >;
      const call = Object.hasOwn(rpc, method) ? rpc[method] : undefined;
      if (call === undefined) throw new InvalidRequest("method", `the agent has no ${JSON.stringify(method)}`);
      const answer = await call(parseObject("request", request_json), { timeoutMs: 25_000 });
      return { response_json: Buffer.from(messageToJson(answer)) };
    },
  };
}

function parseObject(field: string, bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length === 0) return {};
  const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidRequest(field, "must be a JSON object");
  }
  return value as Record<string, unknown>;
}

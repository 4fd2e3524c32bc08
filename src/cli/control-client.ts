// The tool's side of a pod's control service: gRPC on the daemon's root-only Unix socket.
import {
  type Client,
  type ClientDuplexStream,
  credentials,
  status as grpcStatus,
  makeClientConstructor,
} from "@grpc/grpc-js";
import { ConnectionLost, RemoteError } from "../lib/errors.ts";
import { Control } from "../wire/gen/control.ts";
import { grpcDefinition } from "../wire/grpc.ts";
import type { RequestInit, ResponseOf } from "../wire/service.ts";

type Methods = (typeof Control)["methods"];
type UnaryName = { [Name in keyof Methods]: Methods[Name]["kind"] extends "unary" ? Name : never }[keyof Methods];
type StreamName = { [N in keyof Methods]: Methods[N]["kind"] extends "serverStreaming" ? N : never }[keyof Methods];
type DuplexName = { [N in keyof Methods]: Methods[N]["kind"] extends "bidiStreaming" ? N : never }[keyof Methods];

export interface DuplexCall<Out, In> extends AsyncIterable<In> {
  /** false: wait for `drained` before the next */
  write(message: Out): boolean;
  drained(): Promise<void>;
  end(): void;
  cancel(): void;
}

const definition = grpcDefinition(Control);
const callLimitMs = 30_000;

export class ControlClient implements Disposable {
  readonly #client: Client;

  constructor(socketPath: string) {
    const ControlStub = makeClientConstructor(definition, Control.name);
    this.#client = new ControlStub(`unix:${socketPath}`, credentials.createInsecure());
  }

  call<Name extends UnaryName>(name: Name, request: RequestInit<Methods[Name]>): Promise<ResponseOf<Methods[Name]>> {
    const method = definition[name];
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize as (bytes: Buffer) => ResponseOf<Methods[Name]>,
        request,
        { deadline: Date.now() + callLimitMs },
        (error, response) =>
          error === null && response !== undefined ? resolve(response) : reject(fromGrpc(name, error)),
      );
    });
  }

  stream<Name extends StreamName>(
    name: Name,
    request: RequestInit<Methods[Name]>,
  ): AsyncIterable<ResponseOf<Methods[Name]>> {
    const method = definition[name];
    const deserialize = method.responseDeserialize as (bytes: Buffer) => ResponseOf<Methods[Name]>;
    const call = this.#client.makeServerStreamRequest(method.path, method.requestSerialize, deserialize, request);
    return messagesOf(name, call);
  }

  converse<Name extends DuplexName>(name: Name): DuplexCall<RequestInit<Methods[Name]>, ResponseOf<Methods[Name]>> {
    const { path, requestSerialize, responseDeserialize } = definition[name];
    const deserialize = responseDeserialize as (bytes: Buffer) => ResponseOf<Methods[Name]>;
    return duplexOf(name, this.#client.makeBidiStreamRequest(path, requestSerialize, deserialize));
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function duplexOf<Out, In>(name: string, call: ClientDuplexStream<Out, In>): DuplexCall<Out, In> {
  // an error is told by the reading side
  call.on("error", () => undefined);
  return {
    // after the end, what is still to be said has nobody to hear it
    write: (message) => call.destroyed || call.writableEnded || call.write(message),
    drained: () =>
      new Promise((resolve) => {
        call.once("drain", resolve);
        call.once("close", resolve);
      }),
    end: () => call.end(),
    cancel: () => call.cancel(),
    [Symbol.asyncIterator]: () => messagesOf(name, call)[Symbol.asyncIterator](),
  };
}

async function* messagesOf<T>(name: string, call: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  try {
    yield* call;
  } catch (error) {
    throw fromGrpc(name, error as { code?: number; details?: string; message?: string });
  }
}

/** The daemon's own words; UNAVAILABLE is never its answer, but grpc-js's for want of one. */
function fromGrpc(operation: string, error: { code?: number; details?: string; message?: string } | null): Error {
  const details = error?.details ?? error?.message ?? "no answer";
  if (error?.code === grpcStatus.UNAVAILABLE) return new ConnectionLost("the pod's daemon", details);
  return new RemoteError(operation, error?.code ?? grpcStatus.UNKNOWN, details);
}

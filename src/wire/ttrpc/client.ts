// ttrpc client over a stream it is given. Ids are odd and rise in write order, which Go servers insist on; both
// happen in one synchronous step. ttrpc cannot cancel: an abandoned call goes on at the peer, and its late answer
// is dropped here.
import type { Duplex } from "node:stream";
import { abortReason, withDeadline } from "../../lib/deadline.ts";
import { type ConnectionLost, errorText, InvalidRequest, ProtocolViolation, RemoteError } from "../../lib/errors.ts";
import { Request, Response } from "../gen/ttrpc.ts";
import type { MethodDescriptor, RequestInit, ResponseOf, ServiceDescriptor } from "../service.ts";
import { type ClientStream, OpenStream, type StreamMethods } from "./client-stream.ts";
import { FrameConnection } from "./connection.ts";
import { Flag, type Frame, MAX_PAYLOAD_BYTES, MessageKind } from "./frame.ts";
import { StatusCode } from "./status.ts";

export interface CallOptions {
  /** told to the peer as timeout_nano and enforced here */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
}

type ClientMethod<Method extends MethodDescriptor> = Method["kind"] extends "unary"
  ? (request: RequestInit<Method>, options?: CallOptions) => Promise<ResponseOf<Method>>
  : Method["kind"] extends "serverStreaming"
    ? (request: RequestInit<Method>, options?: CallOptions) => AsyncIterable<ResponseOf<Method>>
    : (options?: CallOptions) => ClientStream<Method>;

/** One function per method of the service. */
export type ServiceClient<Service extends ServiceDescriptor> = {
  readonly [Name in keyof Service["methods"]]: ClientMethod<Service["methods"][Name]>;
};

interface Pending {
  onFrame(frame: Frame, response: Response | undefined): void;
  onLost(cause: Error): void;
}

interface Target {
  /** what errors call the operation */
  readonly operation: string;
  readonly service: string;
  readonly name: string;
  readonly method: MethodDescriptor;
}

export class TtrpcClient implements AsyncDisposable {
  readonly #connection: FrameConnection;
  readonly #peer: string;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  /** `peer` names the other side in errors, as in "guest agent". */
  constructor(duplex: Duplex, options: { readonly peer: string }) {
    this.#peer = options.peer;
    this.#connection = new FrameConnection(duplex, options.peer, {
      onFrame: (frame) => this.#receive(frame),
      onClose: (cause) => this.#abandonAll(cause),
    });
  }

  /** Resolves, never rejects, with what ended the connection. */
  get closed(): Promise<ConnectionLost> {
    return this.#connection.closed;
  }

  /** Calls in flight, for diagnostics. */
  get pendingCalls(): number {
    return this.#pending.size;
  }

  service<Service extends ServiceDescriptor>(service: Service): ServiceClient<Service> {
    const methods = Object.entries(service.methods).map(([name, method]) => {
      const target = { operation: `${this.#peer} ${name}`, service: service.name, name, method };
      return [name, this.#methodOf(target)];
    });
    return Object.fromEntries(methods) as ServiceClient<Service>;
  }

  close(): void {
    this.#connection.destroy("it was closed on this side");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  #methodOf(target: Target): unknown {
    switch (target.method.kind) {
      case "unary":
        return (request: unknown, options: CallOptions = {}) => this.#unary(target, request, options);
      case "serverStreaming":
        return (request: unknown, options: CallOptions = {}) => {
          const stream = this.#openStream(target, options);
          stream.begin(target.method.request.encode(request));
          return stream;
        };
      case "clientStreaming":
      case "bidiStreaming":
        return (options: CallOptions = {}) => {
          const stream = this.#openStream(target, options);
          stream.begin(undefined);
          return stream;
        };
    }
  }

  async #unary(target: Target, request: unknown, options: CallOptions): Promise<unknown> {
    const { operation } = target;
    if (options.signal?.aborted) throw abortReason(options.signal, operation);
    const payload = target.method.request.encode(request);
    const call = { id: 0, isAbandoned: false };
    try {
      return await withDeadline(this.#exchange(target, { payload, options, call }), {
        operation,
        signal: options.signal,
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      });
    } finally {
      call.isAbandoned = true;
      this.#pending.delete(call.id);
    }
  }

  async #exchange(
    target: Target,
    work: { payload: Uint8Array; options: CallOptions; call: { id: number; isAbandoned: boolean } },
  ): Promise<unknown> {
    while (this.#connection.isCongested) await this.#connection.drained();
    if (work.call.isAbandoned) return undefined;
    return await new Promise((resolve, reject) => {
      const pending: Pending = {
        onLost: reject,
        onFrame: (_frame, response) => {
          try {
            if (response === undefined)
              throw new ProtocolViolation("ttrpc", `${target.operation}: data on a unary call`);
            resolve(decodeAnswer(target, response));
          } catch (error) {
            reject(error);
          }
        },
      };
      work.call.id = this.#start(target, { pending, flags: 0, ...work });
    });
  }

  /** Allocates the id and writes the request in one step; returns the id. */
  #start(target: Target, call: { payload: Uint8Array; options: CallOptions; pending: Pending; flags: number }): number {
    const { timeoutMs = 0, metadata = {} } = call.options;
    const request = Request.encode({
      service: target.service,
      method: target.name,
      payload: call.payload,
      timeout_nano: BigInt(Math.round(timeoutMs * 1e6)),
      metadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    });
    if (request.length > MAX_PAYLOAD_BYTES)
      throw new InvalidRequest(target.operation, `a request of ${request.length} bytes exceeds ttrpc's 4 MiB`);
    const id = this.#nextId;
    this.#connection.send({ streamId: id, kind: MessageKind.request, flags: call.flags }, request);
    this.#nextId += 2;
    this.#pending.set(id, call.pending);
    return id;
  }

  #openStream(target: Target, options: CallOptions): OpenStream {
    const methods: StreamMethods = {
      connection: this.#connection,
      start: (stream, payload) =>
        this.#start(target, {
          pending: stream,
          payload: payload ?? new Uint8Array(0),
          options,
          flags: target.method.kind === "serverStreaming" ? Flag.remoteClosed : Flag.remoteOpen,
        }),
      forget: (id) => void this.#pending.delete(id),
      decodeAnswer: (response) => decodeAnswer(target, response),
    };
    return new OpenStream(target, options, methods);
  }

  #receive(frame: Frame): void {
    const pending = this.#pending.get(frame.streamId);
    if (pending === undefined) return;
    if (frame.kind !== MessageKind.response && frame.kind !== MessageKind.data) return;
    if (frame.kind === MessageKind.response) this.#pending.delete(frame.streamId);
    if (frame.oversizedBytes !== undefined) {
      this.#pending.delete(frame.streamId);
      const text = `an answer of ${frame.oversizedBytes} bytes exceeds ttrpc's 4 MiB`;
      pending.onLost(new RemoteError(this.#peer, StatusCode.resourceExhausted, text));
      return;
    }
    try {
      pending.onFrame(frame, frame.kind === MessageKind.response ? Response.decode(frame.payload) : undefined);
    } catch (error) {
      this.#pending.delete(frame.streamId);
      pending.onLost(
        new ProtocolViolation("ttrpc", `undecodable answer: ${errorText(error)}`, { bytes: frame.payload }),
      );
    }
  }

  #abandonAll(cause: Error): void {
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of waiting) pending.onLost(cause);
  }
}

/** The decoded message of a successful Response; throws RemoteError for any other status. */
function decodeAnswer(target: Target, response: Response): unknown {
  const status = response.status;
  if (status !== undefined && status.code !== StatusCode.ok)
    throw new RemoteError(target.operation, status.code, status.message);
  try {
    return target.method.response.decode(response.payload);
  } catch (error) {
    throw new ProtocolViolation("ttrpc", `${target.operation}: undecodable answer: ${errorText(error)}`, {
      bytes: response.payload,
    });
  }
}

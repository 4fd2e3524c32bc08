// One call on the server: its context, its incoming stream if it has one, and the race of its handler against the
// deadline that came with it. A handler that loses goes on, but its result is dropped.
import { DeadlineExceeded, errorText, InvalidRequest } from "../../lib/errors.ts";
import type { Request } from "../gen/ttrpc.ts";
import type { MethodDescriptor, RequestOf, ResponseInit, ServiceDescriptor } from "../service.ts";
import type { FrameConnection } from "./connection.ts";
import { Flag, type Frame, MAX_PAYLOAD_BYTES } from "./frame.ts";
import { ReceiveQueue } from "./receive-queue.ts";
import { type CallStatus, StatusCode } from "./status.ts";

export interface CallContext {
  readonly service: string;
  readonly method: string;
  /** aborts when the deadline passes or the connection ends */
  readonly signal: AbortSignal;
  /** epoch milliseconds, from timeout_nano */
  readonly deadlineMs: number | undefined;
  /** keys are lower case; a repeated key keeps its last value */
  readonly metadata: ReadonlyMap<string, string>;
}

type Awaitable<T> = T | Promise<T>;

type Handler<Method extends MethodDescriptor> = Method["kind"] extends "unary"
  ? (request: RequestOf<Method>, call: CallContext) => Awaitable<ResponseInit<Method>>
  : Method["kind"] extends "serverStreaming"
    ? (request: RequestOf<Method>, call: CallContext) => AsyncIterable<ResponseInit<Method>>
    : Method["kind"] extends "clientStreaming"
      ? (requests: AsyncIterable<RequestOf<Method>>, call: CallContext) => Awaitable<ResponseInit<Method>>
      : (requests: AsyncIterable<RequestOf<Method>>, call: CallContext) => AsyncIterable<ResponseInit<Method>>;

/** One handler per method of the service. */
export type ServiceImpl<Service extends ServiceDescriptor> = {
  readonly [Name in keyof Service["methods"]]: Handler<Service["methods"][Name]>;
};

type AnyHandler = (request: never, call: CallContext) => unknown;

export interface BoundService {
  readonly descriptor: ServiceDescriptor;
  handler(method: string): AnyHandler | undefined;
}

/** Joins a descriptor and handlers; methods left out are answered with UNIMPLEMENTED. */
export function bindService<Service extends ServiceDescriptor>(
  descriptor: Service,
  handlers: Partial<ServiceImpl<Service>>,
): BoundService {
  const table = handlers as Readonly<Record<string, AnyHandler | undefined>>;
  return {
    descriptor,
    handler: (method) => (Object.hasOwn(descriptor.methods, method) ? table[method]?.bind(handlers) : undefined),
  };
}

/** What a call needs from its connection. */
export interface Replies {
  readonly connection: FrameConnection;
  /** sends the final answer; later calls do nothing */
  finish(call: ServerCall, outcome: CallStatus | { readonly error: unknown }, payload?: Uint8Array): void;
  /** false once the call is over */
  item(call: ServerCall, payload: Uint8Array): boolean;
}

interface Work {
  readonly request: Request;
  readonly descriptor: MethodDescriptor;
  readonly handler: AnyHandler;
}

/** Longest delay that setTimeout keeps; longer ones would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const succeeded: CallStatus = { code: StatusCode.ok, message: "" };

export class ServerCall {
  readonly streamId: number;
  readonly context: CallContext;
  onFinish: ((status: CallStatus) => void) | undefined;
  readonly #work: Work;
  readonly #replies: Replies;
  readonly #abort = new AbortController();
  readonly #incoming: ReceiveQueue<unknown> | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(streamId: number, work: Work, replies: Replies) {
    this.streamId = streamId;
    this.#work = work;
    this.#replies = replies;
    const { request, descriptor } = work;
    const timeoutMs = Number(request.timeout_nano) / 1e6;
    this.context = {
      service: request.service,
      method: request.method,
      signal: this.#abort.signal,
      deadlineMs: timeoutMs > 0 ? Date.now() + timeoutMs : undefined,
      metadata: new Map(request.metadata.map(({ key, value }) => [key.toLowerCase(), value])),
    };
    if (descriptor.kind === "clientStreaming" || descriptor.kind === "bidiStreaming")
      this.#incoming = new ReceiveQueue(replies.connection);
    if (timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS) this.#timer = setTimeout(() => this.#expire(timeoutMs), timeoutMs);
  }

  get answersWithStream(): boolean {
    return this.#work.descriptor.kind === "serverStreaming" || this.#work.descriptor.kind === "bidiStreaming";
  }

  run(flags: number): void {
    void this.#run(flags).then(
      (payload) => this.#finish(succeeded, payload),
      (error: unknown) => this.#finish({ error }),
    );
  }

  receive(frame: Frame): void {
    if (this.#incoming === undefined || this.#incoming.isEnded) {
      this.fail({ code: StatusCode.invalidArgument, message: "the stream takes no more data" });
      return;
    }
    if ((frame.flags & Flag.noData) === 0) this.#push(frame.payload);
    if ((frame.flags & Flag.remoteClosed) !== 0) this.#incoming.end();
  }

  /** Answers with `status` in place of the handler. */
  fail(status: CallStatus): void {
    this.#finish(status);
    this.abort(new InvalidRequest(this.context.method, status.message));
  }

  /** Stops the handler without an answer. */
  abort(cause: Error): void {
    clearTimeout(this.#timer);
    this.#incoming?.end(cause);
    this.#abort.abort(cause);
  }

  async #run(flags: number): Promise<Uint8Array | undefined> {
    const { descriptor, handler } = this.#work;
    const result = handler(this.#argument(flags) as never, this.context);
    if (!this.answersWithStream) return descriptor.response.encode(await result);
    for await (const item of result as AsyncIterable<unknown>) {
      if (!this.#sendItem(descriptor.response.encode(item))) break;
      await this.#replies.connection.drained();
    }
    return undefined;
  }

  #argument(flags: number): unknown {
    const { payload } = this.#work.request;
    if (this.#incoming === undefined) return this.#decode(payload);
    // A first message may ride in the request itself (Go); flag `no data` says that it does not (Rust).
    if (payload.length > 0 && (flags & Flag.noData) === 0) this.#push(payload);
    if ((flags & Flag.remoteClosed) !== 0) this.#incoming.end();
    return this.#incoming;
  }

  #push(payload: Uint8Array): void {
    try {
      this.#incoming?.push(this.#decode(payload), payload.length);
    } catch (error) {
      this.fail({ code: StatusCode.invalidArgument, message: errorText(error) });
    }
  }

  #decode(payload: Uint8Array): unknown {
    try {
      return this.#work.descriptor.request.decode(payload);
    } catch (error) {
      throw new InvalidRequest(this.context.method, `undecodable message: ${errorText(error)}`, { cause: error });
    }
  }

  #sendItem(payload: Uint8Array): boolean {
    if (payload.length > MAX_PAYLOAD_BYTES) {
      const message = `an item of ${payload.length} bytes exceeds the maximum of ${MAX_PAYLOAD_BYTES}`;
      this.fail({ code: StatusCode.resourceExhausted, message });
      return false;
    }
    return this.#replies.item(this, payload);
  }

  #expire(timeoutMs: number): void {
    const error = new DeadlineExceeded(this.context.method, Math.round(timeoutMs));
    this.#finish({ code: StatusCode.deadlineExceeded, message: error.message });
    this.abort(error);
  }

  #finish(outcome: CallStatus | { readonly error: unknown }, payload?: Uint8Array): void {
    clearTimeout(this.#timer);
    this.#replies.finish(this, outcome, payload);
    this.#incoming?.discard();
  }
}

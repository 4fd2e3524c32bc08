// The client's side of one streaming call. A Go server ends a server stream with Data(remote closed | no data), a
// Rust one with a Response; both end the iteration. An item in the closing frame is legal and is delivered.
import { abortReason } from "../../lib/deadline.ts";
import { DeadlineExceeded, errorText, ProtocolViolation, WrongState } from "../../lib/errors.ts";
import type { Response } from "../gen/ttrpc.ts";
import type { MethodDescriptor, RequestInit, ResponseOf } from "../service.ts";
import type { FrameConnection } from "./connection.ts";
import { Flag, type Frame, MessageKind } from "./frame.ts";
import { ReceiveQueue } from "./receive-queue.ts";

/** A call whose requests are a stream. */
export interface ClientStream<Method extends MethodDescriptor> extends AsyncIterable<ResponseOf<Method>> {
  /** resolves when writing more makes sense */
  send(message: RequestInit<Method>): Promise<void>;
  /** no more requests; idempotent */
  closeSend(): void;
  /** ends the requests and resolves with the only response of a client-streaming method */
  finish(): Promise<ResponseOf<Method>>;
}

export interface StreamMethods {
  readonly connection: FrameConnection;
  start(stream: OpenStream, payload: Uint8Array | undefined): number;
  forget(id: number): void;
  decodeAnswer(response: Response): unknown;
}

export class OpenStream implements AsyncIterable<unknown> {
  readonly #target: { readonly operation: string; readonly method: MethodDescriptor };
  readonly #methods: StreamMethods;
  readonly #received: ReceiveQueue<unknown>;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #id = 0;
  #isSendClosed = false;

  constructor(
    target: { readonly operation: string; readonly method: MethodDescriptor },
    limits: { readonly timeoutMs?: number; readonly signal?: AbortSignal | undefined },
    methods: StreamMethods,
  ) {
    this.#target = target;
    this.#methods = methods;
    this.#received = new ReceiveQueue(methods.connection);
    this.#signal = limits.signal;
    const { timeoutMs } = limits;
    if (timeoutMs !== undefined)
      this.#timer = setTimeout(() => this.onLost(new DeadlineExceeded(target.operation, timeoutMs)), timeoutMs);
    this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Writes the request, the only one if there is a `payload`. A failure comes out where answers are awaited. */
  begin(payload: Uint8Array | undefined): void {
    try {
      if (this.#signal?.aborted) throw abortReason(this.#signal, this.#target.operation);
      this.#id = this.#methods.start(this, payload);
      this.#isSendClosed = payload !== undefined;
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(errorText(error)));
    }
  }

  async send(message: unknown): Promise<void> {
    if (this.#isSendClosed) throw new WrongState(this.#target.operation, "closed for sending", "send");
    if (this.#received.isEnded)
      throw this.#received.error ?? new WrongState(this.#target.operation, "ended by the peer", "send");
    const payload = this.#target.method.request.encode(message);
    this.#methods.connection.send({ streamId: this.#id, kind: MessageKind.data, flags: 0 }, payload);
    await this.#methods.connection.drained();
  }

  closeSend(): void {
    if (this.#isSendClosed) return;
    this.#isSendClosed = true;
    if (this.#received.isEnded) return;
    const head = { streamId: this.#id, kind: MessageKind.data, flags: Flag.remoteClosed | Flag.noData };
    this.#methods.connection.send(head, new Uint8Array(0));
  }

  async finish(): Promise<unknown> {
    this.closeSend();
    for await (const response of this.#received) return response;
    throw new ProtocolViolation("ttrpc", `${this.#target.operation}: the stream ended without a response`);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, void> {
    try {
      yield* this.#received;
    } finally {
      this.#end();
    }
  }

  onFrame(frame: Frame, response: Response | undefined): void {
    if (response !== undefined) this.#onResponse(response);
    else this.#onData(frame);
  }

  onLost(cause: Error): void {
    this.#end(cause);
  }

  #onResponse(response: Response): void {
    try {
      const answer = this.#methods.decodeAnswer(response);
      if (this.#target.method.kind === "clientStreaming") this.#received.push(answer, response.payload.length);
      this.#end();
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(errorText(error)));
    }
  }

  #onData(frame: Frame): void {
    if ((frame.flags & Flag.noData) === 0)
      this.#received.push(this.#target.method.response.decode(frame.payload), frame.payload.length);
    if ((frame.flags & Flag.remoteClosed) !== 0) this.#end();
  }

  readonly #onAbort = () => {
    if (this.#signal !== undefined) this.#end(abortReason(this.#signal, this.#target.operation));
  };

  #end(error?: Error): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#methods.forget(this.#id);
    this.#received.end(error);
  }
}

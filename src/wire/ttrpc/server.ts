// ttrpc server for one connection. Calls run concurrently and are answered in the order they finish; every request
// gets exactly one final answer, also when its handler throws, outlives its deadline or returns too much. The end of
// the connection aborts its own calls only.
import type { Duplex } from "node:stream";
import type { ConnectionLost } from "../../lib/errors.ts";
import { errorText } from "../../lib/errors.ts";
import { Request, Response } from "../gen/ttrpc.ts";
import { FrameConnection } from "./connection.ts";
import { Flag, type Frame, MAX_PAYLOAD_BYTES, MessageKind } from "./frame.ts";
import { type BoundService, type CallContext, type Replies, ServerCall } from "./server-call.ts";
import { type CallStatus, StatusCode } from "./status.ts";

export interface ServeOptions {
  /** names the other side in errors, as in "containerd" */
  readonly peer: string;
  /** turns whatever a handler threw into the status its caller sees */
  readonly toStatus: (error: unknown, call: CallContext) => CallStatus;
  /** called at the start of each call; what it returns is called with the outcome */
  readonly onCall?: (call: CallContext) => ((status: CallStatus) => void) | undefined;
}

/** A served connection. Disposing it lets queued answers leave, then closes it. */
export class ServerConnection implements AsyncDisposable {
  readonly #options: ServeOptions;
  readonly #connection: FrameConnection;
  readonly #services: ReadonlyMap<string, BoundService>;
  readonly #calls = new Map<number, ServerCall>();
  readonly #replies: Replies;
  #lastStreamId = 0;

  constructor(duplex: Duplex, services: readonly BoundService[], options: ServeOptions) {
    this.#options = options;
    this.#services = new Map(services.map((service) => [service.descriptor.name, service]));
    this.#connection = new FrameConnection(duplex, options.peer, {
      onFrame: (frame) => this.#receive(frame),
      onClose: (cause) => {
        const calls = [...this.#calls.values()];
        this.#calls.clear();
        for (const call of calls) {
          call.onFinish?.({ code: StatusCode.cancelled, message: cause.message });
          call.abort(cause);
        }
      },
    });
    this.#replies = {
      connection: this.#connection,
      finish: (call, status, payload) => this.#finish(call, status, payload),
      item: (call, payload) => this.#sendItem(call, payload),
    };
  }

  /** Resolves, never rejects, with what ended the connection. */
  get closed(): Promise<ConnectionLost> {
    return this.#connection.closed;
  }

  /** Calls that have no final answer yet. */
  get activeCalls(): readonly CallContext[] {
    return [...this.#calls.values()].map((call) => call.context);
  }

  /** Lets what is queued leave, then closes; aborts calls still running. */
  async close(): Promise<void> {
    await this.#connection.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #receive(frame: Frame): void {
    const { streamId, kind } = frame;
    if (kind !== MessageKind.request && kind !== MessageKind.data) return;
    if (frame.oversizedBytes !== undefined) this.#refuseOversized(frame, frame.oversizedBytes);
    else if (streamId % 2 !== 1) this.#refuse(streamId, StatusCode.invalidArgument, "stream id must be odd");
    else if (kind === MessageKind.data) this.#receiveData(frame);
    else this.#receiveRequest(frame);
  }

  #receiveRequest(frame: Frame): void {
    const { streamId } = frame;
    if (streamId <= this.#lastStreamId) {
      this.#refuse(streamId, StatusCode.invalidArgument, "stream id must rise and cannot be used again");
      return;
    }
    this.#lastStreamId = streamId;
    try {
      this.#dispatch(frame, Request.decode(frame.payload));
    } catch (error) {
      this.#refuse(streamId, StatusCode.invalidArgument, `undecodable request: ${errorText(error)}`);
    }
  }

  #dispatch(frame: Frame, request: Request): void {
    const service = this.#services.get(request.service);
    const descriptor =
      service && Object.hasOwn(service.descriptor.methods, request.method)
        ? service.descriptor.methods[request.method]
        : undefined;
    const handler = service?.handler(request.method);
    if (descriptor === undefined || handler === undefined) {
      const missing =
        service === undefined ? `service ${request.service}` : `method ${request.service}/${request.method}`;
      this.#refuse(frame.streamId, StatusCode.unimplemented, `${missing} is not served here`);
      return;
    }
    const call = new ServerCall(frame.streamId, { request, descriptor, handler }, this.#replies);
    this.#calls.set(frame.streamId, call);
    call.onFinish = this.#options.onCall?.(call.context);
    call.run(frame.flags);
  }

  #receiveData(frame: Frame): void {
    const call = this.#calls.get(frame.streamId);
    if (call === undefined) this.#refuse(frame.streamId, StatusCode.invalidArgument, "stream is not open");
    else call.receive(frame);
  }

  #refuseOversized(frame: Frame, bytes: number): void {
    const text = `a message of ${bytes} bytes exceeds the maximum of ${MAX_PAYLOAD_BYTES}`;
    const call = this.#calls.get(frame.streamId);
    if (call === undefined) this.#refuse(frame.streamId, StatusCode.resourceExhausted, text);
    else call.fail({ code: StatusCode.resourceExhausted, message: text });
  }

  #refuse(streamId: number, code: number, message: string): void {
    this.#write(streamId, MessageKind.response, { flags: 0, payload: Response.encode({ status: { code, message } }) });
  }

  #finish(call: ServerCall, outcome: CallStatus | { error: unknown }, payload: Uint8Array | undefined): void {
    if (!this.#calls.delete(call.streamId)) return;
    let status = "error" in outcome ? this.#statusOf(outcome.error, call) : outcome;
    let response = encodeResponse(status, payload);
    if (response.length > MAX_PAYLOAD_BYTES) {
      const message = `the answer of ${response.length} bytes exceeds the maximum of ${MAX_PAYLOAD_BYTES}`;
      status = { code: StatusCode.resourceExhausted, message };
      response = encodeResponse(status, undefined);
    }
    call.onFinish?.(status);
    const endsInData = status.code === StatusCode.ok && call.answersWithStream;
    const flags = endsInData ? Flag.remoteClosed | Flag.noData : 0;
    this.#write(call.streamId, endsInData ? MessageKind.data : MessageKind.response, {
      flags,
      payload: endsInData ? new Uint8Array(0) : response,
    });
  }

  #sendItem(call: ServerCall, payload: Uint8Array): boolean {
    if (!this.#calls.has(call.streamId)) return false;
    this.#write(call.streamId, MessageKind.data, { flags: 0, payload });
    return true;
  }

  /** A peer that does not read its answers gets no further requests read; a closed one gets nothing. */
  #write(streamId: number, kind: number, frame: { flags: number; payload: Uint8Array }): void {
    if (this.#connection.cause !== undefined) return;
    const wasCongested = this.#connection.isCongested;
    this.#connection.send({ streamId, kind, flags: frame.flags }, frame.payload);
    if (wasCongested || !this.#connection.isCongested) return;
    this.#connection.hold();
    void this.#connection.drained().then(() => this.#connection.release());
  }

  #statusOf(error: unknown, call: ServerCall): CallStatus {
    const status = this.#options.toStatus(error, call.context);
    return status.code === StatusCode.ok ? { code: StatusCode.unknown, message: status.message } : status;
  }
}

/** Serves `services` on one connection until either side closes it. */
export function serveConnection(
  duplex: Duplex,
  services: readonly BoundService[],
  options: ServeOptions,
): ServerConnection {
  return new ServerConnection(duplex, services, options);
}

/** Success leaves the status out, as Go does; Rust takes absent and zero alike. */
function encodeResponse(status: CallStatus, payload: Uint8Array | undefined): Uint8Array {
  if (status.code === StatusCode.ok) return Response.encode(payload === undefined ? {} : { payload });
  return Response.encode({ status });
}

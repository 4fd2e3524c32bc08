// What the streaming calls of the control service share: how one fails, how its client's input is held
// back, and how much of its answer may wait for a client that does not read.
import { PassThrough } from "node:stream";
import { status } from "@grpc/grpc-js";
import { errorText, KataError } from "../lib/errors.ts";

const codes: Readonly<Record<string, number>> = {
  InvalidRequest: status.INVALID_ARGUMENT,
  NotFound: status.NOT_FOUND,
  WrongState: status.FAILED_PRECONDITION,
  Unsupported: status.UNIMPLEMENTED,
  DeadlineExceeded: status.DEADLINE_EXCEEDED,
};

/** Input that a process has not taken yet; beyond it the client is held back. */
const maxPendingInputBytes = 1024 * 1024;
/** Output that a client has not read yet; beyond it the call fails. */
const maxBacklogBytes = 1024 * 1024;

/** The little of grpc-js's writable calls that is needed here. */
interface AnswerStream<T> {
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  write(message: T, written: () => void): boolean;
  emit(event: "error", error: Error): boolean;
}

export function toGrpc(error: unknown): { code: number; details: string } {
  const code = error instanceof KataError ? codes[error.code] : undefined;
  return { code: code ?? status.UNKNOWN, details: errorText(error) };
}

type Failing = Pick<AnswerStream<never>, "emit" | "writableEnded">;

export function failCall(call: Failing, error: unknown): void {
  refuse(call, toGrpc(error));
}

/** grpc-js sends a status for an emitted error only: `destroy` leaves the client waiting. */
function refuse(call: Failing, answer: { code: number; details: string }): void {
  if (!call.writableEnded) call.emit("error", Object.assign(new Error(answer.details), answer));
}

/** Sends without waiting. A client that leaves too much unread loses its call, not the daemon its memory. */
export function boundedSender<T>(call: AnswerStream<T>): (message: T, sizeBytes: number) => void {
  let backlogBytes = 0;
  return (message, sizeBytes) => {
    if (call.destroyed || call.writableEnded) return;
    // not writableLength, which counts messages
    backlogBytes += sizeBytes;
    if (backlogBytes > maxBacklogBytes) {
      const details = `the client left more than ${maxBacklogBytes} bytes unread`;
      return refuse(call, { code: status.RESOURCE_EXHAUSTED, details });
    }
    call.write(message, () => {
      backlogBytes -= sizeBytes;
    });
  };
}

export interface HeldInput {
  readonly stream: PassThrough;
  push(bytes: Uint8Array): void;
}

/** A client's input on its way to a process. */
export function holdInput(call: { pause(): unknown; resume(): unknown }): HeldInput {
  const stream = new PassThrough({ highWaterMark: maxPendingInputBytes });
  return {
    stream,
    push: (bytes) => {
      if (stream.writableEnded || stream.destroyed || stream.write(bytes)) return;
      call.pause();
      stream.once("drain", () => call.resume());
    },
  };
}

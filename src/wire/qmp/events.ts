// Event listeners. Register, then act, then wait: a listener that starts after the command it waits for loses the
// event. Each listener has its own bounded queue and ends with the session.
import { type WaitLimits, withDeadline } from "../../lib/deadline.ts";
import { Cancelled } from "../../lib/errors.ts";
import type { QmpEventData } from "./commands.ts";

export interface QmpEvent<Name extends string = string> {
  readonly event: Name;
  readonly data: Name extends keyof QmpEventData ? QmpEventData[Name] : Readonly<Record<string, unknown>>;
  /** QEMU's clock, epoch microseconds; undefined when QEMU could not read it */
  readonly atMicros: number | undefined;
}

/** A listener as the session sees it. */
export interface EventSink {
  offer(event: QmpEvent): void;
  /** no more events; those queued can still be taken */
  end(error: Error | undefined): void;
}

/** Events kept per listener; older ones are dropped first. */
const QUEUE_LIMIT = 1024;

export class EventListener<Name extends string = string>
  implements EventSink, AsyncIterable<QmpEvent<Name>>, Disposable
{
  readonly #names: ReadonlySet<string> | undefined;
  readonly #forget: (listener: EventSink) => void;
  #queue: QmpEvent<Name>[] = [];
  #dropped = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  /** Without names it hears everything. */
  constructor(names: readonly Name[] | undefined, forget: (listener: EventSink) => void) {
    this.#names = names === undefined ? undefined : new Set(names);
    this.#forget = forget;
  }

  /** Events lost because nobody took them in time. */
  get dropped(): number {
    return this.#dropped;
  }

  offer(event: QmpEvent): void {
    if (this.#end !== undefined || (this.#names !== undefined && !this.#names.has(event.event))) return;
    this.#queue.push(event as QmpEvent<Name>);
    if (this.#queue.length > QUEUE_LIMIT) {
      this.#queue.shift();
      this.#dropped += 1;
    }
    this.#wake?.();
  }

  end(error: Error | undefined): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** The next event for which `accepts` holds; others are consumed. Loses to the session's end and to `limits`. */
  async until(accepts: (event: QmpEvent<Name>) => boolean, limits: WaitLimits): Promise<QmpEvent<Name>> {
    const stop = { isStopped: false };
    try {
      return await withDeadline(this.#take(accepts, { stop, operation: limits.operation }), limits);
    } finally {
      stop.isStopped = true;
      this.#wake?.();
    }
  }

  /** Ends without an error when the listener is closed; throws what ended the session otherwise. */
  async *[Symbol.asyncIterator](): AsyncGenerator<QmpEvent<Name>, void, void> {
    for (;;) {
      const event = this.#queue.shift();
      if (event !== undefined) yield event;
      else if (this.#end === undefined) await this.#arrival();
      else if (this.#end.error !== undefined) throw this.#end.error;
      else return;
    }
  }

  [Symbol.dispose](): void {
    this.#forget(this);
    this.#queue = [];
    this.end(undefined);
  }

  async #take(
    accepts: (event: QmpEvent<Name>) => boolean,
    wait: { readonly stop: { isStopped: boolean }; readonly operation: string },
  ): Promise<QmpEvent<Name>> {
    while (!wait.stop.isStopped) {
      const event = this.#queue.shift();
      if (event !== undefined) {
        if (accepts(event)) return event;
      } else if (this.#end === undefined) await this.#arrival();
      else throw this.#end.error ?? new Cancelled(wait.operation);
    }
    throw new Cancelled(wait.operation);
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      const previous = this.#wake;
      this.#wake = () => {
        this.#wake = undefined;
        previous?.();
        resolve();
      };
    });
  }
}

// What happened to a pod, kept in a bounded ring and heard by whoever listens: the pod's own events,
// stages of the launch, QEMU's events and the daemon's log. The daemon's memory is the limit, not time.
import type { LogFields, Logger, LogLevel } from "../lib/logger.ts";
import type { QmpSession } from "../wire/qmp/client.ts";

export interface PodHappening {
  readonly unixMs: number;
  readonly area: "pod" | "launch" | "qemu" | "log";
  readonly name: string;
  readonly data: unknown;
}

type Listener = (happening: PodHappening) => void;

const defaultLimit = 2000;

export class EventLog {
  readonly #limit: number;
  readonly #now: () => number;
  readonly #kept: PodHappening[] = [];
  readonly #listeners = new Set<Listener>();

  constructor(now: () => number, limit = defaultLimit) {
    this.#now = now;
    this.#limit = limit;
  }

  push(area: PodHappening["area"], name: string, data: unknown = {}): void {
    const happening = { unixMs: Math.round(this.#now()), area, name, data };
    this.#kept.push(happening);
    if (this.#kept.length > this.#limit) this.#kept.shift();
    for (const listener of this.#listeners) listener(happening);
  }

  /** oldest first */
  get kept(): readonly PodHappening[] {
    return [...this.#kept];
  }

  /** Hears everything from now on; the result unsubscribes. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A logger that writes where `logger` does and is heard here too. */
  hearing(logger: Logger): Logger {
    const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
      logger[level](message, fields);
      if (level !== "debug") this.push("log", level, { message, ...printable(fields) });
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => this.hearing(logger.child(fields)),
    };
  }
}

/** QEMU's own events are a few hundred bytes; one that its guest took over could fill our memory with others. */
const maxEventChars = 8192;

/** Ends with the session. */
export async function recordQmpEvents(qmp: Pick<QmpSession, "listen">, events: EventLog): Promise<void> {
  try {
    for await (const { event, data } of qmp.listen()) {
      const { length } = JSON.stringify(data);
      events.push("qemu", event.slice(0, maxEventChars), length > maxEventChars ? { leftOutChars: length } : data);
    }
  } catch {
    // how the session ended is the VM's story, told elsewhere
  }
}

function printable(fields: LogFields = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]),
  );
}

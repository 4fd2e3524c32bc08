// Events to containerd, in order, one at a time. containerd may be away for a while (it restarts):
// an event is tried again on a new connection, later and later, and given up loudly in the end.
import { createConnection } from "node:net";
import { pause, withDeadline } from "../lib/deadline.ts";
import { errorText, HostCallFailed } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { PodEvent } from "../pod/ports.ts";
import { Events } from "../wire/gen/containerd/events_service.ts";
import { TtrpcClient } from "../wire/ttrpc/client.ts";
import { renderEvent, timestamp } from "./event-envelope.ts";

const callLimitMs = 5000;
const attempts = 5;
const maxQueued = 2048;

export interface PublisherOptions {
  /** containerd's ttrpc socket (TTRPC_ADDRESS) */
  readonly address: string;
  readonly namespace: string;
  readonly logger: Logger;
  /** wait before attempt n+1 is n times this */
  readonly retryStepMs?: number;
}

interface Queued {
  readonly topic: string;
  readonly request: Parameters<ReturnType<typeof eventsOf>["Forward"]>[0];
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #queue: Queued[] = [];
  readonly #end = new AbortController();
  #client: TtrpcClient | null = null;
  #running: Promise<void> | null = null;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Never blocks and never throws. */
  publish(event: PodEvent): void {
    const { topic, typeUrl, value } = renderEvent(event);
    const envelope = {
      timestamp: timestamp(Date.now()),
      namespace: this.#options.namespace,
      topic,
      event: { type_url: typeUrl, value },
    };
    if (this.#end.signal.aborted || this.#queue.length >= maxQueued) {
      const why = this.#end.signal.aborted ? "the daemon ends" : "too many wait for containerd";
      this.#options.logger.error(`event dropped: ${why}`, { topic });
      return;
    }
    this.#queue.push({ topic, request: { envelope } });
    this.#running ??= this.#run();
  }

  /** Resolves when the queue is empty or `limitMs` is over, whichever is first; nothing is tried any more then. */
  async drain(limitMs: number): Promise<void> {
    try {
      await withDeadline(this.#running ?? Promise.resolve(), { operation: "publishing events", timeoutMs: limitMs });
    } catch (error) {
      this.#options.logger.warn("events were left unpublished", { count: this.#queue.length, error: errorText(error) });
    }
    this.#end.abort();
    this.#client?.close();
  }

  async #run(): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined && !this.#end.signal.aborted; next = this.#queue[0]) {
      await this.#deliver(next);
      this.#queue.shift();
    }
    this.#running = null;
  }

  async #deliver(queued: Queued): Promise<void> {
    const { logger, retryStepMs = 1000 } = this.#options;
    const { signal } = this.#end;
    for (let attempt = 1; ; attempt++) {
      try {
        const client = await this.#connect();
        await eventsOf(client).Forward(queued.request, { timeoutMs: callLimitMs });
        return;
      } catch (error) {
        this.#client?.close();
        this.#client = null;
        if (signal.aborted) return;
        if (attempt === attempts) {
          logger.error("event given up", { topic: queued.topic, attempts, error: errorText(error) });
          return;
        }
        // the first failure is usually a connection that containerd's restart closed
        if (attempt > 1) await pause((attempt - 1) * retryStepMs, signal).catch(() => undefined);
        if (signal.aborted) return;
      }
    }
  }

  async #connect(): Promise<TtrpcClient> {
    if (this.#client !== null) return this.#client;
    const socket = createConnection(this.#options.address.replace(/^unix:\/\//, ""));
    const connected = new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", (cause) => reject(new HostCallFailed("connect to containerd", errorText(cause), { cause })));
    });
    try {
      const limits = { timeoutMs: callLimitMs, signal: this.#end.signal };
      await withDeadline(connected, { operation: "connecting to containerd", ...limits });
    } catch (error) {
      socket.destroy();
      throw error;
    }
    this.#client = new TtrpcClient(socket, { peer: "containerd" });
    return this.#client;
  }
}

function eventsOf(client: TtrpcClient) {
  return client.service(Events);
}

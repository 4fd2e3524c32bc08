// A QMP session over a stream it is given: greeting, capabilities, commands with ids, events with their data. Answers
// to out-of-band commands may overtake others, so everything is matched by id. Every wait loses to the session's end.
import type { Duplex } from "node:stream";
import { type WaitLimits, withDeadline } from "../../lib/deadline.ts";
import { ConnectionLost, errorText, ProtocolViolation, Unsupported } from "../../lib/errors.ts";
import { Lifecycle, type TransitionTable } from "../../lib/lifecycle.ts";
import type { QmpCommands } from "./commands.ts";
import { QmpDecoder, type QmpMessage } from "./decoder.ts";
import { EventListener, type EventSink } from "./events.ts";
import { parseError, parseEvent, parseGreeting, type QmpGreeting } from "./parse.ts";

export type QmpState = "greeting" | "negotiating" | "ready" | "closed";

const transitions: TransitionTable<QmpState> = {
  greeting: ["negotiating", "closed"],
  negotiating: ["ready", "closed"],
  ready: ["closed"],
  closed: [],
};

/** One message as the flight recorder sees it, after redaction. */
export interface TranscriptEntry {
  readonly direction: "sent" | "received";
  readonly message: QmpMessage;
}

export interface QmpOptions {
  /** limit for greeting and negotiation together */
  readonly handshakeTimeoutMs?: number;
  /** limit of a command that names none */
  readonly commandTimeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly transcript?: (entry: TranscriptEntry) => void;
  /** takes secrets out of a message before it reaches the transcript */
  readonly redact?: (message: QmpMessage) => QmpMessage;
  readonly onState?: (state: QmpState) => void;
}

export interface ExecuteOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** execute out of band; only after negotiation, and only commands QEMU allows it for */
  readonly outOfBand?: boolean;
}

interface Waiting {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const defaults = { handshakeTimeoutMs: 10_000, commandTimeoutMs: 30_000 };

export class QmpSession implements AsyncDisposable {
  /** Resolves, never rejects, with what ended the session. */
  readonly closed: Promise<ConnectionLost>;
  readonly #duplex: Duplex;
  readonly #options: QmpOptions;
  readonly #decoder = new QmpDecoder();
  readonly #lifecycle = new Lifecycle<QmpState>("the QMP session", transitions, "greeting");
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<EventSink>();
  readonly #resolveClosed: (cause: ConnectionLost) => void;
  #cause: ConnectionLost | undefined;
  #greeting: QmpGreeting | undefined;
  #onGreeting: (() => void) | undefined;
  #hasOutOfBand = false;
  #lastId = 0;

  /** Use `openQmp`, which also negotiates. */
  constructor(duplex: Duplex, options: QmpOptions = {}) {
    this.#duplex = duplex;
    this.#options = options;
    let resolveClosed: (cause: ConnectionLost) => void = () => undefined;
    this.closed = new Promise((resolve) => {
      resolveClosed = resolve;
    });
    this.#resolveClosed = resolveClosed;
    duplex.on("data", (chunk: Buffer) => this.#receive(chunk));
    duplex.on("error", (error) => this.#close(errorText(error), error));
    duplex.on("end", () => this.#close(this.#decoder.isMidLine ? "QEMU closed it inside a line" : "QEMU closed it"));
    duplex.on("close", () => this.#close("it was closed"));
  }

  get state(): QmpState {
    return this.#lifecycle.state;
  }

  /** What QEMU said of itself; throws before negotiation began. */
  get greeting(): QmpGreeting {
    if (this.#greeting === undefined) this.#lifecycle.require("read the greeting", "ready");
    return this.#greeting as QmpGreeting;
  }

  get hasOutOfBand(): boolean {
    return this.#hasOutOfBand;
  }

  /** Waits for the greeting and negotiates, with out-of-band execution where QEMU offers it. */
  async negotiate(): Promise<void> {
    const limits = { operation: "the QMP handshake", signal: this.#options.signal };
    const timeoutMs = this.#options.handshakeTimeoutMs ?? defaults.handshakeTimeoutMs;
    await withDeadline(this.#handshake(timeoutMs), { ...limits, timeoutMs });
  }

  /** Throws QmpError when QEMU refuses. */
  async execute<Name extends keyof QmpCommands>(
    command: Name,
    args: QmpCommands[Name]["args"],
    options: ExecuteOptions = {},
  ): Promise<QmpCommands[Name]["returns"]> {
    return (await this.executeRaw(command, args, options)) as QmpCommands[Name]["returns"];
  }

  /** Any command, for tools and for commands outside the table. */
  async executeRaw(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    options: ExecuteOptions = {},
  ): Promise<unknown> {
    this.#requireOpen(`execute ${command}`, "ready");
    if (options.outOfBand === true && !this.#hasOutOfBand)
      throw new Unsupported(`out-of-band ${command}`, "QEMU did not offer it");
    return await this.#send(command, args, options);
  }

  /** Hears the named events, or all, from now on until disposed. */
  listen<Name extends string = string>(names?: readonly Name[]): EventListener<Name> {
    const listener = new EventListener<Name>(names, (sink) => this.#listeners.delete(sink));
    if (this.#cause === undefined) this.#listeners.add(listener);
    else listener.end(this.#cause);
    return listener;
  }

  close(): void {
    this.#close("it was closed on this side");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  async #handshake(timeoutMs: number): Promise<void> {
    if (this.#greeting === undefined && this.#cause === undefined)
      await new Promise<void>((resolve) => {
        this.#onGreeting = resolve;
      });
    this.#requireOpen("negotiate", "negotiating");
    const enable = this.#greeting?.capabilities.includes("oob") ? ["oob"] : [];
    await this.#send("qmp_capabilities", enable.length > 0 ? { enable } : {}, { timeoutMs });
    this.#hasOutOfBand = enable.length > 0;
    this.#move("ready");
  }

  /** After the end every operation fails with what ended the session, not with a state. */
  #requireOpen(operation: string, state: QmpState): void {
    if (this.#cause !== undefined) throw this.#cause;
    this.#lifecycle.require(operation, state);
  }

  async #send(command: string, args: Readonly<Record<string, unknown>>, options: ExecuteOptions): Promise<unknown> {
    const id = ++this.#lastId;
    const verb = options.outOfBand === true ? "exec-oob" : "execute";
    const message = { [verb]: command, ...(Object.keys(args).length > 0 ? { arguments: args } : {}), id };
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { command, resolve, reject });
    });
    this.#record("sent", message);
    this.#duplex.write(`${JSON.stringify(message)}\n`);
    const limits: WaitLimits = {
      operation: `QMP ${command}`,
      timeoutMs: options.timeoutMs ?? this.#options.commandTimeoutMs ?? defaults.commandTimeoutMs,
      signal: options.signal,
    };
    try {
      return await withDeadline(answer, limits);
    } finally {
      this.#waiting.delete(id);
    }
  }

  #receive(chunk: Buffer): void {
    try {
      for (const message of this.#decoder.decode(chunk)) {
        if (this.#cause !== undefined) return;
        this.#record("received", message);
        this.#handle(message);
      }
    } catch (error) {
      this.#close(errorText(error), error);
    }
  }

  #handle(message: QmpMessage): void {
    if ("QMP" in message) this.#takeGreeting(message["QMP"]);
    else if ("event" in message) this.#takeEvent(message);
    else if ("return" in message || "error" in message) this.#takeAnswer(message);
    else throw new ProtocolViolation("QMP", "a message is neither greeting, answer nor event");
  }

  #takeGreeting(value: unknown): void {
    if (this.#greeting !== undefined) throw new ProtocolViolation("QMP", "a second greeting");
    this.#greeting = parseGreeting(value);
    this.#move("negotiating");
    this.#onGreeting?.();
  }

  #takeAnswer(message: QmpMessage): void {
    const { id } = message;
    if (typeof id !== "number" || id > this.#lastId)
      throw new ProtocolViolation("QMP", `an answer to no command: ${JSON.stringify(message["error"] ?? id ?? null)}`);
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return; // given up on: timed out or aborted
    this.#waiting.delete(id);
    if ("error" in message) waiting.reject(parseError(waiting.command, message["error"]));
    else waiting.resolve(message["return"]);
  }

  #takeEvent(message: QmpMessage): void {
    const event = parseEvent(message);
    for (const listener of this.#listeners) listener.offer(event);
  }

  #record(direction: TranscriptEntry["direction"], message: QmpMessage): void {
    if (this.#options.transcript === undefined) return;
    this.#options.transcript({ direction, message: this.#options.redact?.(message) ?? message });
  }

  #move(state: QmpState): void {
    if (this.#lifecycle.observe(state)) this.#options.onState?.(state);
  }

  #close(reason: string, cause?: unknown): void {
    if (this.#cause !== undefined) return;
    this.#cause = new ConnectionLost("QEMU's monitor", reason, { cause });
    this.#duplex.destroy();
    this.#move("closed");
    for (const waiting of this.#waiting.values()) waiting.reject(this.#cause);
    this.#waiting.clear();
    for (const listener of this.#listeners) listener.end(this.#cause);
    this.#listeners.clear();
    this.#onGreeting?.();
    this.#resolveClosed(this.#cause);
  }
}

/** Connects a session over `duplex` and negotiates; destroys the stream when that fails. */
export async function openQmp(duplex: Duplex, options: QmpOptions = {}): Promise<QmpSession> {
  const session = new QmpSession(duplex, options);
  try {
    await session.negotiate();
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}

// One process of a container, from containerd's point of view: its streams, its state, and the
// one place where its exit is decided. The agent protocol has no exit notice of its own: the exit
// is asked for once the output has ended, because asking earlier can cut the output's tail off.
import { errorText, NotFound, RemoteError } from "../lib/errors.ts";
import { Lifecycle } from "../lib/lifecycle.ts";
import type { Logger } from "../lib/logger.ts";
import { raceLasting } from "../lib/race.ts";
import { type ProcessState, processTable } from "./lifecycles.ts";
import type { ByteSink, GuestProcess, ProcessExit, ProcessStdio, StdioPaths } from "./ports.ts";

/** What containerd invents when nobody knows; ours when the VM is gone under a process. */
export const exitOfLostProcess = 137;
/** how long output may stay open after SIGKILL before the exit is asked for all the same */
const killGraceMs = 2000;
/** between two reads of output that seems to have ended while its process has not */
const denialPauseMs = 100;

export interface ProcessFacts {
  readonly containerId: string;
  /** empty for the container's first process */
  readonly execId: string;
  readonly stdioPaths: StdioPaths;
}

export interface ProcessDeps {
  readonly logger: Logger;
  readonly now: () => number;
  /** rejects, with the reason, once the guest cannot answer any more */
  readonly guestGone: Promise<never>;
  /** once aborted, somebody else decides the exit: what the guest says of it comes too early */
  readonly overruled?: AbortSignal;
  /** an empty answer need not be the end: the agent's policy may deny reading (agent-protocol §4.12) */
  readonly emptyMayBeDenial?: boolean;
  /** runs to its end before the exit is told: what must be known or told first */
  readonly beforeExit?: (status: number) => Promise<void>;
  /** called once, before anyone who waits hears of it */
  readonly onExit: (process: ContainerProcess, exit: ProcessExit) => void;
}

/** Hears what the process writes; it cannot hold the process back, nor take anything from its client. */
type OutputListener = (stream: "stdout" | "stderr", bytes: Uint8Array) => void;

interface OutputStream {
  readonly name: "stdout" | "stderr";
  readonly read: () => Promise<Uint8Array>;
  /** null once nobody takes it */
  sink: ByteSink | null;
}

export class ContainerProcess {
  readonly facts: ProcessFacts;
  readonly lifecycle: Lifecycle<ProcessState>;
  readonly #deps: ProcessDeps;
  readonly #exited: Promise<ProcessExit>;
  #resolveExit: (exit: ProcessExit) => void = () => undefined;
  #exit: ProcessExit | null = null;
  #finishing: { readonly exit: ProcessExit; readonly done: Promise<void> } | null = null;
  #started = false;
  #stdio: ProcessStdio | null = null;
  #guest: GuestProcess | null = null;
  readonly #listeners = new Set<OutputListener>();
  #killed: () => void = () => undefined;

  constructor(facts: ProcessFacts, deps: ProcessDeps) {
    this.facts = facts;
    this.#deps = deps;
    const name = facts.execId === "" ? `container ${facts.containerId}` : `exec ${facts.execId}`;
    this.lifecycle = new Lifecycle(name, processTable, "created");
    this.#exited = new Promise((resolve) => {
      this.#resolveExit = resolve;
    });
  }

  /** null while it has not ended */
  get exit(): ProcessExit | null {
    return this.#exit;
  }

  /** whether clients were told that it started: only then do they want to hear of its exit */
  get started(): boolean {
    return this.#started;
  }

  /** resolves, never rejects */
  wait(): Promise<ProcessExit> {
    return this.#exited;
  }

  attachStdio(stdio: ProcessStdio): void {
    this.#stdio = stdio;
  }

  closeStdin(): void {
    this.#stdio?.closeStdin();
  }

  /** Lets the streams of a process go that never ran. */
  async release(): Promise<void> {
    await this.#stdio?.close();
  }

  /** Hears all output from now on until disposed of. */
  listen(listener: OutputListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Input beside the client's own; resolves once the process's pipe or terminal took it. */
  async feed(bytes: Uint8Array): Promise<void> {
    if (this.#guest === null) throw new NotFound("running process of container", this.facts.containerId);
    await this.#guest.writeStdin(bytes);
  }

  /** From here on the process runs in the guest: move its bytes, and learn its exit. Returns at once. */
  supervise(guest: GuestProcess): void {
    this.#started = true;
    this.#guest = guest;
    void this.#supervise(guest).catch((error: unknown) => {
      this.#deps.logger.error("supervision failed", { exec: this.facts.execId, error: errorText(error) });
      void this.finish(exitOfLostProcess);
    });
  }

  /** The client asked for SIGKILL: output that somebody else keeps open must not hide the exit for ever. */
  noteKill(): void {
    const timer = setTimeout(() => this.#killed(), killGraceMs);
    timer.unref();
  }

  /** Ends the process in our books; the first caller's status counts, and every caller waits for the same end. */
  finish(status: number): Promise<void> {
    if (this.lifecycle.is("stopped", "deleted")) return Promise.resolve();
    if (this.#finishing === null) {
      const exit = { status, exitedAt: this.#deps.now() };
      this.#finishing = { exit, done: this.#finish(exit) };
    }
    return this.#finishing.done;
  }

  /** Closes the books of one that ended or never ran: who still waits hears what its deleter is told. */
  forget(): ProcessExit {
    this.lifecycle.require("delete it (stop it first)", "created", "stopped");
    const exit = this.#exit ?? this.#finishing?.exit ?? { status: 0, exitedAt: this.#deps.now() };
    this.lifecycle.observe("deleted");
    this.#exit = exit;
    this.#resolveExit(exit);
    return exit;
  }

  get #isOverruled(): boolean {
    return this.#deps.overruled?.aborted ?? false;
  }

  async #finish(exit: ProcessExit): Promise<void> {
    try {
      await this.#deps.beforeExit?.(exit.status);
      // containerd waits for the end of the streams before it deletes the task
      await this.#stdio?.close();
    } catch (error) {
      this.#deps.logger.warn("ending a process was not clean", { exec: this.facts.execId, error: errorText(error) });
    }
    if (!this.lifecycle.observe("stopped")) return;
    this.#exit = exit;
    this.#deps.onExit(this, exit);
    this.#resolveExit(exit);
  }

  async #supervise(guest: GuestProcess): Promise<void> {
    const over = new AbortController();
    try {
      const killed = new Promise<void>((resolve) => {
        this.#killed = resolve;
      });
      void this.#pumpInput(guest, over.signal);
      const output = this.#pumpOutput(guest, over.signal);
      const unheard = this.#stdio === null || (this.#stdio.stdout === null && this.#stdio.stderr === null);
      if (!unheard) await raceLasting(Promise.race([output, killed]), this.#deps.guestGone);
      const status = await raceLasting(guest.wait(), this.#deps.guestGone);
      if (!unheard) await raceLasting(Promise.race([output, pauseUnref(killGraceMs)]), this.#deps.guestGone);
      if (!this.#isOverruled) await this.finish(status & 0xff);
    } catch (error) {
      // a guest that is gone took everything with it: the pod ends all its processes, in order
      const isLost = error instanceof RemoteError;
      this.#deps.logger[isLost ? "warn" : "debug"]("lost a process", {
        exec: this.facts.execId,
        error: errorText(error),
      });
      if (isLost && !this.#isOverruled) await this.finish(exitOfLostProcess);
    } finally {
      over.abort();
    }
  }

  async #pumpOutput(guest: GuestProcess, over: AbortSignal): Promise<void> {
    const { stdout = null, stderr = null } = this.#stdio ?? {};
    const streams: OutputStream[] = [{ name: "stdout", read: () => guest.readStdout(), sink: stdout }];
    // a terminal has one stream; reading the other would take bytes from it
    if (!this.facts.stdioPaths.terminal) {
      streams.push({ name: "stderr", read: () => guest.readStderr(), sink: stderr });
    }
    const pump = async (stream: OutputStream) => {
      const isEnd = await this.#drain(stream);
      if (isEnd && this.#deps.emptyMayBeDenial) void this.#drainOn(stream, over);
    };
    await Promise.all(streams.map(pump));
  }

  /** Unread, a pipe whose output is denied would fill, and its process stand still. */
  async #drainOn(stream: OutputStream, over: AbortSignal): Promise<void> {
    do await pauseUnref(denialPauseMs);
    while (!over.aborted && (await this.#drain(stream)));
  }

  /** Until an empty answer, or false. A reader that went away must not stop the process: its output is thrown away. */
  async #drain(stream: OutputStream): Promise<boolean> {
    try {
      for (let bytes = await stream.read(); bytes.length > 0; bytes = await stream.read()) {
        for (const listener of this.#listeners) listener(stream.name, bytes);
        if (stream.sink === null) continue;
        try {
          await stream.sink.write(bytes);
        } catch (error) {
          this.#deps.logger.warn("nobody takes the output", { exec: this.facts.execId, error: errorText(error) });
          stream.sink = null;
        }
      }
      return true;
    } catch (error) {
      // the guest's end is gone: so is the output, and the exit says why
      this.#deps.logger.debug("reading output ended", { exec: this.facts.execId, error: errorText(error) });
      return false;
    }
  }

  async #pumpInput(guest: GuestProcess, signal: AbortSignal): Promise<void> {
    const stdin = this.#stdio?.stdin ?? null;
    // a pipe that nobody writes to is at its end at once, as runc's /dev/null; a terminal has no such end
    if (stdin === null && this.facts.stdioPaths.terminal) return;
    try {
      for await (const bytes of stdin ?? []) {
        if (signal.aborted) return;
        await guest.writeStdin(bytes);
      }
      if (!signal.aborted) await guest.closeStdin();
    } catch (error) {
      // usual when the process ends with input left, or closed its stdin
      this.#deps.logger.debug("writing input ended", { exec: this.facts.execId, error: errorText(error) });
    }
  }
}

function pauseUnref(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

// One container and its execs. Keeps the order that containerd's clients rely on: every exec's
// exit comes before the exit of the container's first process (shim-contract §2.5).
import { withDeadline } from "../lib/deadline.ts";
import { AlreadyExists, errorText, NotFound, WrongState } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { raceLasting } from "../lib/race.ts";
import type { SandboxRole } from "../oci/cri-annotations.ts";
import type { Process as OciProcess, Resources } from "../oci/types.ts";
import type { ProcessState } from "./lifecycles.ts";
import type { ContainerStats, Guest, PodEvent, ProcessExit, StdioPaths } from "./ports.ts";
import { ContainerProcess, exitOfLostProcess } from "./process.ts";

export interface ContainerFacts {
  readonly id: string;
  readonly bundle: string;
  readonly role: SandboxRole["role"];
  readonly stdio: StdioPaths;
  /** host file that gets what the container wrote to its copy, before its exit is told */
  readonly terminationLog?: string | undefined;
}

export interface ContainerDeps {
  readonly logger: Logger;
  readonly now: () => number;
  readonly guest: Guest;
  /** host pid that stands for every process of the pod: QEMU's */
  readonly pid: number;
  readonly emit: (event: PodEvent) => void;
  readonly writeTerminationLog: (hostPath: string, message: Uint8Array) => Promise<void>;
  /** aborted once the pod's end has begun */
  readonly podEnds: AbortSignal;
}

interface Exec {
  readonly process: ContainerProcess;
  readonly spec: OciProcess;
}

const signalKill = 9;
/** how long the message of a container that ended may take; nobody waits longer for its exit */
const messageLimitMs = 1000;
/** how long execs get to end by themselves after the container's first process did */
const execGraceMs = 300;
/** how long an exit waits to learn whether memory ran out: an emulated guest under load takes its time */
const lastStatsLimitMs = 2000;

export class Container {
  readonly facts: ContainerFacts;
  readonly init: ContainerProcess;
  readonly #deps: ContainerDeps;
  readonly #execs = new Map<string, Exec>();
  /** its first process has ended; what must be told before that is under way */
  #isEnding = false;
  #killRequested = false;
  #oomTold = false;
  #finalStats: ContainerStats | undefined;

  constructor(facts: ContainerFacts, deps: ContainerDeps) {
    this.facts = facts;
    this.#deps = deps;
    this.init = this.#newProcess("", facts.stdio);
  }

  get pid(): number {
    return this.#deps.pid;
  }

  /** The first process for an empty id. */
  process(execId: string): ContainerProcess {
    if (execId === "") return this.init;
    const exec = this.#execs.get(execId);
    if (exec === undefined) throw new NotFound("exec", execId);
    return exec.process;
  }

  get execIds(): readonly string[] {
    return [...this.#execs.keys()];
  }

  async start(): Promise<void> {
    const { guest, emit, pid } = this.#deps;
    this.init.lifecycle.move("starting", "start");
    try {
      await this.#ask(guest.startContainer(this.facts.id));
    } catch (error) {
      await this.init.finish(exitOfLostProcess);
      throw error;
    }
    this.init.lifecycle.move("running", "finish its start");
    emit({ kind: "start", containerId: this.facts.id, pid });
    this.init.supervise(guest.process({ containerId: this.facts.id, execId: "" }));
  }

  requireRoomFor(execId: string): void {
    this.#requireAlive("add an exec", "running", "paused");
    if (this.#execs.has(execId)) throw new AlreadyExists("exec", execId);
  }

  addExec(execId: string, spec: OciProcess, stdio: StdioPaths): ContainerProcess {
    this.requireRoomFor(execId);
    const process = this.#newProcess(execId, stdio);
    this.#execs.set(execId, { process, spec });
    this.#deps.emit({ kind: "exec-added", containerId: this.facts.id, execId });
    return process;
  }

  /** Ended, should it begin at all, when `signal` aborts before it has: nobody would end it later. */
  async startExec(execId: string, signal?: AbortSignal): Promise<void> {
    const exec = this.#execs.get(execId);
    if (exec === undefined) throw new NotFound("exec", execId);
    const { guest, emit, pid } = this.#deps;
    const containerId = this.facts.id;
    this.#requireAlive("start an exec", "running");
    exec.process.lifecycle.move("starting", "start");
    const begun = this.#ask(guest.execProcess({ containerId, execId, process: exec.spec }));
    try {
      await withDeadline(begun, { operation: `starting exec ${execId}`, signal });
    } catch (error) {
      void begun.then(() => this.#signal(execId, signalKill)).catch(() => undefined);
      await exec.process.finish(exitOfLostProcess);
      throw error;
    }
    if (!exec.process.lifecycle.observe("running")) {
      // with a process namespace of the pod's it would outlive its container
      void this.#signal(execId, signalKill).catch(() => undefined);
      throw new WrongState(`container ${containerId}`, "ended", `start exec ${execId} in it`);
    }
    emit({ kind: "exec-started", containerId, execId, pid });
    exec.process.supervise(guest.process({ containerId, execId }));
  }

  async kill(request: { execId: string; signal: number; all: boolean }): Promise<void> {
    const process = this.process(request.execId);
    // the guest does not know yet what it is about to start, and would answer that there is no such process
    if (process.lifecycle.is("starting")) await process.lifecycle.until("running").catch(() => undefined);
    if (process.lifecycle.is("stopped", "deleted"))
      throw new NotFound("running process", request.execId || this.facts.id);
    if (process.lifecycle.is("created")) {
      if (request.signal !== signalKill)
        throw new WrongState(`process ${request.execId || this.facts.id}`, "created", "signal it");
      await process.finish(exitOfLostProcess);
      return;
    }
    const { execId, signal, all } = request;
    const isKill = signal === signalKill;
    if (isKill) process.noteKill();
    if (execId !== "") return await this.#signal(execId, signal);
    if (isKill) this.#killRequested = true;
    if (isKill) await this.#ask(this.#deps.guest.control.killAll(this.facts.id));
    else if (all) await this.#signalAll(signal);
    else await this.#signal("", signal);
  }

  async pause(): Promise<void> {
    this.init.lifecycle.require("pause", "running");
    await this.#ask(this.#deps.guest.control.pause(this.facts.id));
    // refused where it ended meanwhile: nothing is told after an exit
    this.init.lifecycle.move("paused", "pause");
  }

  async resume(): Promise<void> {
    this.init.lifecycle.require("resume", "paused");
    await this.#ask(this.#deps.guest.control.resume(this.facts.id));
    this.init.lifecycle.move("running", "resume");
  }

  async update(resources: Resources): Promise<void> {
    this.init.lifecycle.require("update", "created", "running", "paused");
    await this.#ask(this.#deps.guest.control.update(this.facts.id, resources));
  }

  stats(): Promise<ContainerStats> {
    return this.#ask(this.#deps.guest.control.stats(this.facts.id));
  }

  /** the last numbers of a container that ended by SIGKILL: among them why */
  get finalStats(): ContainerStats | undefined {
    return this.#finalStats;
  }

  async resize(execId: string, size: { rows: number; columns: number }): Promise<void> {
    const process = this.process(execId);
    // a resize may come late or early; without a terminal it means nothing
    if (!process.facts.stdioPaths.terminal || !process.lifecycle.is("running")) return;
    await this.#ask(this.#deps.guest.process({ containerId: this.facts.id, execId }).resize(size));
  }

  /** Forgets an exec that ended or never ran. */
  deleteExec(execId: string): ProcessExit {
    const process = this.process(execId);
    const exit = process.forget();
    this.#execs.delete(execId);
    void process.release();
    this.#deps.emit({ kind: "delete", containerId: this.facts.id, execId, pid: this.pid, exit });
    return exit;
  }

  /** The VM is gone, or goes: everything in it has ended. */
  async finishAll(): Promise<void> {
    await this.#finishExecs();
    await this.init.finish(exitOfLostProcess);
  }

  /** Told once a container, before its exit. */
  noteOom(): void {
    if (this.#oomTold || this.init.exit !== null) return;
    this.#oomTold = true;
    this.#deps.emit({ kind: "oom", containerId: this.facts.id });
  }

  #requireAlive(operation: string, ...states: readonly ProcessState[]): void {
    this.init.lifecycle.require(operation, ...states);
    // nobody would tell the end of an exec that comes after those of all others
    if (this.#isEnding) throw new WrongState(`container ${this.facts.id}`, "ending", operation);
  }

  #signal(execId: string, signal: number): Promise<void> {
    return this.#ask(this.#deps.guest.process({ containerId: this.facts.id, execId }).signal(signal));
  }

  /** The protocol signals one process; what ends meanwhile needs none, and the first one's answer is the answer. */
  async #signalAll(signal: number): Promise<void> {
    const running = this.execIds.filter((execId) => this.process(execId).lifecycle.is("running"));
    const execs = running.map((execId) => this.#signal(execId, signal));
    const [init] = await Promise.allSettled([this.#signal("", signal), ...execs]);
    if (init?.status === "rejected") throw init.reason;
  }

  #ask<T>(work: Promise<T>): Promise<T> {
    return raceLasting(work, this.#deps.guest.gone);
  }

  #newProcess(execId: string, stdioPaths: StdioPaths): ContainerProcess {
    const { logger, now, guest, emit, podEnds } = this.#deps;
    const { id: containerId, role } = this.facts;
    return new ContainerProcess(
      { containerId, execId, stdioPaths },
      {
        logger: logger.child({ container: containerId }),
        now,
        guestGone: guest.gone,
        // our own agent, the only one with verity layers, has no policy that could deny it
        emptyMayBeDenial: !guest.features.verityLayers,
        onExit: (process, exit) => {
          if (process.started) emit({ kind: "exit", containerId, execId, pid: this.pid, exit });
        },
        // the end of a sandbox means that all is over: told by the pod, once it is
        ...(role === "sandbox" ? { overruled: podEnds } : {}),
        ...(execId === "" ? { beforeExit: (status: number) => this.#beforeInitExit(status) } : {}),
      },
    );
  }

  async #beforeInitExit(status: number): Promise<void> {
    this.#isEnding = true;
    await this.#finishExecs();
    await this.#fetchTerminationLog();
    if (status !== exitOfLostProcess || !this.init.started || this.#killRequested || this.#oomTold) return;
    // the guest's notice may still be on its way; its counter is there already
    try {
      this.#finalStats = await withDeadline(this.stats(), {
        operation: "reading the last statistics",
        timeoutMs: lastStatsLimitMs,
      });
      if (this.#finalStats.memory.oomKills > 0) this.noteOom();
    } catch (error) {
      this.#deps.logger.debug("no statistics at exit", { container: this.facts.id, error: errorText(error) });
    }
  }

  /** The kubelet reads the file once it hears of the exit. What cannot be had is no reason to keep that from it. */
  async #fetchTerminationLog(): Promise<void> {
    const { id, terminationLog } = this.facts;
    if (terminationLog === undefined || !this.init.started) return;
    const { guest, logger, writeTerminationLog } = this.#deps;
    const fetched = this.#ask(guest.control.terminationLog(id)).then(async (message) => {
      if (message.length > 0) await writeTerminationLog(terminationLog, message);
    });
    try {
      await withDeadline(fetched, { operation: "fetching the termination message", timeoutMs: messageLimitMs });
    } catch (error) {
      logger.debug("no termination message", { container: id, error: errorText(error) });
    }
  }

  async #finishExecs(): Promise<void> {
    const running = [...this.#execs.values()].map((exec) => exec.process).filter((process) => process.exit === null);
    if (running.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise((resolve) => {
      timer = setTimeout(resolve, execGraceMs);
    });
    const started = running.filter((process) => process.started);
    const ended = Promise.all(started.map((process) => process.wait()));
    await raceLasting(Promise.race([ended, grace]), this.#deps.guest.gone).catch(() => undefined);
    clearTimeout(timer);
    await Promise.all(running.map((process) => process.finish(exitOfLostProcess)));
  }
}

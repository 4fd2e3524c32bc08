// A pod: one VM and its containers. Boots with its first container, or alone for the Sandbox API; ends
// with its sandbox. The only owner of the answer to "what exists here and in which state".
import { resolve } from "node:path";
import { withDeadline } from "../lib/deadline.ts";
import { AlreadyExists, DeadlineExceeded, errorText, NotFound, WrongState } from "../lib/errors.ts";
import { Lifecycle } from "../lib/lifecycle.ts";
import type { Logger } from "../lib/logger.ts";
import { raceLasting } from "../lib/race.ts";
import type { Process as OciProcess, Resources, SandboxSpec } from "../oci/types.ts";
import { readLimits } from "../plan/limits.ts";
import { refuseHostNamespaces } from "../translate/container.ts";
import { joinSandbox } from "../translate/sandbox.ts";
import type { Container } from "./container.ts";
import { LayerDisks } from "./disks.ts";
import { InFlight, settleBoth } from "./in-flight.ts";
import { type PodState, podTable } from "./lifecycles.ts";
import {
  type CreateRequest,
  type LivingPod,
  type MadeContainer,
  type MakingPod,
  makeContainer,
  removeContainer,
} from "./made-container.ts";
import { PodSize } from "./pod-size.ts";
import type { LaunchedPod, LayerFile, PodPorts, PodRequest, ProcessExit, StdioPaths } from "./ports.ts";
import { exitOfLostProcess } from "./process.ts";
import { VolumeDisks } from "./volume-disks.ts";

export interface ExecRequest {
  readonly id: string;
  readonly execId: string;
  readonly process: OciProcess;
  readonly stdio: StdioPaths;
}

interface Entry extends MadeContainer {
  /** set while a Delete is under way: a repeated one gets the same answer */
  deleting?: Promise<ProcessExit>;
}

/** how long the pod's end waits for what is in flight, whose waits the VM's end has ended */
const inFlightLimitMs = 5000;
/** how long the guest may take to write what its volumes have not got yet; the pod's end must not depend on it */
const settleLimitMs = 3000;

export class Pod {
  readonly id: string;
  readonly lifecycle: Lifecycle<PodState>;
  readonly #ports: PodPorts;
  readonly #logger: Logger;
  readonly #abort = new AbortController();
  readonly #entries = new Map<string, Entry>();
  readonly #creating = new Set<string>();
  readonly #inFlight = new InFlight();
  readonly #making: MakingPod;
  #launched: LivingPod | null = null;
  /** of a pod that was booted alone; its containers share what is in it */
  #sandbox: SandboxSpec | null = null;
  #ending: Promise<void> | null = null;
  /** why the guest went away, if it was not asked to */
  #loss: unknown = null;
  #tellEnd: (exit: ProcessExit) => void = () => undefined;
  /** resolves once the pod is over: with 0 when it was asked to end, with 137 when its VM went away by itself */
  readonly ended = new Promise<ProcessExit>((resolve) => {
    this.#tellEnd = resolve;
  });

  constructor(id: string, ports: PodPorts, logger: Logger) {
    this.id = id;
    this.#ports = ports;
    this.#logger = logger;
    this.lifecycle = new Lifecycle(`pod ${id}`, podTable, "created");
    this.#making = {
      id,
      ports,
      logger,
      ends: this.#abort.signal,
      living: (operation) => this.#living(operation),
      admit: (made) => this.#admit(made),
    };
  }

  get containerIds(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** True when the daemon may go: nothing is being made, and nothing is registered but what an ended sandbox left. */
  get idle(): boolean {
    const left = [...this.#entries.values()];
    const isOver = this.lifecycle.is("stopped") && left.every(({ container }) => container.facts.role === "container");
    return this.#creating.size === 0 && (left.length === 0 || isOver);
  }

  /** null before the boot and after the end */
  get launched(): LaunchedPod | null {
    return this.#launched;
  }

  /** host pid that stands for every process in the guest; 0 before the boot and after the end */
  get pid(): number {
    return this.#launched?.vm.pid ?? 0;
  }

  container(id: string): Container {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new NotFound("container", id);
    return entry.container;
  }

  /** Boots the VM without a container; the pod ends when `signal` aborts before it is there. */
  async boot(request: PodRequest, signal?: AbortSignal): Promise<void> {
    this.lifecycle.move("booting", "start its sandbox");
    try {
      refuseHostNamespaces(request.spec);
      const launched = await this.#whileWanted({ id: this.id, signal }, this.#launch(request));
      this.#sandbox = request.spec;
      this.lifecycle.move("ready", "finish its boot");
      void this.#watchOom(launched);
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  /** Undone, without a word to anybody, when `signal` aborts before the container is there. */
  async create(given: CreateRequest): Promise<Container> {
    const request = this.#sandbox === null ? given : { ...given, spec: joinSandbox(given.spec, this.#sandbox) };
    if (this.#entries.has(request.id) || this.#creating.has(request.id))
      throw new AlreadyExists("container", request.id);
    this.#creating.add(request.id);
    try {
      const container = request.role === "container" ? await this.#join(request) : await this.#boot(request);
      this.#ports.emit({
        kind: "create",
        containerId: request.id,
        bundle: request.bundle,
        stdio: request.stdio,
        rootfs: request.rootfs,
        pid: container.pid,
      });
      return container;
    } finally {
      this.#creating.delete(request.id);
    }
  }

  async addExec(request: ExecRequest): Promise<void> {
    const container = this.container(request.id);
    container.requireRoomFor(request.execId);
    const stdio = await this.#ports.openStdio(request.stdio, request.id);
    try {
      container.addExec(request.execId, request.process, request.stdio).attachStdio(stdio);
    } catch (error) {
      // another request took the id, or the container ended, while the streams were opened
      await stdio.close();
      throw error;
    }
  }

  /** The VM grows before the container's limits do; new limits that the guest refuses leave it as it was. */
  async update(id: string, resources: Resources): Promise<void> {
    const container = this.container(id);
    container.init.lifecycle.require("update", "created", "running", "paused");
    const { size } = this.#living("update a container");
    const before = size.limitsOf(id);
    await size.claim(id, readLimits(resources, before));
    try {
      await container.update(resources);
    } catch (error) {
      await size.claim(id, before).catch((again: unknown) => {
        this.#logger.warn("the VM keeps its new size", { error: errorText(again) });
      });
      throw error;
    }
  }

  /** Answers with the exit; idempotent while under way, NotFound once done. */
  async delete(id: string): Promise<ProcessExit> {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new NotFound("container", id);
    entry.container.init.lifecycle.require("delete it (stop it first)", "created", "stopped");
    entry.deleting ??= this.#delete(id, entry).finally(() => delete entry.deleting);
    return await entry.deleting;
  }

  /** SIGKILL to the sandbox is the end of the pod: no need to ask the guest. */
  async kill(id: string, request: { execId: string; signal: number; all: boolean }): Promise<void> {
    const container = this.container(id);
    const isKill = request.execId === "" && request.signal === 9;
    const endsPod = isKill && container.facts.role === "sandbox";
    if (endsPod && !container.init.lifecycle.is("stopped", "deleted")) return await this.end();
    try {
      await container.kill(request);
    } catch (error) {
      if (!isKill || !(error instanceof DeadlineExceeded)) throw error;
      // a mute guest ends nothing, and containerd kills no sandbox before its containers
      this.#logger.error("the guest does not carry out a SIGKILL: its pod is ended", { container: id });
      this.#loss ??= error;
      await this.end(exitOfLostProcess);
    }
  }

  /**
   * Ends the VM and everything in it; concurrent callers share one outcome. Never rejects: what could
   * not be cleaned up is logged, stays in the ledger, and `delete` tries again.
   */
  end(status = 0): Promise<void> {
    this.#ending ??= this.#end().then(() => this.#tellEnd({ status, exitedAt: this.#ports.now() }));
    return this.#ending;
  }

  async #boot(request: CreateRequest): Promise<Container> {
    this.lifecycle.move("booting", "create its first container");
    try {
      refuseHostNamespaces(request.spec);
      const { id: podId, bundle, role, spec, configPath } = request;
      const limits = role === "single" ? { limits: readLimits(spec.linux.resources) } : {};
      const [launched, layers] = await this.#whileWanted(
        request,
        settleBoth(this.#launch({ podId, bundle, spec, configPath, ...limits }), this.#prepareRootfs(request)),
      );
      const container = await this.#whileWanted(request, makeContainer(request, layers, this.#making));
      this.lifecycle.move("ready", "finish its boot");
      void this.#watchOom(launched);
      return container;
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  /** A pod whose sandbox or first container nobody waits for any more ends at once, and what is being made with it. */
  #whileWanted<T>({ id, signal }: { id: string; signal?: AbortSignal | undefined }, work: Promise<T>): Promise<T> {
    return withDeadline(this.#inFlight.during(work), { operation: `creating ${id}`, signal });
  }

  /** A VM that is up only after the pod's end began has nobody else who stops it. */
  async #launch(request: PodRequest): Promise<LaunchedPod> {
    const launched = await this.#ports.launch(request, this.#abort.signal);
    if (!this.#abort.signal.aborted) return this.#adopt(launched);
    await launched.vm.stop();
    throw this.#refusal("use its VM");
  }

  #adopt(launched: LaunchedPod): LaunchedPod {
    const volumeDisks = new VolumeDisks(launched.vm, (path, bytes) => this.#ports.makeDiskFile(path, bytes));
    const size = new PodSize({ launched, logger: this.#logger, sized: (now) => this.#ports.sized(now) });
    const disks = new LayerDisks(launched.vm, this.#logger);
    this.#launched = { ...launched, volumeDisks, disks, size, keepsData: false };
    this.#ports.sized(launched.vm.size);
    launched.guest.gone.catch((reason: unknown) => {
      this.#logger.info("the guest is gone", { reason: errorText(reason) });
      if (this.#ending === null) this.#loss = reason;
      void this.end(exitOfLostProcess);
    });
    return launched;
  }

  async #join(request: CreateRequest): Promise<Container> {
    if (!this.lifecycle.is("ready")) throw this.#refusal("create a container");
    const made = this.#prepareRootfs(request).then((layers) => makeContainer(request, layers, this.#making));
    return await this.#inFlight.during(made);
  }

  /** Ends with the pod only: a layer that one request waited for too long is there for the next. */
  #prepareRootfs(request: CreateRequest): Promise<readonly LayerFile[]> {
    const { id: containerId, rootfs: mounts, spec, configPath } = request;
    const rootPath = resolve(request.bundle, spec.root.path);
    return this.#ports.prepareRootfs({ containerId, mounts, rootPath, configPath }, this.#abort.signal);
  }

  /** From here on the container is known, and its own end has consequences. */
  #admit(made: MadeContainer): void {
    const { size } = this.#living("create a container");
    const { facts, init } = made.container;
    this.#entries.set(facts.id, made);
    void init.wait().then(() => size.ended(facts.id));
    if (facts.role !== "container") void init.wait().then(() => this.#sandboxEnded(made.container));
  }

  #living(operation: string): LivingPod {
    if (!this.lifecycle.is("booting", "ready") || this.#launched === null) throw this.#refusal(operation);
    return this.#launched;
  }

  #refusal(operation: string): WrongState {
    const why = this.#loss === null ? "" : ` (${errorText(this.#loss)})`;
    return new WrongState(`pod ${this.id}`, `${this.lifecycle.state}${why}`, operation);
  }

  async #delete(id: string, entry: Entry): Promise<ProcessExit> {
    const { container } = entry;
    if (container.facts.role !== "container") await this.end();
    else if (this.lifecycle.is("ready")) await this.#inFlight.during(removeContainer(entry, this.#making));
    for (const followed of entry.followed) followed[Symbol.dispose]();
    const exit = container.init.forget();
    await container.init.release();
    this.#entries.delete(id);
    this.#ports.emit({ kind: "delete", containerId: id, execId: "", pid: container.pid, exit });
    return exit;
  }

  /** A single container (ctr, Docker) keeps its VM until it is deleted: its client may still exec. */
  async #sandboxEnded(container: Container): Promise<void> {
    if (container.facts.role !== "sandbox") return;
    await this.end();
  }

  async #end(): Promise<void> {
    this.lifecycle.observe("stopping");
    this.#abort.abort();
    for (const followed of [...this.#entries.values()].flatMap((entry) => entry.followed)) followed[Symbol.dispose]();
    const containers = [...this.#entries.values()].map((entry) => entry.container);
    await this.#tryToEnd("have the guest write what it holds back", () => this.#settleData());
    await this.#tryToEnd("stop the VM", () => this.#launched?.vm.stop());
    await this.#tryToEnd("wait for what is being made in it", () => this.#inFlight.ended(inFlightLimitMs));
    await this.#tryToEnd("reclaim what it owns", () => this.#ports.reclaim());
    this.#launched = null;
    this.lifecycle.observe("stopped");
    // the sandbox is told last: its end means that all is over; before that, no container waits for another's streams
    const isApp = (container: Container) => container.facts.role === "container";
    await Promise.all(containers.filter(isApp).map((container) => container.finishAll()));
    for (const container of containers) await container.finishAll();
  }

  /** QEMU's end is a power cut to its guest, which may not have written yet what a container wrote to a volume. */
  async #settleData(): Promise<void> {
    if (!this.#launched?.keepsData || this.#loss !== null) return;
    const { guest } = this.#launched;
    const settled = raceLasting(guest.destroySandbox(), guest.gone);
    await withDeadline(settled, { operation: "ending the guest's sandbox", timeoutMs: settleLimitMs });
  }

  /** Whatever becomes of one step, the next ones are tried. */
  async #tryToEnd(step: string, run: () => Promise<void> | undefined): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#logger.error("the pod did not end cleanly", { step, error: errorText(error) });
    }
  }

  async #watchOom(launched: LaunchedPod): Promise<void> {
    try {
      while (this.lifecycle.is("ready")) {
        const id = await raceLasting(launched.guest.control.nextOom(), launched.guest.gone);
        this.#entries.get(id)?.container.noteOom();
      }
    } catch (error) {
      this.#logger.debug("no more out-of-memory notices", { error: errorText(error) });
    }
  }
}

// A container: its bundle, its processes, and the order in which they are made and torn down.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CleanupStack } from "../lib/cleanup-stack.ts";
import { withDeadline } from "../lib/deadline.ts";
import { errorText, HostCommandFailed, Unsupported } from "../lib/errors.ts";
import type * as Oci from "../oci/types.ts";
import { renderWideJson } from "../oci/wide-json.ts";
import type * as Wire from "../wire/gen/kata/oci.ts";
import { ContainerCgroup } from "./cgroup.ts";
import { GuestProcess, makeStdio } from "./process.ts";
import type { OciRuntime } from "./runtime.ts";
import { convertExecProcess } from "./spec.ts";
import { convertLimits } from "./spec-resources.ts";
import { AgentFailure, failures } from "./status.ts";
import type { Reaper } from "./sys/reaper.ts";

const SIGKILL = 9;

export interface ContainerTools {
  readonly runtime: OciRuntime;
  readonly reaper: Reaper;
}

export interface ContainerParts {
  readonly id: string;
  /** directory of our own for this container */
  readonly directory: string;
  readonly spec: Oci.ContainerSpec;
  readonly annotations: Readonly<Record<string, string>>;
}

export class GuestContainer {
  readonly id: string;
  readonly cgroup: ContainerCgroup;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: Oci.ContainerSpec;
  readonly init: GuestProcess;
  readonly #tools: ContainerTools;
  readonly #directory: string;
  readonly #execs = new Map<string, GuestProcess>();
  /** ids of execs that the runtime is making */
  readonly #launching = new Set<string>();
  #oomWatch: Disposable | undefined;
  #isStarted = false;

  private constructor(parts: ContainerParts, tools: ContainerTools, init: GuestProcess) {
    this.id = parts.id;
    this.annotations = parts.annotations;
    this.spec = parts.spec;
    this.cgroup = new ContainerCgroup(parts.id);
    this.init = init;
    this.#tools = tools;
    this.#directory = parts.directory;
  }

  /** Everything but the workload: a command that does not exist fails here. */
  static async create(parts: ContainerParts, tools: ContainerTools): Promise<GuestContainer> {
    await using cleanup = new CleanupStack();
    const bundle = join(parts.directory, "bundle");
    mkdirSync(bundle, { recursive: true, mode: 0o700 });
    cleanup.defer("remove the bundle", () => rmSync(bundle, { recursive: true, force: true }));
    writeFileSync(join(bundle, "config.json"), renderWideJson(parts.spec), { mode: 0o600 });
    const init = await launch(parts.spec.process, tools, (stdio) => tools.runtime.create(parts.id, bundle, stdio));
    cleanup.move();
    return new GuestContainer(parts, tools, init);
  }

  async start(onOom: (() => void) | undefined): Promise<void> {
    if (this.#isStarted) throw new AgentFailure("internal", `container ${this.id} is already started`);
    this.#isStarted = true;
    if (onOom !== undefined) this.#oomWatch = this.cgroup.watchOom(onOom);
    const watch = this.#oomWatch;
    if (watch !== undefined) void this.init.exited.then(() => watch[Symbol.dispose]());
    await this.#tools.runtime.start(this.id);
  }

  async exec(execId: string, process: Wire.Process): Promise<void> {
    const known = this.#execs.get(execId);
    if (execId === this.id || this.#launching.has(execId) || known?.isReported === false) {
      throw new AgentFailure("internal", `exec id ${execId} already exists`);
    }
    const oci = convertExecProcess(process, this.spec.process);
    const directory = join(this.#directory, "exec", execId);
    const { runtime } = this.#tools;
    this.#launching.add(execId);
    try {
      const started = await launch(oci, this.#tools, (stdio) => runtime.exec(this.id, oci, { directory, stdio }));
      known?.streams.close();
      this.#execs.set(execId, started);
    } finally {
      this.#launching.delete(execId);
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** Ends and forgets an exec that nobody will ask for. */
  abandonExec(execId: string): void {
    const process = this.#execs.get(execId);
    if (process === undefined) return;
    this.#execs.delete(execId);
    process.streams.close();
    if (!process.hasExited) process.signal(SIGKILL);
  }

  /** The process that `execId` means; empty and the container's own id mean the first. */
  process(execId: string): GuestProcess {
    if (execId === "" || execId === this.id) return this.init;
    const found = this.#execs.get(execId);
    if (found === undefined) throw failures.unknownExec(execId);
    return found;
  }

  /** A process whose exit was not told yet. */
  liveProcess(execId: string): GuestProcess {
    const found = this.process(execId);
    if (!found.isReported) return found;
    throw found === this.init ? failures.initGone(this.id) : failures.unknownExec(execId);
  }

  /** Kills everything in the cgroup; without one, the processes that we started. */
  killAll(): void {
    if (this.cgroup.killAll()) return;
    for (const process of [this.init, ...this.#execs.values()]) {
      if (!process.hasExited) process.signal(SIGKILL);
    }
  }

  async wait(execId: string): Promise<number> {
    const process = this.liveProcess(execId);
    const status = await process.wait();
    if (process !== this.init) this.#forgetDrained(execId);
    return status;
  }

  /** Waits for output; empty at its end. Output that no caller got stays for the next. */
  async read(
    execId: string,
    from: { stream: "stdout" | "stderr"; limit: number; signal: AbortSignal },
  ): Promise<Buffer> {
    const queue = this.process(execId).streams[from.stream];
    if (queue === undefined) throw failures.noReader();
    const data = await queue.take(from.limit, from.signal);
    if (data.length === 0) this.#forgetDrained(execId);
    return data;
  }

  pause(isFrozen: boolean): void {
    if (!this.cgroup.freeze(isFrozen)) throw new Unsupported("pause", "the guest's cgroup hierarchy cannot freeze");
  }

  async update(resources: Wire.LinuxResources): Promise<void> {
    await this.#tools.runtime.update(this.id, convertLimits(resources), this.#directory);
  }

  /** Ends every process, then lets the runtime forget the container. `timeoutMs` undefined waits for ever. */
  async remove(timeoutMs: number | undefined): Promise<void> {
    this.killAll();
    const limits = {
      operation: `ETIME: ending container ${this.id}`,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
    await withDeadline(this.init.exited, limits);
    for (const process of [this.init, ...this.#execs.values()]) process.streams.close();
    this.#oomWatch?.[Symbol.dispose]();
    await this.#tools.runtime.delete(this.id);
    rmSync(join(this.#directory, "bundle"), { recursive: true, force: true });
  }

  /** An exec is remembered until its exit was told and its output taken, whichever comes last. */
  #forgetDrained(execId: string): void {
    const process = this.#execs.get(execId);
    if (process === undefined || !process.isReported) return;
    const { stdout, stderr } = process.streams;
    if (stdout.isDrained && (stderr?.isDrained ?? true)) {
      process.streams.close();
      this.#execs.delete(execId);
    }
  }
}

async function launch(
  spec: Oci.Process,
  tools: ContainerTools,
  run: (stdio: ReturnType<typeof makeStdio>["child"]) => ReturnType<OciRuntime["create"]>,
): Promise<GuestProcess> {
  const stdio = makeStdio(spec.terminal === true);
  // its process may end before we have read its pid; nobody else may take the exit code until then
  using _ = tools.reaper.hold();
  try {
    const started = await run(stdio.child);
    stdio.handedOver();
    const streams = stdio.open(started);
    if (spec.terminal === true && spec.consoleSize !== undefined) {
      streams.resize({ rows: spec.consoleSize.height, columns: spec.consoleSize.width });
    }
    return new GuestProcess(started.pid, streams, tools.reaper.exitOf(started.pid));
  } catch (error) {
    stdio.abandon();
    throw explainLaunch(error, spec);
  }
}

/** The runtime's complaint, with the words that hosts look for when the command is missing (agent-protocol §6). */
function explainLaunch(error: unknown, spec: Oci.Process): unknown {
  if (!(error instanceof HostCommandFailed)) return error;
  const command = spec.args?.[0] ?? "";
  const complaint = error.stderrTail.trim() || errorText(error);
  const isMissing = /executable file .*(not found|no such file)|exec: .*(not found|no such file)/i.test(complaint);
  const lead = isMissing ? `the file ${command} was not found: no such file or directory` : `cannot run ${command}`;
  return new AgentFailure("internal", `${lead}: ${complaint}`, { cause: error });
}

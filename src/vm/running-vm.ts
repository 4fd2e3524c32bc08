// A VM that runs: what a pod can ask of it until it ends, by itself or by us.
import type { Duplex } from "node:stream";
import { once } from "../host/once.ts";
import type { DialPort } from "../host/vsock.ts";
import type { CleanupStack } from "../lib/cleanup-stack.ts";
import { withDeadline } from "../lib/deadline.ts";
import { DeadlineExceeded, type VmExitFacts } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { LaunchPlan } from "../plan/launch-plan.ts";
import type { VmSize } from "../plan/limits.ts";
import type { SizeRange } from "../plan/resize.ts";
import type { QmpSession } from "../wire/qmp/client.ts";
import type { Child } from "./child.ts";
import type { GuestConsole } from "./console.ts";
import { dialUntilAnswered } from "./dial.ts";
import { type DiskAddress, type DiskRequest, Disks } from "./disks.ts";
import { explainExit, explainSilence } from "./failure-causes.ts";
import { type BringOnline, RunningSize } from "./vm-size.ts";
import { untilDriverStarted } from "./vsock-driver.ts";

export interface VmParts {
  readonly plan: LaunchPlan;
  readonly qemu: Child;
  readonly qmp: QmpSession;
  readonly console: GuestConsole;
  readonly exited: Promise<VmExitFacts>;
  readonly dial: DialPort;
  readonly logger: Logger;
  /** undoes everything that was acquired, the process included */
  readonly cleanup: CleanupStack;
}

const quitMs = 2_000;

export class RunningVm implements AsyncDisposable {
  readonly pid: number;
  readonly plan: LaunchPlan;
  readonly console: GuestConsole;
  readonly qmp: QmpSession;
  readonly exited: Promise<VmExitFacts>;
  /** idempotent; concurrent callers share one outcome */
  readonly stop: () => Promise<void>;
  readonly #parts: VmParts;
  readonly #disks: Disks;
  readonly #size: RunningSize;
  readonly #gone = new AbortController();
  #canDial: boolean;

  constructor(parts: VmParts) {
    this.#parts = parts;
    this.pid = parts.qemu.pid;
    this.plan = parts.plan;
    this.console = parts.console;
    this.qmp = parts.qmp;
    this.exited = parts.exited;
    this.#disks = new Disks(parts.qmp, parts.plan, { logger: parts.logger });
    this.#size = new RunningSize(parts.qmp, parts.plan, { logger: parts.logger });
    this.#canDial = parts.plan.vsock.transport === "vhost";
    this.stop = once(() => this.#end());
    void parts.exited.then(() => this.#gone.abort());
  }

  async dialGuest(port: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<Duplex> {
    const { plan, dial, console: guestConsole } = this.#parts;
    const signal = AbortSignal.any([this.#gone.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    const end = performance.now() + options.timeoutMs;
    try {
      if (!this.#canDial) await untilDriverStarted(this.qmp, { timeoutMs: options.timeoutMs, signal });
      this.#canDial = true;
      return await dialUntilAnswered(dial, port, { timeoutMs: end - performance.now(), signal });
    } catch (error) {
      if (this.#gone.signal.aborted) throw explainExit(await this.exited, "waiting for the guest", plan);
      if (!(error instanceof DeadlineExceeded)) throw error;
      throw explainSilence({ port, timeoutMs: options.timeoutMs, console: guestConsole.text() }, plan);
    }
  }

  async plugDisk(disk: DiskRequest): Promise<DiskAddress> {
    return await this.#disks.plug(disk);
  }

  async unplugDisk(id: string): Promise<void> {
    await this.#disks.unplug(id);
  }

  get size(): VmSize {
    return this.#size.now;
  }

  get sizeRange(): SizeRange {
    return this.#size.range;
  }

  get launchClass(): string {
    return this.plan.class;
  }

  async resize(wanted: VmSize, bringOnline: BringOnline): Promise<void> {
    await this.#size.change(wanted, bringOnline);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #end(): Promise<void> {
    const { qmp, cleanup, logger } = this.#parts;
    try {
      await qmp.execute("quit", {}, { timeoutMs: quitMs });
      await withDeadline(this.exited, { operation: "waiting for QEMU to quit", timeoutMs: quitMs });
    } catch (error) {
      // Dead already, or it does not listen: the process is ended by signals below.
      logger.debug("QEMU did not quit by QMP", { error });
    }
    await cleanup[Symbol.asyncDispose]();
  }
}

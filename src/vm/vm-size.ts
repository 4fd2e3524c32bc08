// The size of a running VM. QEMU accepts a change at once; CPUs and memory are there when the guest's kernel
// has taken them, and used when its agent has brought them online. A change that fails is taken back.
import { CleanupStack } from "../lib/cleanup-stack.ts";
import { pause } from "../lib/deadline.ts";
import { DeadlineExceeded, errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { LaunchPlan } from "../plan/launch-plan.ts";
import { growingMemory, mebibyte, type VmSize } from "../plan/limits.ts";
import type { QmpStep } from "../plan/qmp-steps.ts";
import { planResize, type SizeRange, sizeRange } from "../plan/resize.ts";
import type { QmpSession } from "../wire/qmp/client.ts";

/** Tells the guest's agent how many CPUs were added; called again while memory is on its way. */
export type BringOnline = (newCpus: number) => Promise<void>;

export interface ResizeLimits {
  readonly commandMs: number;
  /** for the guest to take all the memory; it does some GiB a second, a hundred times less under emulation */
  readonly memoryMs: number;
}

const defaults: ResizeLimits = { commandMs: 10_000, memoryMs: 60_000 };
const pollMs = 100;

export class RunningSize {
  readonly range: SizeRange;
  readonly #qmp: QmpSession;
  readonly #logger: Logger;
  readonly #limits: ResizeLimits;
  #now: VmSize;

  constructor(qmp: QmpSession, plan: LaunchPlan, options: { logger: Logger; limits?: ResizeLimits }) {
    this.#qmp = qmp;
    this.range = sizeRange(plan);
    this.#now = this.range.start;
    this.#logger = options.logger;
    this.#limits = options.limits ?? defaults;
  }

  get now(): VmSize {
    return this.#now;
  }

  /** One call at a time. CPUs are never taken away; memory that is given back comes when the guest can spare it. */
  async change(wanted: VmSize, bringOnline: BringOnline): Promise<void> {
    const places = await this.#qmp.execute("query-hotpluggable-cpus", {}, { timeoutMs: this.#limits.commandMs });
    const { memoryMiB } = this.#now;
    const steps = planResize({ memoryMiB, places }, wanted, this.range);
    await using undo = new CleanupStack();
    for (const { step, undo: back } of steps) {
      await this.#run(step);
      undo.defer(back.execute, () => this.#takeBack(back));
    }
    const newCpus = steps.filter(({ step }) => step.execute === "device_add").length;
    if (newCpus > 0 || wanted.memoryMiB > memoryMiB) await this.#settle(wanted, newCpus, bringOnline);
    undo.move();
    this.#now = { vcpus: Math.max(this.#now.vcpus, wanted.vcpus), memoryMiB: wanted.memoryMiB };
  }

  /** An agent's call brings online what is there by then; the kernel stops taking memory that nobody brings online. */
  async #settle(wanted: VmSize, newCpus: number, bringOnline: BringOnline): Promise<void> {
    const end = performance.now() + this.#limits.memoryMs;
    for (let waiting = newCpus; ; waiting = 0) {
      const takenMiB = await this.#takenMiB();
      await bringOnline(waiting);
      if (takenMiB >= wanted.memoryMiB) return;
      if (performance.now() > end) {
        const operation = `the guest's taking of ${wanted.memoryMiB} MiB (it has ${takenMiB})`;
        throw new DeadlineExceeded(operation, this.#limits.memoryMs);
      }
      await pause(pollMs);
    }
  }

  async #takenMiB(): Promise<number> {
    const { start, most } = this.range;
    if (most.memoryMiB === start.memoryMiB) return start.memoryMiB;
    const size = { path: growingMemory, property: "size" };
    const taken = await this.#qmp.execute("qom-get", size, { timeoutMs: this.#limits.commandMs });
    return start.memoryMiB + Number(taken) / mebibyte;
  }

  async #run(step: QmpStep): Promise<void> {
    await this.#qmp.executeRaw(step.execute, step.arguments, { timeoutMs: this.#limits.commandMs });
  }

  /** A CPU that the guest keeps is only not used; the next change finds it. */
  async #takeBack(step: QmpStep): Promise<void> {
    try {
      await this.#run(step);
    } catch (error) {
      this.#logger.warn("a change of the VM's size was not taken back", { step, error: errorText(error) });
    }
  }
}

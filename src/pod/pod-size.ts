// Keeps the VM as large as the limits of the pod's running containers need, where it can grow; where it
// cannot, refuses updates that would promise what the VM does not have. One change at a time.
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { raceLasting } from "../lib/race.ts";
import type { ContainerLimits, VmSize } from "../plan/limits.ts";
import { atMost, sizeFor, sizeProblems } from "../plan/resize.ts";
import type { LaunchedPod } from "./ports.ts";

export interface PodSizeDeps {
  readonly launched: LaunchedPod;
  readonly logger: Logger;
  /** called after each change */
  readonly sized: (size: VmSize) => void;
}

export class PodSize {
  readonly #deps: PodSizeDeps;
  readonly #limits = new Map<string, ContainerLimits>();
  #tail: Promise<unknown> = Promise.resolve();

  constructor(deps: PodSizeDeps) {
    this.#deps = deps;
  }

  limitsOf(containerId: string): ContainerLimits {
    return this.#limits.get(containerId) ?? {};
  }

  /** For a new container, or new limits of one; on failure everything is as before. */
  claim(containerId: string, limits: ContainerLimits): Promise<void> {
    return this.#inTurn(async () => {
      const before = { limits: this.#limits.get(containerId), needed: this.#needed() };
      this.#limits.set(containerId, limits);
      try {
        this.#requireRoom(before.needed, before.limits === undefined);
        await this.#fit();
      } catch (error) {
        if (before.limits === undefined) this.#limits.delete(containerId);
        else this.#limits.set(containerId, before.limits);
        throw error;
      }
    });
  }

  /** Its limits count no more. The VM keeps its size: a container that ended is mostly started anew. */
  ended(containerId: string): void {
    this.#limits.delete(containerId);
  }

  /** Gives back what only this container needed, as far as the guest can. */
  async release(containerId: string): Promise<void> {
    this.ended(containerId);
    try {
      await this.#inTurn(() => this.#fit());
    } catch (error) {
      this.#deps.logger.warn("the VM keeps its size", { error: errorText(error) });
    }
  }

  #needed(): VmSize {
    const { vm, memoryOverheadMiB } = this.#deps.launched;
    return sizeFor(this.#limits.values(), vm.sizeRange, memoryOverheadMiB);
  }

  /** A limit is no reservation: where the VM's size is fixed a new container may have one that is never reached. */
  #requireRoom(before: VmSize, isNew: boolean): void {
    const { sizeRange: range, launchClass } = this.#deps.launched.vm;
    for (const { error, isFixed } of sizeProblems(this.#needed(), { before, range, launchClass })) {
      if (!isNew || !isFixed) throw error;
      this.#deps.logger.warn("a container's limits are more than its VM has", { problem: errorText(error) });
    }
  }

  async #fit(): Promise<void> {
    const { launched, sized } = this.#deps;
    const { vm, guest } = launched;
    const wanted = atMost(this.#needed(), vm.sizeRange);
    if (wanted.vcpus <= vm.size.vcpus && wanted.memoryMiB === vm.size.memoryMiB) return;
    await raceLasting(
      vm.resize(wanted, (newCpus) => guest.control.bringOnline(newCpus)),
      guest.gone,
    );
    sized(vm.size);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

// Disks that come and go while the VM runs. One change at a time: QEMU's answers to concurrent
// hot-plugs would say nothing about which of them failed. A place is free again only once QEMU
// says that the device is gone.
import { AlreadyExists, DeadlineExceeded, Unsupported } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { firstPortSlot } from "../plan/devices.ts";
import type { HotDevice, LaunchPlan } from "../plan/launch-plan.ts";
import { nodeName, type QmpStep, renderPlug } from "../plan/qmp-steps.ts";
import type { QmpSession } from "../wire/qmp/client.ts";
import { QmpError } from "../wire/qmp/qmp-error.ts";

export interface DiskRequest {
  readonly id: string;
  readonly path: string;
  readonly readonly: boolean;
  readonly isDevice?: boolean;
}

export interface DiskAddress {
  readonly driver: "scsi" | "blk";
  readonly source: string;
}

export interface DiskLimits {
  readonly plugMs: number;
  readonly unplugMs: number;
}

interface Place {
  readonly address: DiskAddress;
  device(disk: DiskRequest): HotDevice;
}

const defaults: DiskLimits = { plugMs: 10_000, unplugMs: 10_000 };

export class Disks {
  readonly #qmp: QmpSession;
  readonly #plan: LaunchPlan;
  readonly #logger: Logger;
  readonly #limits: DiskLimits;
  readonly #free: Place[];
  readonly #used = new Map<string, Place>();
  #tail: Promise<unknown> = Promise.resolve();

  constructor(qmp: QmpSession, plan: LaunchPlan, options: { logger: Logger; limits?: DiskLimits }) {
    this.#qmp = qmp;
    this.#plan = plan;
    this.#logger = options.logger;
    this.#limits = options.limits ?? defaults;
    this.#free = freePlaces(plan);
  }

  plug(disk: DiskRequest): Promise<DiskAddress> {
    return this.#inTurn(async () => {
      if (this.#used.has(disk.id)) throw new AlreadyExists("disk", disk.id);
      const place = this.#free.shift();
      if (place === undefined) throw new Unsupported("another disk", "the VM has no free place for it");
      try {
        await this.#run(renderPlug(place.device(disk), this.#plan.tee.kind !== "none"));
      } catch (error) {
        // without QEMU's own refusal the disk may be there all the same, and its place is not to be had
        if (!(error instanceof QmpError)) this.#used.set(disk.id, place);
        else await this.#giveBack(disk.id, place);
        throw error;
      }
      this.#used.set(disk.id, place);
      return place.address;
    });
  }

  /** Idempotent. A disk that the guest keeps is left to the VM's end, its place with it. */
  unplug(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const place = this.#used.get(id);
      if (place === undefined || !(await this.#removeDevice(id))) return;
      this.#used.delete(id);
      await this.#giveBack(id, place);
    });
  }

  /** False where the guest keeps it. */
  async #removeDevice(id: string): Promise<boolean> {
    using gone = this.#qmp.listen(["DEVICE_DELETED"]);
    try {
      await this.#qmp.execute("device_del", { id }, { timeoutMs: this.#limits.plugMs });
    } catch (error) {
      // of a plug that was given up, and that QEMU then refused
      if (error instanceof QmpError && error.errorClass === "DeviceNotFound") return true;
      throw error;
    }
    const limits = { operation: `unplug disk ${id}`, timeoutMs: this.#limits.unplugMs };
    try {
      await gone.until(({ data }) => data.device === id, limits);
      return true;
    } catch (error) {
      if (!(error instanceof DeadlineExceeded)) throw error;
      this.#logger.warn("the guest keeps a disk; it stays until the VM ends", { disk: id });
      return false;
    }
  }

  /** Last in line: should the place itself be the trouble, the next disk gets another. */
  async #giveBack(id: string, place: Place): Promise<void> {
    await this.#dropNode(id);
    this.#free.push(place);
  }

  async #run(steps: readonly QmpStep[]): Promise<void> {
    for (const step of steps) {
      await this.#qmp.executeRaw(step.execute, step.arguments, { timeoutMs: this.#limits.plugMs });
    }
  }

  /** The node may not exist, and an unused one harms nobody. */
  async #dropNode(id: string): Promise<void> {
    const limits = { timeoutMs: this.#limits.plugMs };
    await this.#qmp.execute("blockdev-del", { "node-name": nodeName(id) }, limits).catch((error: unknown) => {
      this.#logger.debug("a block node could not be removed", { disk: id, error });
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/** Targets of a virtio-scsi controller: 0 to 255 (virtio 1.2, section 5.6.6.1). */
const scsiTargets = 256;

function freePlaces(plan: LaunchPlan): Place[] {
  const { hotplug } = plan;
  if (hotplug.kind === "scsi") {
    const taken = plan.hotDevices.filter((device) => device.kind === "scsi-disk").map((device) => device.target);
    return Array.from({ length: scsiTargets }, (_, target) => target)
      .filter((target) => !taken.includes(target))
      .map((target) => ({
        address: { driver: "scsi", source: `${target}:0` },
        device: (disk) => ({ kind: "scsi-disk", controller: hotplug.controller, target, ...disk }),
      }));
  }
  return hotplug.ports.map((bus) => ({
    address: { driver: "blk", source: `${slotOf(bus, plan)}/00` },
    device: (disk) => ({ kind: "block", bus, serial: disk.id.slice(0, 20), ...disk }),
  }));
}

/** A port's slot on the root bus, two hex digits, as the agent writes PCI paths. */
function slotOf(bus: string, plan: LaunchPlan): string {
  const port = plan.coldDevices.find((device) => device.kind === "root-port" && device.id === bus);
  const index = port?.kind === "root-port" ? port.index : 0;
  return (firstPortSlot + index).toString(16).padStart(2, "0");
}

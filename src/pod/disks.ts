// The layer disks of a pod's VM. Containers of one image share their layers' disks: each is plugged
// once and stays while somebody uses it.
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { GuestLayer } from "../translate/storages.ts";
import type { GuestDiskAddress, LayerFile, PodVm } from "./ports.ts";

interface Plugged {
  readonly id: string;
  readonly address: Promise<GuestDiskAddress>;
  users: number;
}

export class LayerDisks {
  readonly #vm: PodVm;
  readonly #logger: Logger;
  readonly #byPath = new Map<string, Plugged>();
  #nextId = 0;

  constructor(vm: PodVm, logger: Logger) {
    this.#vm = vm;
    this.#logger = logger;
  }

  /** All or none: on failure nothing stays plugged for this call. */
  async plug(layers: readonly LayerFile[]): Promise<readonly GuestLayer[]> {
    const taken: string[] = [];
    try {
      const guestLayers: GuestLayer[] = [];
      for (const layer of layers) {
        taken.push(layer.path);
        const { path, ...facts } = layer;
        guestLayers.push({ ...(await this.#take(path)), ...facts });
      }
      return guestLayers;
    } catch (error) {
      await this.unplug(taken);
      throw error;
    }
  }

  /** Best effort: a disk that the guest keeps is gone with the VM at the latest. */
  async unplug(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const plugged = this.#byPath.get(path);
      if (plugged === undefined) continue;
      plugged.users -= 1;
      if (plugged.users > 0) continue;
      this.#byPath.delete(path);
      try {
        await this.#vm.unplugDisk(plugged.id);
      } catch (error) {
        this.#logger.warn("a layer disk stays plugged", { path, error: errorText(error) });
      }
    }
  }

  #take(path: string): Promise<GuestDiskAddress> {
    const known = this.#byPath.get(path);
    if (known !== undefined) {
      known.users += 1;
      return known.address;
    }
    const id = `layer${this.#nextId++}`;
    const address = this.#vm.plugDisk({ id, path, readonly: true });
    this.#byPath.set(path, { id, address, users: 1 });
    return address;
  }
}

// The volumes of a pod that are disks of its VM. A volume is plugged when the first container asks for it
// and stays to the pod's end: an emptyDir outlives the containers that use it.
import type { VolumeDisk } from "../translate/volume-disks.ts";
import type { GuestDiskAddress, PodVm } from "./ports.ts";

export class VolumeDisks {
  readonly #vm: PodVm;
  readonly #makeFile: (path: string, bytes: number) => Promise<void>;
  readonly #plugged = new Map<string, Promise<GuestDiskAddress>>();
  #nextId = 0;

  constructor(vm: PodVm, makeFile: (path: string, bytes: number) => Promise<void>) {
    this.#vm = vm;
    this.#makeFile = makeFile;
  }

  /** Addresses by volume. */
  async plug(disks: readonly VolumeDisk[]): Promise<ReadonlyMap<string, GuestDiskAddress>> {
    const addresses = new Map<string, GuestDiskAddress>();
    for (const disk of disks) addresses.set(disk.volume, await this.#take(disk));
    return addresses;
  }

  /** A volume that could not be plugged may be tried again. */
  #take(disk: VolumeDisk): Promise<GuestDiskAddress> {
    const known = this.#plugged.get(disk.volume);
    if (known !== undefined) return known;
    const fresh = this.#plug(disk);
    this.#plugged.set(disk.volume, fresh);
    fresh.catch(() => this.#plugged.delete(disk.volume));
    return fresh;
  }

  async #plug({ path, readonly, isDevice = false, newBytes }: VolumeDisk): Promise<GuestDiskAddress> {
    if (newBytes !== undefined) await this.#makeFile(path, newBytes);
    return await this.#vm.plugDisk({ id: `volume${this.#nextId++}`, path, readonly, isDevice });
  }
}

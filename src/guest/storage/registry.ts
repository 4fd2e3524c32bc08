// What the sandbox has mounted, by mount point, with reference counts: a second container that names the
// same mount point shares it; `shared` ones live until the sandbox ends (agent-protocol §4.4). A request
// that fails part-way is undone. A root of layers is never shared, and nothing of another request's comes into it or
// over it: its request is measured as the whole of it.
import { CleanupStack } from "../../lib/cleanup-stack.ts";
import { InvalidRequest } from "../../lib/errors.ts";
import type { Storage } from "../../wire/gen/kata/agent.ts";
import { isBelow } from "../bind-sources.ts";
import { AgentFailure } from "../status.ts";
import { checkStorages } from "./checks.ts";
import { type DriverContext, drivers } from "./drivers.ts";
import { describeLayers, isLayer, mountLayers } from "./layers.ts";

interface Held {
  references: number;
  readonly shared: boolean;
  readonly undo: CleanupStack;
  /** the request whose container has its root here */
  readonly rootOf: object | undefined;
}

interface Acquisition {
  readonly shared: boolean;
  readonly isRoot: boolean;
  readonly make: () => Promise<CleanupStack>;
}

export class StorageRegistry {
  readonly #held = new Map<string, Held>();
  readonly #context: Pick<DriverContext, "hotplugLimitMs">;

  constructor(context: Pick<DriverContext, "hotplugLimitMs">) {
    this.#context = context;
  }

  /** Mounts in list order; returns the mount points to hand to `release`. */
  async add(storages: readonly Storage[], owner: Omit<DriverContext, "hotplugLimitMs">): Promise<string[]> {
    checkStorages(storages);
    const context = { ...this.#context, ...owner };
    await using rollback = new CleanupStack();
    const added: string[] = [];
    const keep = async (mountPoint: string, how: Acquisition) => {
      await this.#acquire(mountPoint, how, storages);
      rollback.defer(`release ${mountPoint}`, () => this.release([mountPoint]));
      added.push(mountPoint);
    };
    const layers = storages.filter(isLayer);
    const firstLayer = layers[0];
    for (const storage of storages) {
      if (storage === firstLayer) {
        const { target } = describeLayers(layers);
        await keep(target, { shared: false, isRoot: true, make: () => mountLayers(layers, context) });
      } else if (!isLayer(storage)) {
        const { mount_point: point, shared } = storage;
        await keep(point, { shared, isRoot: false, make: () => mountOne(storage, context) });
      }
    }
    rollback.move();
    return added;
  }

  /** Undone in reverse order; all are tried. */
  async release(mountPoints: readonly string[]): Promise<void> {
    await using undo = new CleanupStack();
    for (const mountPoint of mountPoints) {
      const held = this.#held.get(mountPoint);
      if (held === undefined) continue;
      held.references -= 1;
      if (held.references > 0 || held.shared) continue;
      this.#held.delete(mountPoint);
      undo.use(mountPoint, held.undo);
    }
  }

  /** Everything, at the end of the sandbox. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using undo = new CleanupStack();
    for (const [mountPoint, held] of this.#held) undo.use(mountPoint, held.undo);
    this.#held.clear();
  }

  async #acquire(mountPoint: string, how: Acquisition, request: object): Promise<void> {
    this.#requireApart(mountPoint, request);
    const held = this.#held.get(mountPoint);
    if (held === undefined) {
      const rootOf = how.isRoot ? request : undefined;
      this.#held.set(mountPoint, { references: 1, shared: how.shared, undo: await how.make(), rootOf });
      return;
    }
    if (how.isRoot) throw new InvalidRequest("storages.mount_point", `${mountPoint} is mounted already`);
    held.references += 1;
  }

  #requireApart(mountPoint: string, request: object): void {
    for (const [root, { rootOf }] of this.#held) {
      if (rootOf === undefined || rootOf === request) continue;
      if (!isBelow(mountPoint, [root]) && !isBelow(root, [mountPoint])) continue;
      throw new InvalidRequest("storages.mount_point", `${mountPoint} is in or above ${root}, the root of a container`);
    }
  }
}

function mountOne(storage: Storage, context: DriverContext): Promise<CleanupStack> {
  const driver = Object.hasOwn(drivers, storage.driver) ? drivers[storage.driver] : undefined;
  if (driver === undefined) throw new AgentFailure("internal", `Failed to find the storage handler ${storage.driver}`);
  return driver(storage, context);
}

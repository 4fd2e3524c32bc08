// What the sandbox has mounted, by mount point, with reference counts: a second container that names the
// same mount point shares it; `shared` ones live until the sandbox ends (agent-protocol §4.4). A request
// that fails part-way is undone.
import { CleanupStack } from "../../lib/cleanup-stack.ts";
import type { Storage } from "../../wire/gen/kata/agent.ts";
import { AgentFailure } from "../status.ts";
import { checkStorages } from "./checks.ts";
import { type DriverContext, drivers } from "./drivers.ts";
import { isLayer, mountLayers } from "./layers.ts";

interface Held {
  references: number;
  readonly shared: boolean;
  readonly undo: CleanupStack;
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
    const keep = async (mountPoint: string, shared: boolean, make: () => Promise<CleanupStack>) => {
      await this.#acquire(mountPoint, { shared, make });
      rollback.defer(`release ${mountPoint}`, () => this.release([mountPoint]));
      added.push(mountPoint);
    };
    const layers = storages.filter(isLayer);
    const firstLayer = layers[0];
    for (const storage of storages) {
      if (storage === firstLayer) {
        const target = layers.find((layer) => layer.options.includes("X-kata.overlay-upper")) ?? firstLayer;
        await keep(target.mount_point, target.shared, () => mountLayers(layers, target.mount_point, context));
      } else if (!isLayer(storage)) {
        await keep(storage.mount_point, storage.shared, () => mountOne(storage, context));
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

  async #acquire(mountPoint: string, how: { shared: boolean; make: () => Promise<CleanupStack> }): Promise<void> {
    const held = this.#held.get(mountPoint);
    if (held !== undefined) {
      held.references += 1;
      return;
    }
    this.#held.set(mountPoint, { references: 1, shared: how.shared, undo: await how.make() });
  }
}

function mountOne(storage: Storage, context: DriverContext): Promise<CleanupStack> {
  const driver = Object.hasOwn(drivers, storage.driver) ? drivers[storage.driver] : undefined;
  if (driver === undefined) throw new AgentFailure("internal", `Failed to find the storage handler ${storage.driver}`);
  return driver(storage, context);
}

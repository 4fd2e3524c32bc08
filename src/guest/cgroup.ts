// A container's cgroup (v2). The host's own cgroup path means nothing in here, so every container gets
// one directory below ours. Killing and freezing are single writes, which nothing in the container escapes.
import { existsSync, type FSWatcher, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../lib/errors.ts";

const HIERARCHY = "/sys/fs/cgroup";

export class ContainerCgroup {
  /** as the runtime gets it */
  readonly path: string;
  readonly directory: string;

  constructor(containerId: string) {
    this.path = `/kata/${containerId}`;
    this.directory = join(HIERARCHY, this.path);
  }

  /** False where this kernel or hierarchy has no cgroup.kill. */
  killAll(): boolean {
    return this.#write("cgroup.kill", "1");
  }

  freeze(isFrozen: boolean): boolean {
    return this.#write("cgroup.freeze", isFrozen ? "1" : "0");
  }

  /** Undefined when the controller is absent. */
  read(file: string): string | undefined {
    try {
      return readFileSync(join(this.directory, file), "utf8");
    } catch (error) {
      if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENODEV") return undefined;
      throw error;
    }
  }

  /** Calls back for each out-of-memory kill from now on. */
  watchOom(onKill: () => void): Disposable {
    let seen = this.#oomKills();
    const look = () => {
      const kills = this.#oomKills();
      if (kills > seen) onKill();
      seen = kills;
    };
    const file = join(this.directory, "memory.events");
    const watcher: FSWatcher | undefined = existsSync(file) ? watch(file, look) : undefined;
    watcher?.on("error", () => undefined);
    return {
      [Symbol.dispose]: () => {
        look();
        watcher?.close();
      },
    };
  }

  #oomKills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(this.read("memory.events") ?? "")?.[1] ?? 0);
  }

  #write(file: string, text: string): boolean {
    try {
      writeFileSync(join(this.directory, file), text);
      return true;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw error;
    }
  }
}

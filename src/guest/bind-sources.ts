// Where a bind mount, or a root, may come from. The host names paths of the guest; what it sent itself lies below
// the agent's own directory, and system mounts keep their guest sources (agent-protocol §4.1). The runtime takes
// a name, and a container of the pod may put a link into its volume until then: so what was checked is mounted
// where no container reaches it, and the runtime gets that name.
import { mkdirSync, realpathSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CleanupStack } from "../lib/cleanup-stack.ts";
import { errnoOf, InvalidRequest } from "../lib/errors.ts";
import { type OpenedPath, openBeneath } from "./sys/beneath.ts";
import { detach, MS, mount } from "./sys/mounts.ts";

/** Names in them are as the host gave them, or as containers made them: no link is followed. */
const volumes = ["/run/kata-containers", "/run/kata-containers-scratch"];
const system = ["/proc", "/sys", "/dev"];
/** below no directory that a bind mount may come from */
export const BINDS = "/run/kata-binds";

export class BindSources implements AsyncDisposable {
  readonly #directory: string;
  readonly #undo = new CleanupStack();
  #count = 0;

  constructor(containerId: string) {
    this.#directory = join(BINDS, containerId);
  }

  /** The name to bind it by, until disposed of; throws when it does not exist or lies elsewhere. */
  hold(source: string, field = "Mounts.source"): string {
    using found = openSource(source, field);
    if (this.#count === 0) this.#makeDirectory();
    const point = join(this.#directory, String(this.#count++));
    const isDirectory = found.stat().isDirectory();
    if (isDirectory) mkdirSync(point);
    else writeFileSync(point, "");
    this.#undo.defer(`remove ${point}`, () => (isDirectory ? rmdirSync(point) : unlinkSync(point)));
    mount({ source: found.path, target: point, fstype: "", flags: MS.BIND | MS.REC, data: "" });
    this.#undo.defer(`unmount ${point}`, () => detach(point));
    mount({ source: "", target: point, fstype: "", flags: MS.PRIVATE | MS.REC, data: "" });
    return point;
  }

  /** Removes nothing but what is empty once the mounts are gone. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo[Symbol.asyncDispose]();
  }

  /** Root of a user namespace is nobody special on the way to its volumes. */
  #makeDirectory(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o711 });
    this.#undo.defer(`remove ${this.#directory}`, () => rmdirSync(this.#directory));
  }
}

function openSource(source: string, field: string): OpenedPath {
  const own = volumes.find((root) => isBelow(source, [root]));
  if (own !== undefined) return openBeneath(own, source, { field });
  const resolved = realPath(source);
  if (isBelow(resolved, system)) return openBeneath("/", resolved, { field });
  throw new InvalidRequest(field, `${JSON.stringify(source)} is not among the directories a host may bind`);
}

export function isBelow(path: string, directories: readonly string[]): boolean {
  return directories.some((directory) => path === directory || path.startsWith(`${directory}/`));
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new InvalidRequest("Mounts.source", `${JSON.stringify(path)}: ${errnoOf(cause) ?? "unreadable"}`, { cause });
  }
}

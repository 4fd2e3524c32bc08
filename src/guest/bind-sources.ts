// Where a bind mount may come from. The host names paths of the guest; what it sent itself lies below
// the agent's own directory, and system mounts keep their guest sources (agent-protocol §4.1).
import { realpathSync } from "node:fs";
import { errnoOf, InvalidRequest } from "../lib/errors.ts";

const allowed = ["/run/kata-containers", "/run/kata-containers-scratch", "/proc", "/sys", "/dev"];

/** The source without symbolic links; throws when it does not exist or lies elsewhere. */
export function resolveBindSource(source: string): string {
  const resolved = realPath(source);
  if (!isBelow(resolved, allowed)) {
    throw new InvalidRequest("Mounts.source", `${JSON.stringify(source)} is not among the directories a host may bind`);
  }
  return resolved;
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

// Commands inside a pod's network namespace. One nsenter process answers all that is asked at once,
// since each process costs milliseconds of every pod's start.
import { stat } from "node:fs/promises";
import { errnoOf, HostCallFailed } from "../lib/errors.ts";
import { type CommandOptions, type CommandResult, runCommand } from "./exec.ts";
import { factsBatch, type NetworkFacts, parseNetworkFacts } from "./network-facts.ts";

export async function readNetworkFacts(netnsPath: string, options?: { signal?: AbortSignal }): Promise<NetworkFacts> {
  const asked = await runInNetns(netnsPath, ["ip", "-j", "-d", "-batch", "-"], {
    input: factsBatch,
    signal: options?.signal,
  });
  return parseNetworkFacts(asked.stdout);
}

/** Runs a command with the network namespace at `netnsPath`; the mount namespace stays ours. */
export async function runInNetns(
  netnsPath: string,
  command: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  if (!(await hasNetns(netnsPath))) throw new HostCallFailed(`enter network namespace ${netnsPath}`, "ENOENT");
  return await runCommand("nsenter", [`--net=${netnsPath}`, "--", ...command], options);
}

export async function hasNetns(netnsPath: string): Promise<boolean> {
  try {
    await stat(netnsPath);
    return true;
  } catch (cause) {
    const errno = errnoOf(cause) ?? "EUNKNOWN";
    if (errno === "ENOENT") return false;
    throw new HostCallFailed(`look at network namespace ${netnsPath}`, errno, { cause });
  }
}

// Processes by identity: pid and start time together, since a pid alone may have been given to
// someone else. A zombie counts as gone: it holds nothing and nobody can end it further.
import { readdir, readFile } from "node:fs/promises";
import { pause } from "../lib/deadline.ts";
import { DeadlineExceeded, errnoOf, HostCallFailed } from "../lib/errors.ts";

export interface ProcessIdentity {
  readonly pid: number;
  /** field 22 of /proc/PID/stat, clock ticks since boot */
  readonly startTime: string;
}

/** The start time of a living process, or undefined. */
export async function readStartTime(pid: number): Promise<string | undefined> {
  const stat = await readProcFile(pid, "stat");
  return stat === undefined ? undefined : parseStartTime(stat);
}

/** Start time out of the text of /proc/PID/stat; undefined for a zombie or a dead process. */
export function parseStartTime(stat: string): string | undefined {
  // The command name in parentheses may itself hold spaces and parentheses (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

export async function isAlive(target: ProcessIdentity): Promise<boolean> {
  return (await readStartTime(target.pid)) === target.startTime;
}

/** Living processes whose command line contains `match`; never this one. */
export async function findProcesses(match: string): Promise<readonly ProcessIdentity[]> {
  if (match === "") return [];
  const pids = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name)).map(Number);
  const found = await Promise.all(pids.filter((pid) => pid !== process.pid).map((pid) => identifyMatch(pid, match)));
  return found.filter((identity) => identity !== undefined);
}

export interface TerminateOptions {
  /** time that SIGTERM gets before SIGKILL; 0 kills at once; default 2 s */
  readonly graceMs?: number;
  /** time that SIGKILL gets before we give up; default 5 s */
  readonly killMs?: number;
}

/** Ends a process: SIGTERM, then SIGKILL. Resolves once it is gone, also when it was gone already. */
export async function terminate(target: ProcessIdentity, options: TerminateOptions = {}): Promise<void> {
  const { graceMs = 2_000, killMs = 5_000 } = options;
  if (graceMs > 0 && (await signalAndWait(target, { signal: "SIGTERM", waitMs: graceMs }))) return;
  if (await signalAndWait(target, { signal: "SIGKILL", waitMs: killMs })) return;
  throw new DeadlineExceeded(`ending process ${target.pid}`, graceMs + killMs);
}

/** Kills a child's whole process group; a group that is gone is no error. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw new HostCallFailed(`kill group ${pid}`, errnoOf(error) ?? "EUNKNOWN");
  }
}

async function signalAndWait(
  target: ProcessIdentity,
  step: { signal: NodeJS.Signals; waitMs: number },
): Promise<boolean> {
  if (!(await isAlive(target))) return true;
  try {
    process.kill(target.pid, step.signal);
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return true;
    throw new HostCallFailed(`kill ${target.pid}`, errnoOf(error) ?? "EUNKNOWN", { cause: error });
  }
  const end = performance.now() + step.waitMs;
  for (let waitMs = 1; performance.now() < end; waitMs = Math.min(waitMs * 2, 50)) {
    if (!(await isAlive(target))) return true;
    await pause(waitMs);
  }
  return !(await isAlive(target));
}

async function identifyMatch(pid: number, match: string): Promise<ProcessIdentity | undefined> {
  const commandLine = await readProcFile(pid, "cmdline");
  if (!commandLine?.replaceAll("\0", " ").includes(match)) return undefined;
  const startTime = await readStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

async function readProcFile(pid: number, name: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ESRCH") return undefined;
    throw new HostCallFailed(`read /proc/${pid}/${name}`, errno ?? "EUNKNOWN", { cause: error });
  }
}

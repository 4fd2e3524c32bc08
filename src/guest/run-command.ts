// Runs a helper program to its end with bounded output. What the agent spawns goes through here or through the
// runtime (but for what makes a pod's namespaces: pid-anchor.ts, sys/user-namespace.ts), so that nobody's child
// is left unwaited for.
import { spawn } from "node:child_process";
import { HostCommandFailed } from "../lib/errors.ts";
import { Tail } from "../lib/tail.ts";
import { leaveToLibuv } from "./sys/children.ts";

export interface CommandOptions {
  readonly stdio?: readonly [number | "ignore", number | "ignore", number | "ignore"];
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

/** Resolves with stdout (at most 1 MiB of its end); a non-zero exit throws with the end of stderr. */
export function runCommand(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const [stdin, stdout, stderr] = options.stdio ?? ["ignore", "pipe", "pipe"];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: [stdin, stdout, stderr],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs, killSignal: "SIGKILL" }),
    });
    leaveToLibuv(child);
    const said = { out: new Tail(1024 * 1024), err: new Tail() };
    child.stdout?.on("data", (chunk: Buffer) => said.out.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => said.err.push(chunk));
    child.on("error", (cause) => {
      reject(new HostCommandFailed(program, { exitCode: null, stderr: cause.message, cause }));
    });
    child.on("close", (exitCode, signal) => {
      if (exitCode === 0) resolve(said.out.text());
      else reject(new HostCommandFailed(program, { exitCode, signal, stderr: said.err.text() }));
    });
  });
}

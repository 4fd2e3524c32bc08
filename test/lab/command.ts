// Runs one command with a time limit and keeps what it said, as bytes. Never throws for an exit
// code: tests assert on it. A command over its limit is ended with its whole process group.
import { type ChildProcess, spawn } from "node:child_process";
import { PATIENCE } from "./patience.ts";

export interface CommandOptions {
  readonly timeoutMs?: number;
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** sees standard output as it comes, for progress */
  readonly onStdout?: (chunk: Buffer) => void;
}

export interface Outcome {
  readonly argv: readonly string[];
  /** 128 + signal number is not used: a command ended by a signal has code -1 */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly milliseconds: number;
}

export class CommandFailed extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    const said = (outcome.stderr.trim() || outcome.stdout.toString("utf8").trim()).slice(-2000);
    super(`${outcome.argv.join(" ")}: code ${outcome.code} after ${outcome.milliseconds} ms: ${said}`);
    this.name = "CommandFailed";
    this.outcome = outcome;
  }
}

const DEFAULT_LIMIT_MS = 60_000;

export function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const [program = "", ...rest] = argv;
  const started = process.hrtime.bigint();
  const child = spawn(program, rest, {
    detached: true,
    env: options.env ?? process.env,
    cwd: options.cwd,
    stdio: "pipe",
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout.push(chunk);
    options.onStdout?.(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input);
  const limit = (options.timeoutMs ?? DEFAULT_LIMIT_MS) * PATIENCE;
  const timer = setTimeout(() => {
    stderr.push(Buffer.from(`\nended after its limit of ${limit} ms`));
    endGroup(child);
  }, limit);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({
        argv,
        code: code ?? -1,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString("utf8"),
        milliseconds: Number((process.hrtime.bigint() - started) / 1_000_000n),
      });
    });
  });
}

/** Rejects with CommandFailed unless the outcome's code is 0. */
export async function mustSucceed(outcome: Promise<Outcome>): Promise<Outcome> {
  const settled = await outcome;
  if (settled.code !== 0) throw new CommandFailed(settled);
  return settled;
}

export function endGroup(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // it is gone
  }
}

// Runs one host command to its end: no shell, bounded output, bounded time. The command gets a
// process group of its own, so a deadline also ends what it started.
import { type ChildProcess, spawn } from "node:child_process";
import { withDeadline } from "../lib/deadline.ts";
import { Cancelled, EnvironmentLacks, errnoOf, HostCallFailed, HostCommandFailed } from "../lib/errors.ts";
import { Tail } from "../lib/tail.ts";
import { killGroup } from "./process.ts";

export interface CommandOptions {
  /** what the command reads from stdin; nothing when absent */
  readonly input?: string | Uint8Array;
  /** default 10 s */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** added to PATH and LC_ALL=C, the only two it has otherwise, so that messages do not vary */
  readonly env?: Readonly<Record<string, string>>;
  /** stdout beyond this ends the command; default 16 MiB */
  readonly maxOutputBytes?: number;
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderrTail: string;
}

/** Debian package of each program this project runs. */
const packages: Readonly<Record<string, string>> = {
  ip: "iproute2",
  tc: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
  mount: "mount",
  umount: "mount",
  losetup: "mount",
  "mkfs.erofs": "erofs-utils",
  veritysetup: "cryptsetup-bin",
  "qemu-system-x86_64": "qemu-system-x86",
  swtpm: "swtpm",
  "vhost-device-vsock": "vhost-device-vsock",
  virtiofsd: "virtiofsd",
};
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// A grandchild can keep the pipes open after the command itself has ended: then this much silence ends them.
const pipeGraceMs = 500;

/** Resolves with the output of a command that exited 0; anything else is a typed error. */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const outcome = await collect(file, args, options);
  if (outcome.exitCode === 0) return { stdout: outcome.stdout, stderrTail: outcome.stderr };
  throw new HostCommandFailed(commandName(file, args), outcome);
}

/** The error for a program that could not be spawned. */
export function spawnFailure(file: string, cause: unknown): Error {
  const errno = errnoOf(cause) ?? "EUNKNOWN";
  if (errno !== "ENOENT") return new HostCallFailed(`run ${file}`, errno, { cause });
  return programMissing(file, cause);
}

/** The error for a program that is not installed, with the package that has it. */
export function programMissing(file: string, cause: unknown): EnvironmentLacks {
  const name = file.slice(file.lastIndexOf("/") + 1);
  const fix = packages[name] === undefined ? `install ${name}` : `install the Debian package ${packages[name]}`;
  return new EnvironmentLacks(`${file} is not on this machine`, fix, { cause });
}

interface Outcome {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function collect(file: string, args: readonly string[], options: CommandOptions): Promise<Outcome> {
  if (options.signal?.aborted) throw new Cancelled(commandName(file, args));
  const child = start(file, args, options);
  // A command may exit without reading its input; that is its exit code's story, not EPIPE's.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(options.input);
  try {
    return await withDeadline(outcomeOf(child, file, options.maxOutputBytes ?? 16 * 1024 * 1024), {
      operation: commandName(file, args),
      timeoutMs: options.timeoutMs ?? 10_000,
      signal: options.signal,
    });
  } finally {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) killGroup(child.pid);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function start(file: string, args: readonly string[], options: CommandOptions): ChildProcess {
  return spawn(file, args, {
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] ?? defaultPath, LC_ALL: "C", ...options.env },
    detached: true,
  });
}

function outcomeOf(child: ChildProcess, file: string, maxOutputBytes: number): Promise<Outcome> {
  const chunks: Buffer[] = [];
  const stderr = new Tail();
  let size = 0;
  let pieces = 0;
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", () => pieces++);
    child.stdout?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxOutputBytes) chunks.push(chunk);
      else reject(new HostCallFailed(`read the output of ${file}, more than ${maxOutputBytes} bytes`, "EFBIG"));
    });
    child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.once("error", (error) => reject(spawnFailure(file, error)));
    const finish = () =>
      resolve({
        exitCode: child.exitCode,
        signal: child.signalCode,
        stdout: Buffer.concat(chunks).toString("utf8"),
        stderr: stderr.text(),
      });
    child.once("close", finish);
    // What was written may still lie in the pipe when a busy machine lets the timer come first: an immediate
    // runs after the pipes were read once more.
    const finishInSilence = () => {
      const before = pieces;
      const look = () => (pieces === before ? finish() : finishInSilence());
      setTimeout(() => setImmediate(look), pipeGraceMs).unref();
    };
    child.once("exit", finishInSilence);
  });
}

function commandName(file: string, args: readonly string[]): string {
  const line = [file, ...args].join(" ");
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

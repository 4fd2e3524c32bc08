// The OCI runtime inside the guest: crun, else runc. It makes containers and leaves; their processes
// become ours (subreaper). Standard streams are inherited, so the runtime's own complaints go to a
// log file and are read back from there.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentLacks, HostCommandFailed } from "../lib/errors.ts";
import { renderWideJson } from "../oci/wide-json.ts";
import { runCommand } from "./run-command.ts";
import { ConsoleSocket } from "./sys/console-socket.ts";

export type CgroupManager = "cgroupfs" | "disabled";

export interface RuntimeOptions {
  /** where the runtime keeps its state */
  readonly root: string;
  readonly cgroupManager: CgroupManager;
}

/** What the new process gets as 0, 1, 2: three descriptors, or a terminal of its own. */
export type ProcessStdio =
  | { readonly kind: "pipes"; readonly stdin: number; readonly stdout: number; readonly stderr: number }
  | { readonly kind: "terminal" };

export interface StartedProcess {
  readonly pid: number;
  /** master end when the process has a terminal */
  readonly terminal: number | undefined;
}

interface Launch {
  readonly containerId: string;
  /** directory for this launch's own files */
  readonly directory: string;
  readonly stdio: ProcessStdio;
  readonly command: readonly string[];
}

export class OciRuntime {
  readonly #program: string;
  readonly #options: RuntimeOptions;

  constructor(options: RuntimeOptions, program = findRuntime()) {
    this.#options = options;
    this.#program = program;
  }

  /** Makes everything but runs nothing of the workload; `bundle` holds config.json. */
  create(containerId: string, bundle: string, stdio: ProcessStdio): Promise<StartedProcess> {
    return this.#launch({ containerId, directory: bundle, stdio, command: ["create", "--bundle", bundle] });
  }

  async start(containerId: string): Promise<void> {
    await this.#run(["start", containerId]);
  }

  /** `process` is an OCI process object. */
  async exec(
    containerId: string,
    process: object,
    at: { directory: string; stdio: ProcessStdio },
  ): Promise<StartedProcess> {
    await mkdir(at.directory, { recursive: true, mode: 0o700 });
    const file = join(at.directory, "process.json");
    writeFileSync(file, renderWideJson(process), { mode: 0o600 });
    return await this.#launch({ containerId, ...at, command: ["exec", "--detach", "--process", file] });
  }

  async delete(containerId: string): Promise<void> {
    await this.#run(["delete", "--force", containerId]);
  }

  async update(containerId: string, resources: object, directory: string): Promise<void> {
    const file = join(directory, "resources.json");
    writeFileSync(file, renderWideJson(resources), { mode: 0o600 });
    await this.#run(["update", "--resources", file, containerId]);
  }

  async #launch(launch: Launch): Promise<StartedProcess> {
    const { directory, stdio } = launch;
    const pidFile = join(directory, "pid");
    const logFile = join(directory, "runtime.log");
    for (const stale of [pidFile, logFile]) rmSync(stale, { force: true });
    using consoleSocket = stdio.kind === "terminal" ? new ConsoleSocket(consolePath()) : undefined;
    const args = ["--log", logFile, ...this.#global(), ...launch.command, "--pid-file", pidFile];
    if (consoleSocket !== undefined) args.push("--console-socket", consoleSocket.path);
    try {
      await runCommand(this.#program, [...args, launch.containerId], {
        stdio: stdio.kind === "pipes" ? [stdio.stdin, stdio.stdout, stdio.stderr] : ["ignore", "ignore", "ignore"],
      });
    } catch (error) {
      throw withLog(error, logFile);
    }
    return { pid: Number(readFileSync(pidFile, "utf8")), terminal: consoleSocket?.receive() };
  }

  async #run(args: readonly string[]): Promise<void> {
    await runCommand(this.#program, [...this.#global(), ...args]);
  }

  #global(): string[] {
    return [
      `--root=${this.#options.root}`,
      ...(this.#isCrun ? [`--cgroup-manager=${this.#options.cgroupManager}`] : []),
    ];
  }

  get #isCrun(): boolean {
    return this.#program.endsWith("crun");
  }
}

function findRuntime(): string {
  for (const name of ["crun", "runc"]) {
    for (const directory of ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/local/sbin", "/bin"]) {
      const path = join(directory, name);
      if (existsSync(path)) return path;
    }
  }
  throw new EnvironmentLacks("neither crun nor runc is in this guest", "install crun in the image");
}

/** Outside the container's directory: two ids of 64 digits would not fit a socket address. */
function consolePath(): string {
  return join("/run", `kata-tty-${randomBytes(8).toString("hex")}`);
}

function withLog(error: unknown, logFile: string): unknown {
  if (!(error instanceof HostCommandFailed) || !existsSync(logFile)) return error;
  const stderr = readFileSync(logFile, "utf8").trim();
  return new HostCommandFailed(error.command, { exitCode: error.exitCode, stderr, cause: error });
}

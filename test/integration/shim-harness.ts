// Runs the built shim as containerd does: in a bundle with a log FIFO, with stdin, and with stdout
// and stderr read to their ends. No VM is booted. Everything has names of its own, so that what is
// left behind can be found.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { podRunDir } from "../../src/host/run-dir.ts";
import { socketPath } from "../../src/shim/socket-path.ts";
import { Sandbox } from "../../src/wire/gen/containerd/sandbox.ts";
import { Task } from "../../src/wire/gen/containerd/task.ts";
import { Task as TaskV3 } from "../../src/wire/gen/containerd/task_v3.ts";
import { type ServiceClient, TtrpcClient } from "../../src/wire/ttrpc/client.ts";
import { FakeContainerd } from "../fakes/fake-containerd.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** more flags, before the action */
  readonly flags?: readonly string[];
  /** SIGKILL after so many milliseconds */
  readonly killAfterMs?: number;
}

export interface ShimClient extends Disposable {
  readonly task: ServiceClient<typeof Task>;
  readonly taskV3: ServiceClient<typeof TaskV3>;
  readonly sandbox: ServiceClient<typeof Sandbox>;
  readonly closed: Promise<unknown>;
}

export class ShimBench implements AsyncDisposable {
  readonly folder: string;
  readonly namespace = "shimtest";
  readonly containerd: FakeContainerd;
  readonly #program: string;
  readonly #logs = new Map<string, number>();

  private constructor(folder: string, containerd: FakeContainerd) {
    this.folder = folder;
    this.containerd = containerd;
    this.#program = join(folder, "dist/bin/containerd-shim-kata-cvm-v2");
  }

  static async open(): Promise<ShimBench> {
    const folder = mkdtempSync(join(tmpdir(), "shim-"));
    execFileSync(process.execPath, [join(repository, ".ci/build.mjs"), join(folder, "dist")]);
    symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
    return new ShimBench(folder, await FakeContainerd.listen());
  }

  /** Ids that no other test uses: run directories are named by them. */
  id(name: string): string {
    return `${name}-${this.folder.slice(-6).replaceAll("_", "x")}`;
  }

  bundle(id: string, annotations: Readonly<Record<string, string>> | null): string {
    const path = join(this.folder, "bundles", id);
    mkdirSync(join(path, "rootfs"), { recursive: true });
    const spec = {
      ociVersion: "1.1.0",
      annotations,
      root: { path: "rootfs" },
      process: { cwd: "/", args: ["true"], user: { uid: 0, gid: 0 } },
      linux: { namespaces: ["ipc", "pid", "uts", "mount", "network"].map((type) => ({ type })) },
    };
    if (annotations !== null) writeFileSync(join(path, "config.json"), JSON.stringify(spec));
    if (!existsSync(join(path, "log"))) execFileSync("mkfifo", [join(path, "log")]);
    // as containerd does, so that the FIFO always has a reader
    if (!this.#logs.has(id)) this.#logs.set(id, openSync(join(path, "log"), constants.O_RDWR | constants.O_NONBLOCK));
    return path;
  }

  /** Forgets a bundle, as containerd does after Delete. */
  dropBundle(id: string): void {
    const log = this.#logs.get(id);
    if (log !== undefined) closeSync(log);
    this.#logs.delete(id);
    rmSync(join(this.folder, "bundles", id), { recursive: true, force: true });
  }

  sandboxBundle(id: string): string {
    return this.bundle(id, { "io.kubernetes.cri.container-type": "sandbox" });
  }

  containerBundle(id: string, pod: string): string {
    const annotations = { "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": pod };
    return this.bundle(id, annotations);
  }

  /** What the daemon of this bundle has logged since the last call. */
  logOf(id: string): string {
    const fd = this.#logs.get(id);
    const buffer = Buffer.alloc(256 * 1024);
    try {
      return fd === undefined ? "" : buffer.subarray(0, readSync(fd, buffer)).toString();
    } catch {
      return "";
    }
  }

  async run(action: "start" | "delete", id: string, options: RunOptions = {}): Promise<Outcome> {
    const bundle = join(this.folder, "bundles", id);
    mkdirSync(bundle, { recursive: true });
    const flags = ["-namespace", this.namespace, "-address", this.address, "-publish-binary", "/bin/false", "-id", id];
    if (action === "delete") flags.push("-bundle", bundle);
    return await this.call([...flags, ...(options.flags ?? []), action], { ...options, cwd: bundle });
  }

  /** Ends once the program has ended and nobody holds its output any more. */
  async call(argv: readonly string[], options: RunOptions & { cwd?: string } = {}): Promise<Outcome> {
    const env = { ...process.env, TTRPC_ADDRESS: this.containerd.path, ...options.env };
    const child = spawn(this.#program, argv, { cwd: options.cwd ?? this.folder, env });
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.stdin ?? new Uint8Array());
    const output = [child.stdout, child.stderr].map((stream) => stream.toArray() as Promise<Buffer[]>);
    if (options.killAfterMs !== undefined) setTimeout(() => child.kill("SIGKILL"), options.killAfterMs);
    const [code, signal] = await ended(child);
    const [stdout = Buffer.alloc(0), stderr = Buffer.alloc(0)] = (await Promise.all(output)).map((one) =>
      Buffer.concat(one),
    );
    return { code, signal, stdout, stderr: stderr.toString() };
  }

  /** Starts a pod's daemon as containerd before 2.3 does; the socket's path. */
  async startPod(id: string, options: RunOptions = {}): Promise<string> {
    this.sandboxBundle(id);
    const { code, stdout, stderr } = await this.run("start", id, options);
    if (code !== 0 || stderr !== "") throw new Error(`start failed: ${stdout}${stderr}`);
    return stdout.toString().replace("unix://", "");
  }

  dial(path: string): ShimClient {
    const client = new TtrpcClient(createConnection(path), { peer: "the shim" });
    const [task, taskV3, sandbox] = [client.service(Task), client.service(TaskV3), client.service(Sandbox)];
    return { task, taskV3, sandbox, closed: client.closed, [Symbol.dispose]: () => client.close() };
  }

  async pidOf(path: string): Promise<number> {
    using client = this.dial(path);
    return (await client.task.Connect({ id: "any" })).shim_pid;
  }

  /** Living daemons of this bench. */
  daemons(): readonly number[] {
    return processes().filter((pid) => {
      const line = commandLine(pid);
      return line.includes(this.folder) && line.includes("\0serve\0");
    });
  }

  /** The process that does this action for this id, as soon as there is one. */
  async untilRuns(action: string, id: string): Promise<number> {
    for (const end = Date.now() + 10_000; ; await pause(1)) {
      const found = processes().find(
        (pid) => commandLine(pid).endsWith(`\0${action}\0`) && commandLine(pid).includes(`\0${id}\0`),
      );
      if (found !== undefined) return found;
      if (Date.now() > end) throw new Error(`no process does ${action} for ${id}`);
    }
  }

  async untilNoDaemon(limitMs = 10_000): Promise<void> {
    for (const end = Date.now() + limitMs; this.daemons().length > 0; await pause(20)) {
      if (Date.now() > end) throw new Error(`daemons are left: ${this.daemons().join()}`);
    }
  }

  killDaemons(): void {
    for (const pid of this.daemons()) process.kill(pid, "SIGKILL");
  }

  async shutDown(path: string): Promise<void> {
    using client = this.dial(path);
    await client.task.Shutdown({ id: "any", now: true });
    await this.untilNoDaemon();
  }

  get address(): string {
    return join(this.folder, "containerd.sock");
  }

  socketOf(id: string): string {
    return socketPath({ address: this.address, namespace: this.namespace, podId: id });
  }

  runDirOf(id: string): string {
    return podRunDir(this.namespace, id);
  }

  /** Files that pods of these ids leave outside their bundles. */
  leftOf(...ids: readonly string[]): readonly string[] {
    return ids.flatMap((id) => [this.socketOf(id), this.runDirOf(id)]).filter((path) => existsSync(path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.killDaemons();
    for (const fd of this.#logs.values()) closeSync(fd);
    await this.containerd[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function ended(child: ChildProcess): Promise<[number | null, string | null]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`no end of output: ${child.spawnargs.join(" ")}`));
    }, 20_000);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve([code, signal]);
    });
  });
}

function processes(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

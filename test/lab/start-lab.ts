// A private containerd in its own mount, network, IPC, UTS, PID and cgroup namespaces, with a registry
// and test images. /run, the CNI bridge and the control groups are the lab's, so labs may run side by
// side; ending its first process ends everything in it. Needs root.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type CommandOptions, mustSucceed, type Outcome, runCommand } from "./command.ts";
import { handlerConfigPath, type LabHandler, registryMirrors, renderContainerdConfig } from "./containerd-config.ts";
import { programs } from "./handlers.ts";
import { PAUSE_IMAGE } from "./images/catalog.ts";
import { type Leftovers, readHoldings } from "./leftovers.ts";
import { PATIENCE } from "./patience.ts";
import { testImages, toolPath } from "./tools.ts";

export interface LabOptions {
  /** folder of the lab; emptied at the start */
  readonly folder: string;
  readonly handlers: readonly LabHandler[];
  /** folder with containerd, ctr and the runc shim; Debian's by default */
  readonly containerd?: string;
  readonly snapshotter?: string;
}

export interface Lab extends AsyncDisposable {
  readonly folder: string;
  /** first process of the namespaces, as this namespace numbers it */
  readonly pid: number;
  readonly containerdVersion: string;
  /** runs a command in the lab; its exit code is in the outcome */
  exec(argv: readonly string[], options?: CommandOptions): Promise<Outcome>;
  /** runs crictl in the lab; rejects unless it succeeds */
  crictl(args: readonly string[], options?: CommandOptions): Promise<Outcome>;
  /** argv that enters the lab, for callers that need the process itself */
  enter(argv: readonly string[], cwd?: string): string[];
  /** everything a pod may hold: processes, mounts, links, sockets, files, control groups */
  holdings(): Promise<Leftovers>;
  /** ends containerd (SIGTERM) and waits until it answers again */
  restartContainerd(): Promise<void>;
  stop(): Promise<void>;
}

const here = dirname(fileURLToPath(import.meta.url));
const ENDPOINT = "unix:///run/containerd/containerd.sock";
const START_LIMIT_MS = 60_000 * PATIENCE;

const CNI = {
  cniVersion: "1.0.0",
  name: "lab",
  plugins: [
    {
      type: "bridge",
      bridge: "labbr0",
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: "host-local",
        dataDir: "/run/lab-cni",
        ranges: [[{ subnet: "10.88.0.0/16" }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

/** Address of the CNI bridge: the gateway of every pod. */
export const GATEWAY = "10.88.0.1";

export async function startLab(options: LabOptions): Promise<Lab> {
  const containerd = options.containerd ?? toolPath("containerd-1.6");
  const version = containerdVersionOf(containerd);
  const environment = prepareFolder(options, { containerd, version });
  const child = spawn(
    "unshare",
    ["--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", join(here, "inside.sh")],
    { detached: true, env: environment, stdio: ["ignore", ...logFiles(options.folder)] },
  );
  child.unref();
  await untilReady(options.folder, child);
  const pid = Number(execFileSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" }).trim());
  writeFileSync(join(options.folder, "pid"), `${pid}\n`);
  writeFileSync(join(options.folder, "path"), environment["PATH"] ?? "");
  return attachLab(options.folder);
}

/** A lab that another process started. */
export function attachLab(folder: string): Lab {
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  const settings = [
    `PATH=${readFileSync(join(folder, "path"), "utf8")}`,
    `CRI_CONFIG_FILE=${join(folder, "crictl.yaml")}`,
    `LAB=${folder}`,
  ];
  // Entering a mount namespace moves to its root, so the working directory is set again.
  const enter = (argv: readonly string[], cwd = process.cwd()) => {
    const namespaces = ["-t", String(pid), "-m", "-n", "-i", "-u", "-p"];
    return ["nsenter", ...namespaces, "--", "env", "-C", cwd, ...settings, ...argv];
  };
  const exec = (argv: readonly string[], { cwd, ...more }: CommandOptions = {}) => runCommand(enter(argv, cwd), more);
  const crictl = toolPath("crictl");
  const stop = () => stopLab(folder, pid);
  return {
    folder,
    pid,
    containerdVersion: readFileSync(join(folder, "version"), "utf8"),
    enter,
    exec,
    crictl: (args, more) => mustSucceed(exec([crictl, ...args], more)),
    holdings: () => readHoldings(exec),
    restartContainerd: () => restartContainerd(folder, exec),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function containerdVersionOf(folder: string): string {
  const text = execFileSync(join(folder, "containerd"), ["--version"], { encoding: "utf8" });
  const version = /\bv?(\d+\.\d+\.\d+\S*)/.exec(text)?.[1];
  if (version === undefined) throw new Error(`no version in: ${text}`);
  return version;
}

function prepareFolder(options: LabOptions, found: { containerd: string; version: string }): NodeJS.ProcessEnv {
  const { folder } = options;
  rmSync(folder, { recursive: true, force: true });
  for (const name of ["root", "opt", "config", "net.d", "log", "nri/plugins", "nri/conf.d"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const snapshotter = options.snapshotter ?? "overlayfs";
  const { handlers } = options;
  // containerd's own limit where nothing takes longer than it should
  const limits = PATIENCE === 1 ? {} : { cleanupSeconds: 15 * PATIENCE };
  const input = { version: found.version, folder, pauseImage: PAUSE_IMAGE, snapshotter, handlers, ...limits };
  writeFileSync(join(folder, "containerd.toml"), renderContainerdConfig(input));
  writeFileSync(join(folder, "net.d/10-lab.conflist"), JSON.stringify(CNI));
  writeFileSync(
    join(folder, "crictl.yaml"),
    `runtime-endpoint: ${ENDPOINT}\nimage-endpoint: ${ENDPOINT}\ntimeout: ${180 * PATIENCE}\n`,
  );
  writeFileSync(join(folder, "version"), found.version);
  for (const handler of handlers) writeFileSync(handlerConfigPath(folder, handler), handler.configText ?? "");
  for (const [path, content] of registryMirrors(folder)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  const system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return {
    // containerd 1.6 knows no runtime_path: there the shim is found on PATH
    PATH: [found.containerd, programs, dirname(toolPath("crictl")), dirname(process.execPath), system].join(":"),
    HOME: process.env["HOME"] ?? "/root",
    LAB: folder,
    LAB_CGROUP: controlGroupOf(folder),
    SNAPSHOTTER: snapshotter,
    IMAGES: testImages(),
    PAUSE_IMAGE,
    KATA_CVM_CONFIG_DIR: join(folder, "config"),
    NODE: process.execPath,
    REGISTRY: here,
    LOG_LEVEL: process.env["LAB_LOG_LEVEL"] ?? "info",
  };
}

function logFiles(folder: string): [number, number] {
  const log = openSync(join(folder, "log/inside.log"), "a");
  return [log, log];
}

async function untilReady(folder: string, child: ChildProcess): Promise<void> {
  const end = Date.now() + START_LIMIT_MS;
  while (!existsSync(join(folder, "ready"))) {
    const dead = child.exitCode !== null || child.signalCode !== null;
    if (dead || existsSync(join(folder, "failed")) || Date.now() > end) {
      child.kill("SIGKILL");
      throw new Error(`the lab did not come up: ${logTails(folder)}`);
    }
    await pause(50);
  }
}

function logTails(folder: string): string {
  const log = join(folder, "log");
  return readdirSync(log)
    .map((name) => `${name}: ${readFileSync(join(log, name), "utf8").trim().split("\n").slice(-3).join(" | ")}`)
    .join("\n");
}

async function restartContainerd(folder: string, exec: Lab["exec"]): Promise<void> {
  const before = readFileSync(join(folder, "containerd.pid"), "utf8").trim();
  await mustSucceed(exec(["kill", before]));
  const end = Date.now() + START_LIMIT_MS;
  while (
    readFileSync(join(folder, "containerd.pid"), "utf8").trim() === before ||
    (await exec(["crictl", "version"])).code !== 0
  ) {
    if (Date.now() > end) throw new Error("containerd did not come back");
    await pause(100);
  }
}

async function stopLab(folder: string, pid: number): Promise<void> {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it is gone
  }
  for (const end = Date.now() + 10_000; existsSync(`/proc/${pid}`) && Date.now() < end; ) await pause(50);
  rmSync(join(folder, "pid"), { force: true });
  removeControlGroups(controlGroupOf(folder));
}

/** Name of the control group that is the root of the lab's, in every hierarchy. */
function controlGroupOf(folder: string): string {
  return `lab-${createHash("sha256").update(folder).digest("hex").slice(0, 12)}`;
}

// The control groups outlive the namespaces; they are empty once the processes are gone.
function removeControlGroups(name: string): void {
  const root = "/sys/fs/cgroup";
  for (const tree of [root, ...readdirSync(root).map((entry) => join(root, entry))]) removeTree(join(tree, name));
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  try {
    rmdirSync(folder);
  } catch {
    // a process that is ending is still in it
  }
}

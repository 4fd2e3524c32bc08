// Runs the bundled guest agent on this machine in namespaces of its own (mount, pid, ipc, uts, net), with
// real crun, a Unix socket instead of vsock, and a busybox root file system as an EROFS layer on a loop
// device. What needs cgroup v2 controllers or dm-verity is tested in the VM.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { AgentService, type CreateContainerRequest, type Storage } from "../../src/wire/gen/kata/agent.ts";
import { Health } from "../../src/wire/gen/kata/health.ts";
import type { Process, Spec } from "../../src/wire/gen/kata/oci.ts";
import type { Init } from "../../src/wire/message.ts";
import { type ServiceClient, TtrpcClient } from "../../src/wire/ttrpc/client.ts";
import { skip } from "../support/tools.ts";

const top = join(import.meta.dirname, "../..");
/** hardware address of the link that the agent finds in its network namespace */
export const LINK_MAC = "02:00:00:00:00:01";
/** links of the image by name: an image may hold any */
const imageLinks = { "to-tmp": "/tmp", "to-outside": "/run/outside" };
const BUSYBOX = "/bin/busybox";
const applets =
  "sh ls cat sleep echo id tty stty env dd hostname readlink ps true false mount head seq kill touch ipcmk ipcs wc stat".split(
    " ",
  );

/** Skips what needs them, by the reason, or fails where REQUIRE names the guest agent, if this machine lacks tools. */
export function needTools(test: Mocha.Context): void {
  const missing = missingTools();
  if (missing === undefined) return;
  if (process.env["REQUIRE"]?.split(",").includes("guest-agent")) throw new Error(`missing: ${missing}`);
  skip(test, `this machine lacks ${missing}`);
}

function missingTools(): string | undefined {
  if (process.getuid?.() !== 0) return "root";
  const needed = ["crun", "unshare", "mkfs.erofs", "losetup", "ip"];
  const missing = needed.filter(
    (name) => !["/usr/bin", "/usr/sbin", "/sbin", "/bin"].some((at) => existsSync(join(at, name))),
  );
  if (!existsSync(BUSYBOX)) missing.push("busybox-static");
  return missing.length === 0 ? undefined : missing.join(", ");
}

export class AgentUnderTest implements AsyncDisposable {
  readonly directory: string;
  readonly agent: ServiceClient<typeof AgentService>;
  readonly health: ServiceClient<typeof Health>;
  readonly loop: string;
  readonly exited: Promise<number | null>;
  /** added to those of each container's root layer */
  layerOptions: readonly string[] = [];
  readonly #client: TtrpcClient;
  readonly #process: ChildProcess;

  private constructor(parts: { directory: string; loop: string; client: TtrpcClient; process: ChildProcess }) {
    this.directory = parts.directory;
    this.loop = parts.loop;
    this.#client = parts.client;
    this.#process = parts.process;
    this.agent = parts.client.service(AgentService);
    this.health = parts.client.service(Health);
    this.exited = new Promise((resolve) => parts.process.once("exit", resolve));
  }

  static async start(wishes: { layerOptions?: readonly string[] } = {}): Promise<AgentUnderTest> {
    const directory = mkdtempSync(join(tmpdir(), "guest-agent-"));
    const bundle = join(directory, "agent.cjs");
    await build({
      entryPoints: [join(top, "src/guest/agent.ts")],
      outfile: bundle,
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20",
      external: ["koffi"],
      define: { "import.meta.url": "moduleUrl" },
      banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
      logLevel: "error",
    });
    const loop = makeRootLayer(directory);
    const socket = join(directory, "agent.sock");
    // a private /run, so that nothing of this machine's is wiped or seen
    const script = [
      "mount -t tmpfs tmpfs /run",
      // as systemd leaves it: what is mounted in one namespace appears in its peers
      "mount --make-rshared /",
      // crun refuses a hybrid hierarchy even when it is told to leave cgroups alone
      "umount -R /sys/fs/cgroup",
      "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
      "hostname agent-own",
      `ip link add odd0 address ${LINK_MAC} type veth peer name peer0`,
      `exec ${process.execPath} ${bundle} --listen unix://${socket} --cgroup-manager disabled --after-destroy exit`,
    ].join(" && ");
    const child = spawn(
      "unshare",
      [
        "-m",
        "-p",
        "-f",
        "-i",
        "-u",
        "-n",
        "--kill-child",
        "--mount-proc",
        "--propagation",
        "private",
        "sh",
        "-c",
        script,
      ],
      {
        stdio: ["ignore", openSync(join(directory, "agent.log"), "a"), "inherit"],
        env: { ...process.env, NODE_PATH: join(top, "node_modules") },
      },
    );
    const client = new TtrpcClient(await connectWhenReady(socket), { peer: "guest agent" });
    const agent = new AgentUnderTest({ directory, loop, client, process: child });
    agent.layerOptions = wishes.layerOptions ?? [];
    return agent;
  }

  /** Creates, and starts unless told otherwise, a container that runs `args`. */
  async run(id: string, args: readonly string[], more: ContainerWishes = {}): Promise<void> {
    await this.agent.CreateContainer(this.request(id, args, more), { timeoutMs: 20_000 });
    if (more.start !== false) await this.agent.StartContainer({ container_id: id });
  }

  request(id: string, args: readonly string[], more: ContainerWishes = {}): Init<CreateContainerRequest> {
    return {
      container_id: id,
      storages: [this.rootLayer(id)],
      OCI: { ...spec(id, args), ...more.spec, Process: { ...process_(args), ...more.process } },
      sandbox_pidns: more.sandboxPidns ?? false,
    };
  }

  rootLayer(id: string): Init<Storage> {
    return {
      driver: "blk",
      source: this.loop,
      fstype: "erofs",
      options: ["ro", "X-kata.overlay-lower", "X-kata.multi-layer=true", ...this.layerOptions],
      mount_point: `/run/kata-containers/${id}/rootfs`,
    };
  }

  /** Everything until end of output. */
  async output(id: string, stream: "stdout" | "stderr" = "stdout", execId = ""): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      const request = { container_id: id, exec_id: execId, len: 32768 };
      const { data } =
        stream === "stdout" ? await this.agent.ReadStdout(request) : await this.agent.ReadStderr(request);
      if (data.length === 0) return Buffer.concat(chunks);
      chunks.push(Buffer.from(data));
    }
  }

  /** of the agent's process, as this machine numbers it */
  get pid(): string {
    const unshare = String(this.#process.pid);
    return execFileSync("cat", [`/proc/${unshare}/task/${unshare}/children`], { encoding: "utf8" }).trim();
  }

  /** What a shell says in the agent's own mount namespace. */
  lookAgent(script: string): string {
    const entered = ["-t", this.pid, "-m", "-p", "sh", "-c", `${script} 2>/dev/null; true`];
    return execFileSync("nsenter", entered, { encoding: "utf8" });
  }

  /** Output and exit code of a whole exec. */
  async exec(id: string, execId: string, args: readonly string[]): Promise<{ output: string; status: number }> {
    await this.agent.ExecProcess({ container_id: id, exec_id: execId, process: process_(args) });
    const output = (await this.output(id, "stdout", execId)).toString();
    const { status } = await this.agent.WaitProcess({ container_id: id, exec_id: execId });
    return { output, status };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    this.#process.kill("SIGKILL");
    await this.exited;
    execFileSync("losetup", ["-d", this.loop]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface ContainerWishes {
  readonly spec?: Init<Spec>;
  readonly process?: Init<Process>;
  readonly start?: boolean;
  readonly sandboxPidns?: boolean;
}

const capabilities = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN"];

function process_(args: readonly string[]): Init<Process> {
  return {
    Args: args,
    Env: ["PATH=/bin"],
    Cwd: "/",
    User: { UID: 0, GID: 0 },
    Capabilities: { Bounding: capabilities, Effective: capabilities, Permitted: capabilities },
  };
}

function spec(id: string, args: readonly string[]): Init<Spec> {
  return {
    Version: "1.1.0",
    Process: process_(args),
    Root: { Path: `/run/kata-containers/${id}/rootfs` },
    Mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666", "mode=0620"],
      },
    ],
    Linux: { Namespaces: ["ipc", "uts", "mount"].map((Type) => ({ Type })) },
  };
}

function makeRootLayer(directory: string): string {
  const root = join(directory, "rootfs");
  for (const name of ["bin", "proc", "sys", "dev", "etc", "tmp"]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  for (const name of applets) symlinkSync("busybox", join(root, "bin", name));
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\n");
  for (const [name, target] of Object.entries(imageLinks)) symlinkSync(target, join(root, name));
  const image = join(directory, "root.erofs");
  execFileSync("mkfs.erofs", ["--quiet", image, root], { stdio: ["ignore", "ignore", "pipe"] });
  return execFileSync("losetup", ["--find", "--show", "--read-only", image], { encoding: "utf8" }).trim();
}

async function connectWhenReady(path: string): Promise<import("node:net").Socket> {
  for (let attempt = 0; ; attempt += 1) {
    const socket = connect(path);
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (isOpen) return socket;
    if (attempt === 250) throw new Error("the agent did not listen within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

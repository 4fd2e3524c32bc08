// Pods and containers through crictl, as a kubelet would ask for them. Answers are what crictl
// prints; ids are its last line. Everything is bounded, and `cleanUp` removes what is still there.
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type CommandOptions, mustSucceed, type Outcome } from "../lab/command.ts";
import { BUSYBOX_IMAGE } from "../lab/images/catalog.ts";
import { deadline, PATIENCE } from "../lab/patience.ts";
import type { Lab } from "../lab/start-lab.ts";

/** What differs from pod to pod; the rest of PodSandboxConfig is fixed. */
export interface PodWishes {
  readonly hostname?: string;
  readonly dns?: { readonly servers: readonly string[]; readonly searches: readonly string[] };
  readonly portMappings?: readonly { readonly container_port: number; readonly host_port: number }[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: Readonly<Record<string, unknown>>;
}

export interface ContainerWishes {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly tty?: boolean;
  readonly stdin?: boolean;
  readonly resources?: Readonly<Record<string, number>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface Pod {
  readonly id: string;
  readonly configFile: string;
  readonly logs: string;
}

export interface ContainerStatus {
  readonly state: string;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly pid: number;
}

const REMOVAL_LIMIT_MS = 45_000;

/** A container that keeps running until it is told to end. */
export const SLEEP = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"];

export class Cri {
  readonly lab: Lab;
  readonly handler: string;
  readonly #pods = new Set<string>();
  readonly #tag = randomBytes(4).toString("hex");
  #count = 0;

  constructor(lab: Lab, handler: string) {
    this.lab = lab;
    this.handler = handler;
  }

  crictl(args: readonly string[], options?: CommandOptions): Promise<Outcome> {
    return this.lab.exec(["crictl", ...args], options);
  }

  async text(args: readonly string[], options?: CommandOptions): Promise<string> {
    return (await mustSucceed(this.crictl(args, options))).stdout.toString("utf8").trim();
  }

  /** Runs a pod; `attempt` gives the outcome instead, for pods that are meant to fail. */
  async runPod(wishes: PodWishes = {}): Promise<Pod> {
    const { outcome, configFile, logs } = await this.attemptPod(wishes);
    const id = lastLine(await mustSucceed(Promise.resolve(outcome)));
    this.#pods.add(id);
    return { id, configFile, logs };
  }

  async attemptPod(wishes: PodWishes = {}): Promise<{ outcome: Outcome; configFile: string; logs: string }> {
    const name = this.#name("pod");
    const logs = join(this.lab.folder, "pod-logs", name);
    mkdirSync(logs, { recursive: true });
    const configFile = this.#write(name, {
      metadata: { name, uid: `${name}-uid`, namespace: "e2e", attempt: 1 },
      hostname: wishes.hostname ?? name,
      log_directory: logs,
      dns_config: wishes.dns,
      port_mappings: wishes.portMappings?.map((mapping) => ({ protocol: 0, ...mapping })),
      annotations: wishes.annotations,
      linux: { cgroup_parent: "/lab", ...wishes.linux },
    });
    const outcome = await this.crictl(["runp", "-r", this.handler, configFile], { timeoutMs: 200_000 });
    return { outcome, configFile, logs };
  }

  async create(pod: Pod, wishes: ContainerWishes = {}): Promise<string> {
    const name = this.#name("container");
    const file = this.#write(name, {
      metadata: { name },
      image: { image: wishes.image ?? BUSYBOX_IMAGE },
      command: wishes.command ?? (wishes.image === undefined ? SLEEP : undefined),
      args: wishes.args,
      log_path: `${name}.log`,
      tty: wishes.tty ?? false,
      stdin: wishes.stdin ?? false,
      stdin_once: wishes.stdin ?? false,
      linux: { resources: wishes.resources ?? {} },
      ...wishes.more,
    });
    return lastLine(await mustSucceed(this.crictl(["create", "--no-pull", pod.id, file, pod.configFile])));
  }

  /** Creates and starts. */
  async start(pod: Pod, wishes: ContainerWishes = {}): Promise<string> {
    const id = await this.create(pod, wishes);
    await mustSucceed(this.crictl(["start", id], { timeoutMs: 60_000 }));
    return id;
  }

  /** Output of a command in a container by ExecSync. */
  exec(container: string, command: readonly string[], options?: CommandOptions): Promise<string> {
    return this.text(["exec", "-s", container, ...command], options);
  }

  async status(container: string): Promise<ContainerStatus> {
    const { status, info } = JSON.parse(await this.text(["inspect", container])) as {
      status: { state: string; exitCode?: number; reason?: string; message?: string };
      info: { pid?: number };
    };
    const { state, exitCode = 0, reason = "", message = "" } = status;
    return { state, exitCode, reason, message, pid: info.pid ?? 0 };
  }

  async exited(container: string, timeoutMs = 60_000 * PATIENCE): Promise<ContainerStatus> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const status = await this.status(container);
      if (status.state === "CONTAINER_EXITED") return status;
      if (Date.now() > end) throw new Error(`${container} is ${status.state} after ${timeoutMs} ms`);
      await pause(100);
    }
  }

  async podAddress(pod: Pod): Promise<string> {
    const { status } = JSON.parse(await this.text(["inspectp", pod.id])) as { status: { network: { ip: string } } };
    return status.network.ip;
  }

  /** A container's log; containerd may still be writing it after the exit, hence the size to wait for. */
  async logs(container: string, atLeastBytes = 0): Promise<Buffer> {
    for (const end = deadline(15_000); ; await pause(100)) {
      const { stdout } = await mustSucceed(this.crictl(["logs", container]));
      if (stdout.length >= atLeastBytes || Date.now() > end) return stdout;
    }
  }

  async removePod(pod: Pod): Promise<void> {
    await mustSucceed(this.crictl(["stopp", pod.id], { timeoutMs: 90_000 }));
    await mustSucceed(this.crictl(["rmp", pod.id], { timeoutMs: 60_000 }));
    this.#pods.delete(pod.id);
  }

  /** Removes every pod this object made, whatever its state. */
  async cleanUp(): Promise<void> {
    for (const id of this.#pods) await this.#removeAsTheKubelet(id);
    this.#pods.clear();
  }

  /** Again until it is gone: after a crash containerd 2 takes seconds to believe that a container has ended. */
  async #removeAsTheKubelet(id: string): Promise<void> {
    for (const end = deadline(REMOVAL_LIMIT_MS); ; await pause(1000)) {
      const { code, stderr } = await this.crictl(["rmp", "-f", id], { timeoutMs: 90_000 });
      if (code === 0 || /not ?found/i.test(stderr) || Date.now() > end) return;
    }
  }

  #name(kind: string): string {
    this.#count += 1;
    return `${kind}-${this.#tag}-${this.#count}`;
  }

  #write(name: string, content: unknown): string {
    const folder = join(this.lab.folder, "requests");
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(content));
    return file;
  }
}

function lastLine({ stdout }: Outcome): string {
  return stdout.toString("utf8").trim().split("\n").at(-1) ?? "";
}

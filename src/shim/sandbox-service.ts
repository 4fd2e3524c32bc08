// containerd's Sandbox API (2.0 and newer, `sandboxer = "shim"`): the pod is the VM itself, made and
// ended here, and its containers come by the Task API. Served beside it; containerd picks by its own
// configuration.
import { copyFile, writeFile } from "node:fs/promises";
import { arch, hostname } from "node:os";
import { join } from "node:path";
import { podUsage } from "../host/cgroup-usage.ts";
import { AlreadyExists, InvalidRequest, NotFound, WrongState } from "../lib/errors.ts";
import { parseIdentifier } from "../oci/identifiers.ts";
import type { Pod } from "../pod/pod.ts";
import type { PodRequest, ProcessExit } from "../pod/ports.ts";
import { refuseHostNamespaces } from "../translate/container.ts";
import { type SandboxFile, sandboxFiles, sandboxSpec, sharesPids } from "../translate/sandbox.ts";
import { unpackAny } from "../wire/any.ts";
import { type CreateSandboxRequest, Sandbox } from "../wire/gen/containerd/sandbox.ts";
import { PodSandboxConfig } from "../wire/gen/cri/pod_sandbox.ts";
import { type BoundService, bindService, type ServiceImpl } from "../wire/ttrpc/server-call.ts";
import { exitFields, timestamp } from "./event-envelope.ts";
import { encodeUsage, metricsTypeUrl } from "./metrics.ts";
import type { PodTable } from "./pod-table.ts";
import { untilAborted } from "./until-aborted.ts";

export interface SandboxServiceDeps {
  readonly pods: PodTable;
  /** the runtime's configuration file, as `start` was told; the Sandbox API does not say */
  readonly configPath: string;
  /** ends the daemon */
  readonly shutdown: () => void;
}

interface Entry {
  readonly pod: Pod;
  readonly request: PodRequest;
  readonly createdAt: number;
  exit: ProcessExit | null;
}

/** Go's names of processors, which containerd compares. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export function sandboxService(deps: SandboxServiceDeps): BoundService {
  const sandboxes = new Sandboxes(deps);
  return bindService(Sandbox, { ...lifecycleHandlers(sandboxes), ...queryHandlers(sandboxes) });
}

/** The sandboxes of this daemon: one, in practice. */
class Sandboxes {
  readonly deps: SandboxServiceDeps;
  readonly #entries = new Map<string, Entry>();

  constructor(deps: SandboxServiceDeps) {
    this.deps = deps;
  }

  /** no pod of any API would be taken along by the daemon's end */
  get areAllOver(): boolean {
    return this.deps.pods.pods.every((pod) => pod.lifecycle.is("stopped"));
  }

  get(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new NotFound("sandbox", id);
    return entry;
  }

  async create(given: CreateSandboxRequest): Promise<void> {
    const { sandbox_id: id, bundle_path: bundle, netns_path: netnsPath, options } = given;
    parseIdentifier(id, "sandbox_id");
    if (!bundle.startsWith("/")) throw new InvalidRequest("bundle_path", "must be an absolute path");
    if (this.#entries.has(id)) throw new AlreadyExists("sandbox", id);
    const config = unpackAny(PodSandboxConfig, options) ?? PodSandboxConfig.create({});
    const spec = sandboxSpec({ sandboxId: id, bundle, netnsPath, config });
    // known before the VM is: a refusal now costs nothing
    refuseHostNamespaces(spec);
    const request = { podId: id, bundle, spec, holdsPids: sharesPids(config), configPath: this.deps.configPath };
    const entry: Entry = { pod: this.deps.pods.addSandbox(id, bundle), request, createdAt: Date.now(), exit: null };
    this.#entries.set(id, entry);
    void entry.pod.ended.then((exit) => {
      entry.exit = exit;
    });
    for (const file of sandboxFiles(config)) await writeSandboxFile(bundle, file);
  }

  async remove(id: string): Promise<void> {
    await this.#entries.get(id)?.pod.end();
    this.#entries.delete(id);
    this.deps.pods.removeSandbox(id);
  }
}

function lifecycleHandlers(sandboxes: Sandboxes) {
  return {
    async CreateSandbox(request) {
      await sandboxes.create(request);
      return {};
    },
    async StartSandbox({ sandbox_id: id }, { signal }) {
      const { pod, request, createdAt } = sandboxes.get(id);
      await pod.boot(request, signal);
      return { pid: pod.pid, created_at: timestamp(createdAt) };
    },
    async StopSandbox({ sandbox_id: id }) {
      await sandboxes.get(id).pod.end();
      return {};
    },
    async ShutdownSandbox({ sandbox_id: id }) {
      await sandboxes.remove(id);
      // asked of a sandbox whose creation was refused, too: a daemon with nothing else is there for nothing else
      if (sandboxes.areAllOver) sandboxes.deps.shutdown();
      return {};
    },
    async WaitSandbox({ sandbox_id: id }, call) {
      return exitFields(await untilAborted(sandboxes.get(id).pod.ended, call.signal));
    },
  } satisfies Partial<ServiceImpl<typeof Sandbox>>;
}

function queryHandlers(sandboxes: Sandboxes) {
  return {
    Platform({ sandbox_id: id }) {
      sandboxes.get(id);
      return { platform: { os: "linux", architecture: architectures[arch()] ?? arch() } };
    },
    SandboxStatus({ sandbox_id: id }) {
      const { pod, createdAt, exit } = sandboxes.get(id);
      return {
        sandbox_id: id,
        pid: pod.pid,
        state: pod.lifecycle.is("ready") ? "SANDBOX_READY" : "SANDBOX_NOTREADY",
        created_at: timestamp(createdAt),
        ...(exit === null ? {} : { exited_at: timestamp(exit.exitedAt) }),
      };
    },
    PingSandbox({ sandbox_id: id }) {
      const { pod } = sandboxes.get(id);
      if (!pod.lifecycle.is("ready")) throw new WrongState(`sandbox ${id}`, pod.lifecycle.state, "answer");
      return {};
    },
    async SandboxMetrics({ sandbox_id: id }) {
      const { request } = sandboxes.get(id);
      const usage = await podUsage(request.spec.linux.cgroupsPath ?? "");
      if (usage === null) throw new NotFound("host cgroup of sandbox", id);
      const data = { type_url: metricsTypeUrl, value: encodeUsage(usage) };
      return { metrics: { timestamp: timestamp(Date.now()), id, data } };
    },
  } satisfies Partial<ServiceImpl<typeof Sandbox>>;
}

async function writeSandboxFile(bundle: string, { name, content }: SandboxFile): Promise<void> {
  const path = join(bundle, name);
  if (content !== null) await writeFile(path, content, { mode: 0o644 });
  else if (name === "hostname") await writeFile(path, `${hostname()}\n`, { mode: 0o644 });
  else await copyFile(`/etc/${name}`, path);
}

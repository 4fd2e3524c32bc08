// The one sandbox of this guest: its containers, its mounts, its shared namespaces. Requests may come in
// any order and at once; what must not interleave (making and removing of one container, the storage
// table) goes through queues.
import { appendFileSync, existsSync, mkdirSync, openSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CleanupStack } from "../lib/cleanup-stack.ts";
import { errorText, InvalidRequest } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { CreateContainerRequest, CreateSandboxRequest, Storage } from "../wire/gen/kata/agent.ts";
import { BINDS, BindSources, isBelow } from "./bind-sources.ts";
import { ContainerCgroup } from "./cgroup.ts";
import { type ContainerTools, GuestContainer } from "./container.ts";
import { measureContainer } from "./container-measurement.ts";
import { attachDevices } from "./devices.ts";
import { requireId } from "./ids.ts";
import { loadModules } from "./kernel-modules.ts";
import { OomEvents } from "./oom-events.ts";
import { makePidAnchor, type PidAnchor } from "./pid-anchor.ts";
import { convertSpec } from "./spec.ts";
import { AgentFailure, failures } from "./status.ts";
import { STORAGE_ROOT } from "./storage/checks.ts";
import { forgetShared } from "./storage/host-share.ts";
import { LAYERS } from "./storage/layers.ts";
import { StorageRegistry } from "./storage/registry.ts";
import { systemCall } from "./sys/libc.ts";
import { isMountPoint, MS, mount, mountPoints, unmount } from "./sys/mounts.ts";
import { makeSandboxNamespaces, type SandboxNamespaces } from "./sys/namespaces.ts";
import { applySysctls } from "./sysctls.ts";
import { PodUserNamespace } from "./user-namespaces.ts";

const NAMESPACES = "/run/sandbox-ns";
/** where no disk of the host's can put a link in its place */
const RESOLV_CONF = "/run/kata-resolv.conf";

export interface SandboxOptions {
  readonly hotplugLimitMs: number;
  readonly log: Logger;
}

export class Sandbox {
  readonly oomEvents = new OomEvents();
  readonly #tools: ContainerTools;
  readonly #options: SandboxOptions;
  readonly #storages: StorageRegistry;
  readonly #containers = new Map<string, GuestContainer>();
  readonly #held = new Map<string, { readonly mounts: readonly string[]; readonly binds: BindSources }>();
  readonly #busy = new Set<string>();
  readonly #userNamespace = new PodUserNamespace();
  #namespaces: SandboxNamespaces | undefined;
  #id = "";
  #hostname = "";
  #pidNamespace: string | undefined;
  #pidAnchor: PidAnchor | undefined;
  #storageTurn: Promise<unknown> = Promise.resolve();

  constructor(tools: ContainerTools, options: SandboxOptions) {
    this.#tools = tools;
    this.#options = options;
    this.#storages = new StorageRegistry({ hotplugLimitMs: options.hotplugLimitMs });
  }

  /** Wipes what an earlier sandbox left; once per agent life (agent-protocol §4.9). */
  async create(request: CreateSandboxRequest): Promise<void> {
    if (this.#namespaces !== undefined) throw new AgentFailure("internal", "the sandbox exists already");
    if (request.sandbox_id !== "") this.#id = requireId("sandbox", request.sandbox_id);
    resetDirectory();
    await loadModules(request.kernel_modules);
    this.#namespaces = makeSandboxNamespaces(NAMESPACES, request.hostname);
    this.#hostname = request.hostname;
    await this.#addStorages(request.storages, { containerId: "sandbox" });
    setResolver(request.dns);
    if (request.sandbox_pidns) {
      this.#pidAnchor = await makePidAnchor();
      this.#pidNamespace = this.#pidAnchor.path;
    }
  }

  async createContainer(request: CreateContainerRequest): Promise<void> {
    const id = requireId("container", request.container_id);
    if (this.#containers.has(id))
      throw new AgentFailure("internal", `exec fifo exists: container ${id} already exists`);
    await this.#alone(id, async () => {
      await using undo = new CleanupStack();
      const pod = { hostname: this.#hostname, hasContainers: this.#containers.size > 0 };
      const shared = (await this.#userNamespace.of(request.OCI?.Linux, pod)) ?? this.#namespaces;
      const mounts = await this.#addStorages(request.storages, { containerId: id, userNamespace: shared?.user });
      undo.defer("release the storages", () => this.#storages.release(mounts));
      undo.defer("forget what the host shares", () => this.#forgetShared(id));
      const binds = undo.use("let go of what it binds", new BindSources(id));
      const container = await this.#makeContainer(id, request, { undo, shared, binds });
      undo.move();
      this.#containers.set(id, container);
      this.#held.set(id, { mounts, binds });
      this.#pidNamespace ??= holdPidNamespace(container.init.pid);
    });
  }

  async startContainer(id: string): Promise<void> {
    const container = this.container(id);
    const isSandbox = id === this.#id;
    await container.start(isSandbox ? undefined : () => this.oomEvents.push(id));
  }

  /** `timeoutMs` undefined waits for the processes for ever. */
  async removeContainer(id: string, timeoutMs: number | undefined): Promise<void> {
    const container = this.container(id);
    await this.#alone(id, async () => {
      await container.remove(timeoutMs);
      this.#containers.delete(id);
      const held = this.#held.get(id);
      this.#held.delete(id);
      await using rest = new CleanupStack();
      rest.defer("remove its directory", () => rmSync(containerDirectory(id), { recursive: true, force: true }));
      rest.defer("release the storages", () => this.#storages.release(held?.mounts ?? []));
      rest.defer("forget what the host shares", () => this.#forgetShared(id));
      if (held !== undefined) rest.use("let go of what it binds", held.binds);
    });
  }

  container(id: string, unknown: (id: string) => Error = failures.unknownContainer): GuestContainer {
    const found = this.#containers.get(id);
    if (found === undefined) throw unknown(id);
    return found;
  }

  get containers(): readonly GuestContainer[] {
    return [...this.#containers.values()];
  }

  /** Ends everything; what cannot be undone is logged, since the guest goes down anyway. */
  async destroy(): Promise<void> {
    const removals = [...this.#containers.keys()].map((id) =>
      this.removeContainer(id, 1000).catch((error: unknown) => {
        this.#options.log.warn("container not removed", { container: id, error: errorText(error) });
      }),
    );
    await Promise.all(removals);
    await this.#storages[Symbol.asyncDispose]().catch((error: unknown) => {
      this.#options.log.warn("storages not released", { error: errorText(error) });
    });
    // a mount that something still uses is detached, not written: the host may cut the power now
    systemCall("sync", "write all file systems", []);
    this.#pidAnchor?.[Symbol.dispose]();
    this.oomEvents.end();
  }

  async #makeContainer(
    id: string,
    request: CreateContainerRequest,
    { undo, shared, binds }: { undo: CleanupStack; shared: SandboxNamespaces | undefined; binds: BindSources },
  ): Promise<GuestContainer> {
    const { OCI: wireSpec } = request;
    if (wireSpec === undefined) throw new InvalidRequest("OCI", "EINVAL: is missing");
    if (wireSpec.Root === undefined) throw new InvalidRequest("OCI.Root", "EINVAL: is missing");
    if (request.sandbox_pidns && this.#pidNamespace === undefined && this.#containers.size > 0) {
      throw new AgentFailure("internal", "Sandbox does not have sandbox_pidns");
    }
    await attachDevices(request.devices, wireSpec, this.#options.hotplugLimitMs);
    const spec = convertSpec(wireSpec, {
      namespaces: { shared, pid: request.sandbox_pidns ? this.#pidNamespace : undefined },
      cgroupsPath: new ContainerCgroup(id).path,
      rootfs: rootDirectory(wireSpec.Root.Path),
      resolveSource: (source) => binds.hold(source),
    });
    await applySysctls(wireSpec.Linux?.Sysctl ?? {}, shared);
    const directory = containerDirectory(id);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    undo.defer(`remove ${directory}`, () => rmSync(directory, { recursive: true, force: true }));
    measureContainer(request.storages, spec);
    const held = { ...spec, root: { ...spec.root, path: binds.hold(spec.root.path, "OCI.Root.Path") } };
    return await GuestContainer.create({ id, directory, spec: held, annotations: wireSpec.Annotations }, this.#tools);
  }

  /** What stays is the host's to wait for: the container is gone. */
  #forgetShared(id: string): void {
    try {
      forgetShared(id);
    } catch (error) {
      this.#options.log.warn("the host's share is not forgotten", { container: id, error: errorText(error) });
    }
  }

  /** One at a time: reference counts and the disks behind them belong together. */
  #addStorages(storages: readonly Storage[], owner: Parameters<StorageRegistry["add"]>[1]): Promise<string[]> {
    const turn = this.#storageTurn.then(() => this.#storages.add(storages, owner));
    this.#storageTurn = turn.catch(() => undefined);
    return turn;
  }

  async #alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(id)) throw new AgentFailure("internal", `container ${id} is being created or removed`);
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }
}

/** A path that means this namespace for ever, even when its process is gone and the pid is another's. */
function holdPidNamespace(pid: number): string {
  return `/proc/${process.pid}/fd/${openSync(`/proc/${pid}/ns/pid`, "r")}`;
}

/** Ours, apart from anything the host may name below the storage root. */
function containerDirectory(id: string): string {
  return join("/run/kata-agent", id);
}

function rootDirectory(path: string): string {
  const real = existsSync(path) ? realpathSync(path) : "";
  if (isBelow(real, [STORAGE_ROOT]) && real !== STORAGE_ROOT) return real;
  throw new InvalidRequest("OCI.Root.Path", `EINVAL: ${JSON.stringify(path)} is not a directory below ${STORAGE_ROOT}`);
}

function resetDirectory(): void {
  const below = mountPoints().filter(
    (point) => isBelow(point, [STORAGE_ROOT, BINDS, LAYERS]) && point !== STORAGE_ROOT,
  );
  for (const point of below.reverse()) unmount(point);
  if (isMountPoint(STORAGE_ROOT)) return;
  rmSync(STORAGE_ROOT, { recursive: true, force: true });
  mkdirSync(STORAGE_ROOT, { recursive: true, mode: 0o755 });
}

/** The pod's resolver is the guest's too: pulling images in the guest needs it. */
function setResolver(lines: readonly string[]): void {
  if (lines.length === 0) return;
  writeFileSync(RESOLV_CONF, "");
  for (const line of lines) appendFileSync(RESOLV_CONF, `${line.replaceAll("\n", " ")}\n`);
  if (!existsSync("/etc/resolv.conf")) return;
  mount({ source: RESOLV_CONF, target: "/etc/resolv.conf", fstype: "", flags: MS.BIND, data: "" });
}

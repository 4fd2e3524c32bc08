// A world for pods, in memory: it keeps the order of everything the pod does and lets a test decide
// what the guest answers and when. The real parts stand behind the same ports in test/e2e.

import { PassThrough } from "node:stream";
import type { VmExitFacts } from "../../../src/lib/errors.ts";
import { Unsupported } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import type { VmSize } from "../../../src/plan/limits.ts";
import type { SizeRange } from "../../../src/plan/resize.ts";
import type { CreateRequest } from "../../../src/pod/made-container.ts";
import { Pod } from "../../../src/pod/pod.ts";
import type {
  ContainerStats,
  Guest,
  GuestProcess,
  LaunchedPod,
  LayerFile,
  PodEvent,
  PodPorts,
  PodRequest,
  PodVm,
  ProcessStdio,
  RootfsRequest,
  StdioPaths,
} from "../../../src/pod/ports.ts";
import type { HostShare, SourceFacts, VolumeRules } from "../../../src/translate/mounts.ts";

export class Deferred<T> {
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** A guest process whose output and exit the test decides. */
export class FakeProcess implements GuestProcess {
  readonly output: Deferred<Uint8Array>[] = [];
  readonly exit = new Deferred<number>();
  readonly signals: number[] = [];
  readonly input: Buffer[] = [];
  inputClosed = false;
  #read = 0;
  #said = 0;

  say(text: string): void {
    this.#slot(this.#said++).resolve(Buffer.from(text));
  }

  endOutput(): void {
    this.#slot(this.#said++).resolve(new Uint8Array());
  }

  end(status: number): void {
    this.endOutput();
    this.exit.resolve(status);
  }

  readStdout(): Promise<Uint8Array> {
    return this.#slot(this.#read++).promise;
  }

  async readStderr(): Promise<Uint8Array> {
    return new Uint8Array();
  }

  async writeStdin(bytes: Uint8Array): Promise<void> {
    this.input.push(Buffer.from(bytes));
  }

  async closeStdin(): Promise<void> {
    this.inputClosed = true;
  }

  wait(): Promise<number> {
    return this.exit.promise;
  }

  async signal(signal: number): Promise<void> {
    this.signals.push(signal);
  }

  async resize(): Promise<void> {}

  #slot(index: number): Deferred<Uint8Array> {
    while (this.output.length <= index) this.output.push(new Deferred());
    const slot = this.output[index];
    if (slot === undefined) throw new Error("unreachable");
    return slot;
  }
}

export const someStats: ContainerStats = {
  cpu: { usageNs: 5, userNs: 3, systemNs: 2, periods: 0, throttledPeriods: 0, throttledNs: 0 },
  memory: { usageBytes: 1, limitBytes: 2, maxUsageBytes: 1, swapBytes: 0, swapLimitBytes: 0, oomKills: 0, detail: {} },
  pids: { current: 1, limit: 0 },
  io: [],
};

export class FakeWorld implements PodPorts {
  readonly log: string[] = [];
  readonly events: PodEvent[] = [];
  readonly processes = new Map<string, FakeProcess>();
  readonly vmExit = new Deferred<VmExitFacts>();
  readonly output: Buffer[] = [];
  stats: ContainerStats = someStats;
  layers: readonly LayerFile[] = [
    { path: "/layers/a", verity: { rootHash: "aa", salt: "", hashOffsetBytes: 4096, blockBytes: 4096 } },
  ];
  volumes: VolumeRules = { hostPaths: "copy", emptyDirs: "plain", emptyDirBytes: 1 << 20 };
  sources: ReadonlyMap<string, SourceFacts> = new Map();
  failCreate: Error | null = null;
  beforeReclaim: () => Promise<void> = async () => undefined;
  failLaunch: Error | null = null;
  failUpdate: Error | null = null;
  /** what every container leaves */
  terminationMessage = "";
  /** streams that were opened and not closed */
  openStreams = 0;
  plugged = new Set<string>();
  /** what tells the pod that a volume was replaced, by its path */
  readonly changed = new Map<string, () => Promise<void>>();
  readonly launches: PodRequest[] = [];
  /** what the pod said of its VM's size, in order */
  readonly sizes: VmSize[] = [];
  sizeRange: SizeRange = { start: { vcpus: 2, memoryMiB: 2048 }, most: { vcpus: 8, memoryMiB: 16_384 } };
  failResize: Error | null = null;
  readonly pod = new Pod("pod1", this, silentLogger);
  #clock = 1000;

  readonly guest: Guest = this.#makeGuest();
  readonly vm: PodVm = this.#makeVm();

  async launch(request: PodRequest, signal: AbortSignal): Promise<LaunchedPod> {
    this.log.push("launch");
    this.launches.push(request);
    if (this.failLaunch !== null) throw this.failLaunch;
    signal.throwIfAborted();
    return { vm: this.vm, guest: this.guest, volumes: this.volumes, memoryOverheadMiB: 512 };
  }

  async prepareRootfs(request: RootfsRequest, _signal: AbortSignal): Promise<readonly LayerFile[]> {
    this.log.push(`rootfs ${request.containerId}`);
    return this.layers;
  }

  async makeDiskFile(path: string, bytes: number): Promise<void> {
    this.log.push(`make ${path} of ${bytes} bytes`);
  }

  async shareWithGuest(containerId: string, shares: readonly HostShare[]): Promise<void> {
    for (const { hostPath } of shares) this.log.push(`share ${hostPath} for ${containerId}`);
  }

  async releaseContainer(containerId: string): Promise<void> {
    this.log.push(`release ${containerId}`);
  }

  async openStdio(paths: StdioPaths): Promise<ProcessStdio> {
    this.openStreams += 1;
    let open = true;
    return {
      // a client that has an input writes nothing to it
      stdin: paths.stdin === "" ? null : new PassThrough(),
      stdout: { write: async (bytes) => void this.output.push(Buffer.from(bytes)) },
      stderr: null,
      closeStdin: () => undefined,
      close: async () => {
        if (open) this.openStreams -= 1;
        open = false;
      },
    };
  }

  async probeSources(): Promise<ReadonlyMap<string, SourceFacts>> {
    return this.sources;
  }

  followVolume(hostPath: string, onChange: () => Promise<void>): Disposable {
    this.log.push(`follow ${hostPath}`);
    this.changed.set(hostPath, onChange);
    return { [Symbol.dispose]: () => void this.log.push(`unfollow ${hostPath}`) };
  }

  async writeTerminationLog(hostPath: string, message: Uint8Array): Promise<void> {
    this.log.push(`write ${hostPath}: ${Buffer.from(message)}`);
  }

  sized(size: VmSize): void {
    this.sizes.push(size);
  }

  emit(event: PodEvent): void {
    this.events.push(event);
  }

  async reclaim(): Promise<void> {
    this.log.push("reclaim");
    await this.beforeReclaim();
  }

  now(): number {
    return this.#clock++;
  }

  /** Makes a port wait from now on until the gate opens; tells when it is asked. */
  gate(port: "launch" | "prepareRootfs" | "openStdio" | "shareWithGuest" | "releaseContainer") {
    const asked = new Deferred<void>();
    const opened = new Deferred<void>();
    const real = (this[port] as (...args: unknown[]) => Promise<unknown>).bind(this);
    const waiting = async (...args: unknown[]) => {
      asked.resolve();
      await opened.promise;
      return await real(...args);
    };
    Object.assign(this, { [port]: waiting });
    return { asked: asked.promise, open: () => opened.resolve() };
  }

  process(containerId: string, execId = ""): FakeProcess {
    const key = `${containerId}/${execId}`;
    const known = this.processes.get(key) ?? new FakeProcess();
    this.processes.set(key, known);
    return known;
  }

  eventNames(): readonly string[] {
    return this.events.map((event) => {
      const execId = "execId" in event && event.execId !== "" ? `/${event.execId}` : "";
      return `${event.kind} ${event.containerId}${execId}`;
    });
  }

  request(id: string, role: CreateRequest["role"]): CreateRequest {
    return {
      id,
      role,
      bundle: `/bundles/${id}`,
      rootfs: [],
      stdio: { stdin: "", stdout: "/out", stderr: "", terminal: false },
      configPath: "",
      spec: {
        ociVersion: "1.1.0",
        process: { args: ["/bin/true"], cwd: "/", user: { uid: 0, gid: 0 } },
        root: { path: "rootfs" },
        linux: {
          namespaces: [{ type: "network" }, { type: "ipc" }, { type: "pid" }, { type: "uts" }, { type: "mount" }],
        },
      },
    };
  }

  #makeVm(): PodVm {
    const stop = async (): Promise<void> => {
      this.log.push("vm stop");
      this.vmExit.resolve({ exitCode: 0, signal: null, stderrTail: "", consoleTail: "" });
    };
    let target = 0;
    const world = this;
    let size: VmSize | undefined;
    return {
      pid: 4242,
      launchClass: "fast",
      get size() {
        return size ?? world.sizeRange.start;
      },
      get sizeRange() {
        return world.sizeRange;
      },
      resize: async (wanted, bringOnline) => {
        if (this.failResize !== null) throw this.failResize;
        await bringOnline(Math.max(0, wanted.vcpus - this.vm.size.vcpus));
        size = { vcpus: Math.max(wanted.vcpus, this.vm.size.vcpus), memoryMiB: wanted.memoryMiB };
        this.log.push(`resize ${size.vcpus} ${size.memoryMiB}`);
      },
      exited: this.vmExit.promise,
      dialGuest: () => Promise.reject(new Unsupported("dialling", "a fake")),
      plugDisk: async ({ path }) => {
        this.plugged.add(path);
        this.log.push(`plug ${path}`);
        return { driver: "scsi", source: `${target++}:0` };
      },
      unplugDisk: async (id) => {
        this.log.push(`unplug ${id}`);
        this.plugged.clear();
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }

  #makeGuest(): Guest {
    const gone = this.vmExit.promise.then((): never => {
      throw new Error("the VM ended");
    });
    gone.catch(() => undefined);
    return {
      features: { seccomp: true, verityLayers: true, userNamespaces: true },
      gone,
      copyIn: async ({ guestPath }) => void this.log.push(`copy ${guestPath}`),
      createContainer: async ({ containerId }) => {
        if (this.failCreate !== null) throw this.failCreate;
        this.log.push(`create ${containerId}`);
      },
      startContainer: async (id) => void this.log.push(`start ${id}`),
      removeContainer: async (id) => void this.log.push(`remove ${id}`),
      destroySandbox: async () => void this.log.push("destroy sandbox"),
      execProcess: async ({ execId }) => void this.log.push(`exec ${execId}`),
      process: ({ containerId, execId }) => this.process(containerId, execId),
      control: {
        update: async (id) => {
          if (this.failUpdate !== null) throw this.failUpdate;
          this.log.push(`update ${id}`);
        },
        stats: async () => this.stats,
        pause: async () => undefined,
        resume: async () => undefined,
        killAll: async (id) => void this.log.push(`kill all ${id}`),
        bringOnline: async () => undefined,
        terminationLog: async () => Buffer.from(this.terminationMessage),
        nextOom: () => new Promise(() => undefined),
      },
    };
  }
}

// One pod's hold on the host: its ledger, its run directory, its configuration, and the ports that
// the pod calls. Joins host, plan, vm and agent; the pod itself knows none of them.
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { applyOverrides } from "../config/overrides.ts";
import { parseConfig } from "../config/parse.ts";
import type { RuntimeConfig } from "../config/schema.ts";
import { defaultConfigPath, readConfigFiles } from "../host/config-files.ts";
import { openStdio } from "../host/fifos.ts";
import { type LayerImage, prepareRootfs, privateLayer } from "../host/layers.ts";
import { parseStartTime } from "../host/process.ts";
import { podRunDir } from "../host/run-dir.ts";
import { addToShare, removeFromShare } from "../host/share.ts";
import { writeTerminationLog } from "../host/termination-log.ts";
import { makeDiskFile } from "../host/volume-disk.ts";
import { followVolume, probeVolumeSources } from "../host/volumes.ts";
import { CleanupStack } from "../lib/cleanup-stack.ts";
import { Unsupported } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { Timeline } from "../lib/timeline.ts";
import type { VmSize } from "../plan/limits.ts";
import { Ledger } from "../pod/ledger.ts";
import type {
  LayerFile,
  PodEvent,
  PodPorts,
  PodRequest,
  ProcessStdio,
  RootfsRequest,
  StdioPaths,
} from "../pod/ports.ts";
import { reclaim } from "../pod/reclaim.ts";
import type { HostShare, SourceFacts } from "../translate/mounts.ts";
import { boundLayers } from "./bound-layers.ts";
import { EventLog, recordQmpEvents } from "./control-events.ts";
import { removeRunDir } from "./end-pod.ts";
import { type Launched, launchPod } from "./launch-pod.ts";
import { hostReclaimPorts } from "./reclaim-ports.ts";

export interface PodHostOptions {
  readonly namespace: string;
  readonly podId: string;
  readonly bundle: string;
  /** the daemon's socket */
  readonly socket: string;
  readonly logger: Logger;
  readonly emit: (event: PodEvent) => void;
}

export class PodHost implements PodPorts {
  readonly runDir: string;
  /** what happened so far, for the control service */
  readonly events = new EventLog(() => Date.now());
  readonly timeline: Timeline;
  /** as the options' one, and heard by `events` */
  readonly logger: Logger;
  readonly #options: PodHostOptions;
  readonly #ledger: Ledger;
  /** names in the guest's share, by container */
  readonly #shared = new Map<string, readonly string[]>();
  #launched: Launched | null = null;
  /** steps to run before the ledger is reclaimed */
  readonly beforeReclaim: (() => Promise<void>)[] = [];

  constructor(options: PodHostOptions) {
    const { namespace, podId, bundle, socket } = options;
    this.#options = options;
    this.logger = this.events.hearing(options.logger);
    this.timeline = new Timeline(
      () => performance.timeOrigin + performance.now(),
      ({ stage, atMs }) => this.events.push("launch", stage, { atMs }),
    );
    this.runDir = podRunDir(namespace, podId);
    const shim = { pid: process.pid, startTime: parseStartTime(readFileSync("/proc/self/stat", "utf8")) ?? "" };
    this.#ledger = new Ledger(this.runDir, {
      namespace,
      podId,
      bundle,
      socket,
      shim,
      createdAt: Date.now(),
      owned: [],
    });
  }

  async launch(request: PodRequest, signal: AbortSignal): Promise<Launched> {
    const { runDir, timeline, logger } = this;
    const config = await loadConfig(request.configPath, request.spec.annotations ?? {});
    this.#launched = await launchPod(request, { config, runDir, ownership: this.#ledger, logger, signal, timeline });
    void recordQmpEvents(this.#launched.vm.qmp, this.events);
    return this.#launched;
  }

  /** the VM and the agent's connection; null before the launch and after the end */
  get launched(): Launched | null {
    return this.#launched;
  }

  async prepareRootfs(request: RootfsRequest, signal: AbortSignal): Promise<readonly LayerFile[]> {
    const config = await loadConfig(request.configPath, {});
    const cache = { hasGrown: false };
    const options = {
      cacheDir: config.paths.layers,
      scratchDir: this.#scratchDir(request.containerId),
      ownership: this.#ledger,
      signal,
      onMade: () => {
        cache.hasGrown = true;
      },
    };
    const rootfs = await prepareRootfs(request.mounts, options);
    // beside the container's start, which must not wait for it
    if (cache.hasGrown) void boundLayers(config, this.logger);
    this.timeline.mark(`layers of ${request.containerId.slice(0, 12)} ready`);
    if (rootfs.kind === "layers") return rootfs.layers.map(toLayerFile);
    if (rootfs.kind === "none") return [toLayerFile(await privateLayer(request.rootPath, options))];
    throw new Unsupported(
      `a root file system on ${rootfs.path} (${rootfs.fsType})`,
      "its content would not be measured; use the overlayfs or the erofs snapshotter",
    );
  }

  makeDiskFile(path: string, bytes: number): Promise<void> {
    return makeDiskFile(path, bytes, this.#ledger);
  }

  async shareWithGuest(containerId: string, shares: readonly HostShare[]): Promise<void> {
    const dir = this.#launched?.vm.plan.share?.dir;
    if (shares.length === 0 || dir === undefined) return;
    const names = shares.map((share) => share.name);
    this.#shared.set(containerId, [...(this.#shared.get(containerId) ?? []), ...names]);
    for (const share of shares) await addToShare(dir, share, this.#ledger);
  }

  async releaseContainer(containerId: string): Promise<void> {
    // none after the pod's end
    const share = this.#launched?.vm.plan.share;
    const scratch = this.#scratchDir(containerId);
    await using all = new CleanupStack();
    all.defer(`remove ${scratch}`, async () => {
      await rm(scratch, { recursive: true, force: true });
      await this.#ledger.releaseBelow(scratch);
    });
    if (share !== undefined) {
      for (const name of this.#shared.get(containerId) ?? [])
        all.defer(`take ${name} out of the share`, () => removeFromShare(share.dir, name, this.#ledger));
    }
    this.#shared.delete(containerId);
  }

  openStdio(paths: StdioPaths, containerId: string): Promise<ProcessStdio> {
    return openStdio(paths, { containerId, containerdNamespace: this.#options.namespace });
  }

  probeSources(paths: readonly string[]): Promise<ReadonlyMap<string, SourceFacts>> {
    return probeVolumeSources(paths);
  }

  followVolume(hostPath: string, onChange: () => Promise<void>): Disposable {
    return followVolume(hostPath, { onChange, logger: this.#options.logger });
  }

  writeTerminationLog(hostPath: string, message: Uint8Array): Promise<void> {
    return writeTerminationLog(hostPath, message);
  }

  emit(event: PodEvent): void {
    const { kind, ...data } = event;
    if (event.containerId === this.#options.podId && kind === "create") this.timeline.mark("sandbox created");
    if (event.containerId === this.#options.podId && kind === "start") this.timeline.mark("sandbox started");
    this.events.push("pod", kind, data);
    this.#options.emit(event);
  }

  sized(size: VmSize): void {
    this.#ledger.note({ size });
    this.events.push("pod", "sized", { ...size });
  }

  async reclaim(): Promise<void> {
    const launched = this.#launched;
    this.#launched = null;
    // last first, and each whatever becomes of those before it
    await using rest = new CleanupStack();
    rest.defer("remove the run directory", async () => {
      await reclaim(this.#ledger.owned, hostReclaimPorts);
      await removeRunDir(this.runDir);
    });
    if (launched?.forward) rest.use("close the forwards", launched.forward);
    for (const step of this.beforeReclaim.toReversed()) rest.defer("let go of the pod", step);
  }

  now(): number {
    return Date.now();
  }

  #scratchDir(containerId: string): string {
    return join(this.runDir, "containers", containerId);
  }
}

export async function loadConfig(path: string, annotations: Readonly<Record<string, string>>): Promise<RuntimeConfig> {
  const files = await readConfigFiles(path === "" ? defaultConfigPath : path);
  return applyOverrides(parseConfig(files), annotations).config;
}

export function toLayerFile(layer: LayerImage & { readonly isIdMapped?: boolean }): LayerFile {
  const { path, rootHash, salt, hashOffsetBytes, blockSizeBytes, isIdMapped = false } = layer;
  return { path, verity: { rootHash, salt, hashOffsetBytes, blockBytes: blockSizeBytes }, isIdMapped };
}

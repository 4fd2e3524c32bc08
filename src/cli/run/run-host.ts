// The pod's ports for `run`: the same host, ledger and reclaim as under containerd, but the root comes
// from an image's layers, the streams are this process's own, and no one waits for events.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { podRunDir } from "../../host/run-dir.ts";
import type { Logger } from "../../lib/logger.ts";
import type { ContainerSpec } from "../../oci/types.ts";
import type { LayerFile, PodEvent, PodPorts, PodRequest, ProcessStdio } from "../../pod/ports.ts";
import type { Launched } from "../../runtime/launch-pod.ts";
import { PodHost } from "../../runtime/pod-host.ts";

/** As containerd's namespaces keep pods apart, so does this one. */
export const runNamespace = "kata-cvm-run";

export interface RunHostOptions {
  readonly podId: string;
  readonly logger: Logger;
  readonly stdio: ProcessStdio;
  /** topmost first */
  readonly layers: readonly LayerFile[];
}

export class RunHost implements PodPorts {
  readonly host: PodHost;
  readonly bundle: string;
  readonly #options: RunHostOptions;

  constructor(options: RunHostOptions) {
    const { podId, logger } = options;
    const runDir = podRunDir(runNamespace, podId);
    this.#options = options;
    this.bundle = join(runDir, "bundle");
    // no containerd dials it: the control socket stands in for the daemon's
    const socket = join(runDir, "shim.sock");
    this.host = new PodHost({
      namespace: runNamespace,
      podId,
      bundle: this.bundle,
      socket,
      logger,
      emit: () => undefined,
    });
  }

  /** What an exec reads to begin as the first process did. */
  async writeBundle(spec: ContainerSpec): Promise<void> {
    await mkdir(this.bundle, { recursive: true, mode: 0o700 });
    await writeFile(join(this.bundle, "config.json"), JSON.stringify(spec), { mode: 0o600 });
  }

  launch(request: PodRequest, signal: AbortSignal): Promise<Launched> {
    return this.host.launch(request, signal);
  }

  async prepareRootfs(): Promise<readonly LayerFile[]> {
    return this.#options.layers;
  }

  releaseContainer(containerId: string): Promise<void> {
    return this.host.releaseContainer(containerId);
  }

  async openStdio(): Promise<ProcessStdio> {
    return this.#options.stdio;
  }

  probeSources: PodPorts["probeSources"] = (paths) => this.host.probeSources(paths);

  makeDiskFile: PodPorts["makeDiskFile"] = (path, bytes) => this.host.makeDiskFile(path, bytes);

  shareWithGuest: PodPorts["shareWithGuest"] = (containerId, shares) => this.host.shareWithGuest(containerId, shares);

  followVolume: PodPorts["followVolume"] = (path, onChange) => this.host.followVolume(path, onChange);

  writeTerminationLog: PodPorts["writeTerminationLog"] = (path, message) =>
    this.host.writeTerminationLog(path, message);

  emit(event: PodEvent): void {
    this.host.emit(event);
  }

  sized: PodPorts["sized"] = (size) => this.host.sized(size);

  reclaim(): Promise<void> {
    return this.host.reclaim();
  }

  now(): number {
    return this.host.now();
  }
}

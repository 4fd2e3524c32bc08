// How a container comes into the pod's VM and how it leaves it. Making is all or nothing: what fails
// part-way, or is wanted by nobody any more, is undone, in the guest too.
import { CleanupStack } from "../lib/cleanup-stack.ts";
import { withDeadline } from "../lib/deadline.ts";
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { raceLasting } from "../lib/race.ts";
import type { SandboxRole } from "../oci/cri-annotations.ts";
import type { ContainerSpec } from "../oci/types.ts";
import { readLimits } from "../plan/limits.ts";
import { containerDisks, translateContainer } from "../translate/container.ts";
import { type CopyIn, hostSources } from "../translate/mounts.ts";
import type { VolumeDisk } from "../translate/volume-disks.ts";
import { Container, type ContainerFacts } from "./container.ts";
import type { LayerDisks } from "./disks.ts";
import type { PodSize } from "./pod-size.ts";
import type { LaunchedPod, LayerFile, PodPorts, RootfsMount, StdioPaths } from "./ports.ts";
import type { VolumeDisks } from "./volume-disks.ts";

export interface CreateRequest {
  readonly id: string;
  readonly bundle: string;
  readonly spec: ContainerSpec;
  readonly role: SandboxRole["role"];
  readonly rootfs: readonly RootfsMount[];
  readonly stdio: StdioPaths;
  readonly configPath: string;
  /** aborts once nobody waits for the container any more: then nobody would delete it either */
  readonly signal?: AbortSignal;
}

export interface LivingPod extends LaunchedPod {
  readonly disks: LayerDisks;
  readonly volumeDisks: VolumeDisks;
  readonly size: PodSize;
  /** some container writes to what outlives the pod */
  keepsData: boolean;
}

export interface MadeContainer {
  readonly container: Container;
  /** those it still uses */
  readonly layers: string[];
  /** volumes whose updates are sent to the guest */
  readonly followed: readonly Disposable[];
}

/** The pod, as the makers of its containers see it. */
export interface MakingPod {
  readonly id: string;
  readonly ports: PodPorts;
  readonly logger: Logger;
  /** aborted once the pod's end has begun */
  readonly ends: AbortSignal;
  /** throws WrongState where the pod has no VM that can be used */
  living(operation: string): LivingPod;
  /** takes the container in; throws where the pod has ended meanwhile */
  admit(made: MadeContainer): void;
}

/** how long the guest gets to remove a container before its VM-side remains are left to the VM's end */
const removeLimitMs = 5000;

export async function makeContainer(
  request: CreateRequest,
  layers: readonly LayerFile[],
  pod: MakingPod,
): Promise<Container> {
  const { id: containerId, bundle, role, spec, signal } = request;
  const { ports } = pod;
  await using undo = new CleanupStack();
  undo.defer("release what the host holds for it", () => ports.releaseContainer(containerId));
  signal?.throwIfAborted();
  const living = pod.living("create a container");
  const { guest, disks, volumeDisks, size, volumes: rules } = living;
  const paths = layers.map((layer) => layer.path);
  const sources = await ports.probeSources(hostSources(spec.mounts ?? []));
  // the pod's first container is no workload where it has others
  if (role !== "sandbox") await size.claim(containerId, readLimits(spec.linux.resources));
  undo.defer("give its resources back", () => size.release(containerId));
  const guestLayers = await disks.plug(layers);
  undo.defer("unplug the layers", () => disks.unplug(paths));
  const stdio = await ports.openStdio(request.stdio, containerId);
  undo.defer("close the streams", () => stdio.close());
  const volumes = containerDisks(spec, { sources, rules });
  const plan = translateContainer({
    volumeDisks: await volumeDisks.plug(volumes),
    containerId,
    podId: pod.id,
    bundle,
    role,
    spec,
    layers: guestLayers,
    guest: guest.features,
    rules,
    sources,
  });
  living.keepsData ||= plan.shares.some(({ readonly }) => !readonly) || volumes.some(isKept);
  await ports.shareWithGuest(containerId, plan.shares);
  const followed: Disposable[] = [];
  undo.defer("follow its volumes no longer", () => {
    for (const volume of followed) volume[Symbol.dispose]();
  });
  for (const copy of plan.copies) await copyIn(copy, followed, { guest, ports });
  const { storages, sandboxPidns } = plan;
  await raceLasting(guest.createContainer({ containerId, spec: plan.spec, storages, sandboxPidns }), guest.gone);
  undo.defer("remove it from the guest", () => removeFromGuest(containerId, guest, pod.logger));
  const container = containerOf({ ...request, terminationLog: plan.terminationLog }, living, pod);
  container.init.attachStdio(stdio);
  signal?.throwIfAborted();
  pod.admit({ container, layers: paths, followed });
  undo.move();
  return container;
}

/** Releases all that `makeContainer` acquired, but what the client of its streams still reads. May be tried again. */
export async function removeContainer({ container, layers }: MadeContainer, pod: MakingPod): Promise<void> {
  const { guest, disks, size } = pod.living("remove a container");
  const { id } = container.facts;
  await removeFromGuest(id, guest, pod.logger);
  // once, however often this is tried: another container may use them, too
  await disks.unplug(layers.splice(0));
  await size.release(id);
  await pod.ports.releaseContainer(id);
}

async function removeFromGuest(id: string, guest: LaunchedPod["guest"], logger: Logger): Promise<void> {
  const removed = raceLasting(guest.removeContainer(id), guest.gone);
  try {
    await withDeadline(removed, { operation: "removing a container", timeoutMs: removeLimitMs });
  } catch (error) {
    logger.warn("the guest did not remove a container", { container: id, error: errorText(error) });
  }
}

/** What was made for the pod goes with it. */
function isKept({ readonly, newBytes }: VolumeDisk): boolean {
  return !readonly && newBytes === undefined;
}

function containerOf(facts: ContainerFacts, living: LivingPod, pod: MakingPod): Container {
  const { id, bundle, role, stdio, terminationLog } = facts;
  return new Container(
    { id, bundle, role, stdio, terminationLog },
    {
      logger: pod.logger,
      now: () => pod.ports.now(),
      guest: living.guest,
      pid: living.vm.pid,
      emit: (event) => pod.ports.emit(event),
      writeTerminationLog: (path, message) => pod.ports.writeTerminationLog(path, message),
      podEnds: pod.ends,
    },
  );
}

/**
 * Updates of config maps, secrets and the like reach the guest for as long as the container exists. A volume is
 * followed from before it is read, so that none is lost; and none overtakes the first copy.
 */
async function copyIn(
  copy: CopyIn,
  followed: Disposable[],
  { guest, ports }: { guest: LaunchedPod["guest"]; ports: PodPorts },
): Promise<void> {
  const send = () => raceLasting(guest.copyIn(copy), guest.gone);
  // begins a turn later: the volume is followed by then
  const first = Promise.resolve().then(send);
  if (copy.follow) followed.push(ports.followVolume(copy.hostPath, () => first.then(send)));
  await first;
}

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
import { Container } from "./container.ts";
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
}

export interface MadeContainer {
  readonly container: Container;
  readonly layers: readonly string[];
  readonly followed: readonly Disposable[];
}

/** The pod, as the makers of its containers see it. */
export interface MakingPod {
  readonly id: string;
  readonly ports: PodPorts;
  readonly logger: Logger;
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
  const plan = translateContainer({
    volumeDisks: await volumeDisks.plug(containerDisks(spec, { sources, rules })),
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
  await ports.shareWithGuest(containerId, plan.shares);
  await raceLasting(makeInGuest(containerId, plan, guest), guest.gone);
  undo.defer("remove it from the guest", () => removeFromGuest(containerId, guest, pod.logger));
  const container = containerOf(request, living, pod);
  container.init.attachStdio(stdio);
  signal?.throwIfAborted();
  pod.admit({ container, layers: paths, followed: follow(plan.copies, guest, ports) });
  undo.move();
  return container;
}

/** Releases all that `makeContainer` acquired, but what the client of its streams still reads. */
export async function removeContainer({ container, layers }: MadeContainer, pod: MakingPod): Promise<void> {
  const { guest, disks, size } = pod.living("remove a container");
  const { id } = container.facts;
  await removeFromGuest(id, guest, pod.logger);
  await disks.unplug(layers);
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

function containerOf({ id, bundle, role, stdio }: CreateRequest, living: LivingPod, pod: MakingPod): Container {
  return new Container(
    { id, bundle, role, stdio },
    {
      logger: pod.logger,
      now: () => pod.ports.now(),
      guest: living.guest,
      pid: living.vm.pid,
      emit: (event) => pod.ports.emit(event),
    },
  );
}

async function makeInGuest(
  containerId: string,
  plan: ReturnType<typeof translateContainer>,
  guest: LaunchedPod["guest"],
): Promise<void> {
  for (const copy of plan.copies) await guest.copyIn(copy);
  await guest.createContainer({
    containerId,
    spec: plan.spec,
    storages: plan.storages,
    sandboxPidns: plan.sandboxPidns,
  });
}

/** Updates of config maps, secrets and the like reach the guest for as long as the container exists. */
function follow(copies: readonly CopyIn[], guest: LaunchedPod["guest"], ports: PodPorts): readonly Disposable[] {
  return copies
    .filter((copy) => copy.follow)
    .map((copy) =>
      ports.followVolume(copy.hostPath, async () => {
        await raceLasting(guest.copyIn(copy), guest.gone);
      }),
    );
}

// From a request to a guest that is the pod's sandbox: facts, plan, network, VM, agent, sandbox. Each
// stage leaves a mark in the timeline, and each wait loses to the VM's death.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AgentClient, agentPort, connectAgent } from "../agent/agent-client.ts";
import { largeReadBytes, smallReadBytes } from "../agent/process-streams.ts";
import { setUpSandbox } from "../agent/sandbox-setup.ts";
import type { RuntimeConfig } from "../config/schema.ts";
import { enterCgroup, openCgroup } from "../host/cgroup.ts";
import { readNetworkFacts } from "../host/netns.ts";
import type { NetworkFacts } from "../host/network-facts.ts";
import { runRoot } from "../host/run-dir.ts";
import { openShare } from "../host/share.ts";
import { createTap } from "../host/tap.ts";
import { CleanupStack } from "../lib/cleanup-stack.ts";
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { Ownership } from "../lib/owned.ts";
import type { Timeline } from "../lib/timeline.ts";
import type { LaunchPlan } from "../plan/launch-plan.ts";
import { planLaunch } from "../plan/plan-launch.ts";
import type { LaunchedPod, PodRequest, PodVm } from "../pod/ports.ts";
import { networkNamespacePath } from "../translate/container.ts";
import { hostShareStorage, sandboxStorages } from "../translate/storages.ts";
import { bootVm } from "../vm/boot.ts";
import type { RunningVm } from "../vm/running-vm.ts";
import { guestPort, readGuestFeatures } from "./guest-port.ts";
import { probeHostFacts } from "./host-facts.ts";
import { servePortForward } from "./port-forward.ts";
import { raceVmDeath } from "./race-vm-death.ts";

export interface LaunchContext {
  readonly config: RuntimeConfig;
  readonly runDir: string;
  readonly ownership: Ownership;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly timeline: Timeline;
}

/** With the parts that the control service speaks to. */
export interface Launched extends LaunchedPod {
  readonly vm: RunningVm;
  readonly agent: AgentClient;
  /** must be closed before CNI takes the namespace away */
  readonly forward: AsyncDisposable | null;
}

const noNetwork: NetworkFacts = { interfaces: [], routes: [], neighbours: [] };

export async function launchPod(request: PodRequest, context: LaunchContext): Promise<Launched> {
  const { config, runDir, ownership, logger, signal, timeline } = context;
  const netns = networkNamespacePath(request.spec);
  const [facts, network] = await Promise.all([
    probeHostFacts(config, { logger, signal }),
    netns === undefined ? noNetwork : readNetworkFacts(netns, { signal }),
  ]);
  timeline.mark("host facts read");
  const plan = planLaunch(config, facts, {
    podId: request.podId,
    runDir,
    nics: network.interfaces.map(({ mac, mtu }, index) => ({ tap: tapName(index), mac, mtu })),
    annotations: request.spec.annotations ?? {},
    ...(request.limits === undefined ? {} : { limits: request.limits }),
    ...(config.initdata.file === "" ? {} : { initdata: await readFile(config.initdata.file, "utf8") }),
    ...(netns === undefined ? {} : { netns }),
  });
  if (plan.share !== undefined) await openShare(plan.share.dir, ownership);
  const inCgroup = await ownInCgroup(request.spec.linux.cgroupsPath, ownership);
  const vm = await bootBesideNetwork(plan, network, { ...context, ownership: inCgroup });
  await using undo = new CleanupStack();
  undo.defer("stop the VM", () => vm.stop());
  const sandbox = raceVmDeath(becomeSandbox(vm, request, { ...context, network }), { vm, signal });
  // awaited below; the guest boots meanwhile
  sandbox.catch(() => undefined);
  const forward = netns === undefined ? null : await offerPortForward(vm, netns, context);
  if (forward !== null) undo.use("close the forwards", forward);
  const volumes = {
    hostPaths: plan.share === undefined ? "copy" : "share",
    emptyDirs: config.volumes.emptydirMode,
    emptyDirBytes: config.volumes.emptydirSize * 1024 * 1024,
  } as const;
  const launched = { vm, forward, volumes, memoryOverheadMiB: config.vm.memoryOverhead, ...(await sandbox) };
  undo.move();
  void tellExpected(plan, logger);
  return launched;
}

/** After the launch, which must not wait for it: whoever compares evidence finds the expected values in the log. */
async function tellExpected(plan: LaunchPlan, logger: Logger): Promise<void> {
  try {
    const { keptExpectedValues, summarise } = await import("./expected-values.ts");
    logger.info("expected measurement", summarise(await keptExpectedValues(plan, join(runRoot, "facts"))));
  } catch (error) {
    logger.warn("no expected measurement", { error: errorText(error) });
  }
}

async function becomeSandbox(vm: RunningVm, request: PodRequest, context: LaunchContext & { network: NetworkFacts }) {
  const { config, signal, timeline, network } = context;
  const { bootTimeout, requestTimeout, createContainerTimeout } = config.agent;
  const stream = await vm.dialGuest(agentPort, { timeoutMs: bootTimeout * 1000, signal });
  const agent = await connectAgent(stream, { timeoutMs: requestTimeout * 1000, signal });
  timeline.mark("agent answers");
  const limits = { requestMs: requestTimeout * 1000, createContainerMs: createContainerTimeout * 1000 };
  const setup = {
    sandboxId: request.podId,
    hostname: request.spec.hostname ?? "",
    dns: await readResolvConf(request),
    holdsPids: request.holdsPids ?? false,
    network,
    storages: vm.plan.share === undefined ? sandboxStorages : [...sandboxStorages, hostShareStorage(vm.plan.share.tag)],
  };
  await setUpSandbox(agent.rpc, setup, limits.requestMs);
  const features = await readGuestFeatures(agent.rpc, limits.requestMs);
  timeline.mark("sandbox made");
  // our own agent keeps its packets small; another one is kept from large ones by what we ask for
  const large = features.verityLayers || vm.plan.vsock.transport === "vhost";
  const readBytes = large ? largeReadBytes : smallReadBytes;
  return { agent, guest: guestPort(agent, { vm, features, limits: { ...limits, readBytes } }) };
}

/** The taps are made while QEMU starts; none is still in the making when the launch has failed. */
async function bootBesideNetwork(plan: LaunchPlan, network: NetworkFacts, context: LaunchContext): Promise<RunningVm> {
  const { ownership, signal, logger, timeline } = context;
  const taps = plan.netns === undefined ? Promise.resolve() : makeTaps(plan.netns, network, ownership);
  const ready = taps.then(() => timeline.mark("network ready"));
  ready.catch(() => undefined); // the boot asks for it later
  try {
    return await bootVm(plan, { ownership, signal, logger, timeline, devicesReady: ready });
  } finally {
    await Promise.allSettled([ready]);
  }
}

/** One tap for each interface that CNI made. */
async function makeTaps(netns: string, network: NetworkFacts, ownership: Ownership): Promise<void> {
  await Promise.all(
    network.interfaces.map(({ name, mtu }, index) =>
      createTap({ netns, peer: name, name: tapName(index), mtu }, ownership),
    ),
  );
}

/** Named so that both ends are told apart at a glance. */
function tapName(index: number): string {
  return `tap${index}_kcvm`;
}

/** A pod without port-forward is still a pod: what is missing is said, and the launch goes on. */
async function offerPortForward(vm: PodVm, netns: string, context: LaunchContext): Promise<AsyncDisposable | null> {
  const { config, ownership, logger } = context;
  const port = config.agent.portForwardPort;
  if (port === 0) return null;
  try {
    return await servePortForward({ netns, vm, port, ownership, logger });
  } catch (error) {
    logger.warn("no port-forward for this pod", { error: errorText(error) });
    return null;
  }
}

/** Every process that the pod comes to own enters its host cgroup, where the kubelet accounts for it. */
async function ownInCgroup(cgroupsPath: string | undefined, ownership: Ownership): Promise<Ownership> {
  if (cgroupsPath === undefined || cgroupsPath === "") return ownership;
  const cgroup = await openCgroup(cgroupsPath, ownership);
  return {
    claim: async (thing) => {
      await ownership.claim(thing);
      if (thing.kind === "process" && thing.pid !== undefined) await enterCgroup(cgroup, thing.pid);
    },
    release: (thing) => ownership.release(thing),
  };
}

async function readResolvConf(request: PodRequest): Promise<readonly string[]> {
  const source = request.spec.mounts?.find((mount) => mount.destination === "/etc/resolv.conf")?.source;
  if (source === undefined) return [];
  return (await readFile(source, "utf8")).split("\n").filter((line) => line.trim() !== "");
}

// The pod's Guest, spoken in the agent protocol: our plain OCI types become the protocol's messages
// here, and nowhere above is the protocol known.
import type { AgentClient, AgentRpc } from "../agent/agent-client.ts";
import { readContainerStats } from "../agent/container-stats.ts";
import { copyIn } from "../agent/copy-in.ts";
import { agentProcess } from "../agent/process-streams.ts";
import { AgentLost, DeadlineExceeded, describeVmExit, RemoteError } from "../lib/errors.ts";
import type { Guest, GuestControl, PodVm } from "../pod/ports.ts";
import { toAgentProcess, toAgentResources, toAgentSpec } from "../translate/agent-spec.ts";
import type { GuestFeatures } from "../translate/spec.ts";
import { StatusCode } from "../wire/ttrpc/status.ts";

export interface GuestLimits {
  /** CreateContainer: the guest may have to read a large image */
  readonly createContainerMs: number;
  /** every other call that answers by itself */
  readonly requestMs: number;
  /** one read of a process's output */
  readonly readBytes: number;
}

/** What our own agent calls the features that the common protocol does not have. */
const verityFeature = "kata-cvm-layers";
const userNamespaceFeature = "kata-cvm-user-namespaces";
const signalKill = 9;
/** of a container's message about its end the kubelet takes this much */
const messageBytes = 4096;
const messageLimit = { timeoutMs: 1000 };

export async function readGuestFeatures(rpc: AgentRpc, timeoutMs: number): Promise<GuestFeatures> {
  const { agent_details } = await rpc.GetGuestDetails({ mem_block_size: true, mem_hotplug_probe: true }, { timeoutMs });
  return {
    seccomp: agent_details?.supports_seccomp ?? false,
    verityLayers: agent_details?.extra_features.includes(verityFeature) ?? false,
    userNamespaces: agent_details?.extra_features.includes(userNamespaceFeature) ?? false,
  };
}

export function guestPort(
  agent: AgentClient,
  context: { vm: PodVm; features: GuestFeatures; limits: GuestLimits },
): Guest {
  const { rpc } = agent;
  const { vm, features, limits } = context;
  const call = { timeoutMs: limits.requestMs };
  const { readBytes } = limits;
  const gone = guestGone(agent, vm);
  gone.catch(() => undefined);
  return {
    features,
    gone,
    copyIn: (copy) => copyIn(rpc, copy),
    createContainer: async ({ containerId, spec, storages, sandboxPidns }) => {
      const request = {
        container_id: containerId,
        OCI: toAgentSpec(spec),
        storages,
        sandbox_pidns: sandboxPidns,
      };
      await rpc.CreateContainer(request, { timeoutMs: limits.createContainerMs });
    },
    startContainer: async (container_id) => void (await rpc.StartContainer({ container_id }, call)),
    removeContainer: async (container_id) => void (await rpc.RemoveContainer({ container_id, timeout: 10 }, call)),
    destroySandbox: async () => void (await rpc.DestroySandbox({}, call)),
    execProcess: async ({ containerId, execId, process }) => {
      const target = { container_id: containerId, exec_id: execId };
      try {
        await rpc.ExecProcess({ ...target, process: toAgentProcess(process) }, call);
      } catch (error) {
        // it may run all the same, and nobody would end it; our own agent sees to that, others must be told
        if (isTimeout(error)) rpc.SignalProcess({ ...target, signal: signalKill }, call).catch(() => undefined);
        throw error;
      }
    },
    process: (target) => agentProcess(rpc, { ...target, readBytes }),
    control: guestControl(rpc, call),
  };
}

/** On either side: the agent's clock may be the quicker one. */
function isTimeout(error: unknown): boolean {
  const isRemote = error instanceof RemoteError && error.status === StatusCode.deadlineExceeded;
  return isRemote || error instanceof DeadlineExceeded;
}

function guestControl(rpc: AgentRpc, call: { timeoutMs: number }): GuestControl {
  return {
    update: async (container_id, resources) => {
      await rpc.UpdateContainer({ container_id, resources: toAgentResources(resources) }, call);
    },
    stats: async (container_id) => readContainerStats(await rpc.StatsContainer({ container_id }, call)),
    pause: async (container_id) => void (await rpc.PauseContainer({ container_id }, call)),
    resume: async (container_id) => void (await rpc.ResumeContainer({ container_id }, call)),
    killAll: async (container_id) => {
      try {
        // an empty exec id with this signal means the whole container (agent-protocol §7.1)
        await rpc.SignalProcess({ container_id, exec_id: "", signal: signalKill }, call);
      } catch (error) {
        throw isTimeout(error) ? new DeadlineExceeded("killing a container", call.timeoutMs, { cause: error }) : error;
      }
    },
    bringOnline: async (newCpus) => {
      await rpc.OnlineCPUMem({ wait: true, nb_cpus: newCpus, cpu_only: false }, call);
    },
    terminationLog: async (container_id) => {
      const { data } = await rpc.GetDiagnosticData({ log_type: "termination_log", container_id }, messageLimit);
      return Buffer.from(data).subarray(-messageBytes);
    },
    nextOom: async () => (await rpc.GetOOMEvent({})).container_id,
  };
}

/** The VM's end explains a lost connection better than the connection does; it may be noticed a moment later. */
async function guestGone(agent: AgentClient, vm: PodVm): Promise<never> {
  const lost = await Promise.race([agent.lost, vm.exited.then(() => null)]);
  const exit = await Promise.race([
    vm.exited,
    new Promise<null>((resolve) => void setTimeout(resolve, 200, null).unref()),
  ]);
  if (exit !== null) throw new AgentLost("the pod runs", `the VM ended: ${describeVmExit(exit)}`);
  throw lost ?? new AgentLost("the pod runs", "the VM ended");
}

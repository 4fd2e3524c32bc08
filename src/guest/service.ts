// The agent API: each method finds its object and calls it; no rule of the protocol lives here but the
// choice of the error for an unknown container, which differs by method (agent-protocol §6).

import { Unsupported } from "../lib/errors.ts";
import { AgentService } from "../wire/gen/kata/agent.ts";
import { Health } from "../wire/gen/kata/health.ts";
import type { BoundService, ServiceImpl } from "../wire/ttrpc/server-call.ts";
import { bindService } from "../wire/ttrpc/server-call.ts";
import { bootMetrics } from "./boot-times.ts";
import { copyFile } from "./copy-file.ts";
import {
  AGENT_VERSION,
  API_VERSION,
  agentMetrics,
  guestDetails,
  reseedRandom,
  setClock,
  volumeStats,
} from "./guest-facts.ts";
import { type HostDoor, requireExec } from "./host-doors.ts";
import { bringOnline, loadMemoryDriver } from "./hotplug.ts";
import { requireId } from "./ids.ts";
import { applyInterface, bringUpLoopback, describeInterfaces } from "./network/links.ts";
import { addNeighbors, applyRoutes, describeRoutes } from "./network/routes.ts";
import type { Sandbox } from "./sandbox.ts";
import { cgroupStats } from "./stats.ts";
import { AgentFailure, failures } from "./status.ts";
import { remountEphemeral } from "./storage/remount.ts";
import { readTerminationLog } from "./termination-log.ts";

const SIGKILL = 9;
const LATE_REMOVAL_MS = 5000;
const READ_MAX = 1024 * 1024;
const SERVING = 1;

type Methods = ServiceImpl<typeof AgentService>;

export interface ServiceRules {
  /** what happens after DestroySandbox was answered */
  readonly endOfSandbox: () => void;
  readonly execDoor: HostDoor;
}

export function agentServices(sandbox: Sandbox, { endOfSandbox, execDoor }: ServiceRules): BoundService[] {
  return [
    bindService(AgentService, {
      ...sandboxMethods(sandbox, endOfSandbox),
      ...containerMethods(sandbox),
      ...processMethods(sandbox, execDoor),
      ...networkMethods(),
      ...guestMethods(),
      ...refusedMethods(),
    }),
    bindService(Health, {
      Check: () => ({ status: SERVING }),
      Version: () => ({ agent_version: AGENT_VERSION, grpc_version: API_VERSION }),
    }),
  ];
}

function sandboxMethods(sandbox: Sandbox, endOfSandbox: ServiceRules["endOfSandbox"]): Partial<Methods> {
  const state = { isEnding: false };
  return {
    CreateSandbox: async (request) => {
      await sandbox.create(request);
      return {};
    },
    DestroySandbox: async () => {
      if (state.isEnding) throw new AgentFailure("internal", "failed to get sandbox sender channel");
      state.isEnding = true;
      await sandbox.destroy();
      // the answer leaves first
      setImmediate(endOfSandbox);
      return {};
    },
    UpdateEphemeralMounts: (request) => {
      remountEphemeral(request.storages);
      return {};
    },
    GetOOMEvent: async (_, call) => ({ container_id: await sandbox.oomEvents.take(call.signal) }),
    CopyFile: (request) => {
      copyFile(request);
      return {};
    },
  };
}

function containerMethods(sandbox: Sandbox): Partial<Methods> {
  const held = (id: string) => sandbox.container(id, failures.unknownContainerOfResources);
  return {
    CreateContainer: async (request, call) => {
      await sandbox.createContainer(request);
      // the host has heard of a timeout: it will not use or remove what it believes was never made
      if (call.signal.aborted) await sandbox.removeContainer(request.container_id, LATE_REMOVAL_MS);
      return {};
    },
    StartContainer: async ({ container_id: id }) => {
      await sandbox.startContainer(id);
      return {};
    },
    RemoveContainer: async ({ container_id: id, timeout }) => {
      await sandbox.removeContainer(id, timeout === 0 ? undefined : timeout * 1000);
      return {};
    },
    UpdateContainer: async ({ container_id: id, resources }) => {
      const container = held(id);
      if (resources !== undefined) await container.update(resources);
      return {};
    },
    StatsContainer: ({ container_id: id }) => {
      const { cgroup } = held(id);
      return { cgroup_stats: cgroupStats((file) => cgroup.read(file)) };
    },
    PauseContainer: ({ container_id: id }) => {
      held(id).pause(true);
      return {};
    },
    ResumeContainer: ({ container_id: id }) => {
      held(id).pause(false);
      return {};
    },
    GetDiagnosticData: ({ container_id: id, log_type: type }) => {
      if (type !== "termination_log")
        throw new AgentFailure("invalidArgument", `unsupported log type ${JSON.stringify(type.slice(0, 64))}`);
      return { data: readTerminationLog(held(id)) };
    },
  };
}

function processMethods(sandbox: Sandbox, execDoor: HostDoor): Partial<Methods> {
  const owner = (id: string) => sandbox.container(id, failures.unknownContainerOfProcess);
  return {
    ExecProcess: async ({ container_id: id, exec_id: execId, process }, call) => {
      const container = sandbox.container(id);
      requireId("exec", execId);
      await requireExec(execDoor);
      if (process === undefined) throw new AgentFailure("internal", "EINVAL: process is missing");
      await container.exec(execId, process);
      // the host has heard of a timeout: it will not read, wait for or end what it believes never ran
      if (call.signal.aborted) container.abandonExec(execId);
      return {};
    },
    SignalProcess: ({ container_id: id, exec_id: execId, signal }) => {
      const isAll = execId === "" && signal === SIGKILL;
      const container = isAll ? sandbox.container(id) : owner(id);
      if (signal > 64) throw new AgentFailure("invalidArgument", `EINVAL: signal ${signal}`);
      const process = container.liveProcess(execId);
      if (isAll) container.killAll();
      else process.signal(signal);
      return {};
    },
    WaitProcess: async ({ container_id: id, exec_id: execId }) => ({ status: await owner(id).wait(execId) }),
    WriteStdin: async ({ container_id: id, exec_id: execId, data }) => {
      const { streams } = sandbox.container(id).process(execId);
      if (data.length === 0) streams.closeStdin();
      else if (!(await streams.write(Buffer.from(data)))) throw failures.noWriter();
      return { len: data.length };
    },
    CloseStdin: ({ container_id: id, exec_id: execId }) => {
      owner(id).process(execId).streams.closeStdin();
      return {};
    },
    ReadStdout: async (request, call) => await readFrom("stdout", request, call),
    ReadStderr: async (request, call) => await readFrom("stderr", request, call),
    TtyWinResize: ({ container_id: id, exec_id: execId, row, column }) => {
      const { streams } = owner(id).liveProcess(execId);
      if (!streams.resize({ rows: row, columns: column })) throw failures.noTerminal();
      return {};
    },
  };

  async function readFrom(
    stream: "stdout" | "stderr",
    request: { container_id: string; exec_id: string; len: number },
    call: { signal: AbortSignal },
  ): Promise<{ data: Buffer }> {
    const limit = Math.min(request.len, READ_MAX);
    return { data: await owner(request.container_id).read(request.exec_id, { stream, limit, signal: call.signal }) };
  }
}

function networkMethods(): Partial<Methods> {
  return {
    UpdateInterface: ({ interface: wanted }) => {
      if (wanted === undefined) throw failures.emptyField("update interface request");
      bringUpLoopback();
      applyInterface(wanted);
      return wanted;
    },
    UpdateRoutes: ({ routes }) => {
      if (routes === undefined) throw failures.emptyField("routes");
      applyRoutes(routes.Routes);
      return { Routes: describeRoutes() };
    },
    AddARPNeighbors: ({ neighbors }) => {
      if (neighbors === undefined) throw failures.emptyField("add arp neighbours request");
      addNeighbors(neighbors.ARPNeighbors);
      return {};
    },
    ListInterfaces: () => ({ Interfaces: describeInterfaces() }),
    ListRoutes: () => ({ Routes: describeRoutes() }),
  };
}

function guestMethods(): Partial<Methods> {
  return {
    GetGuestDetails: (request) => guestDetails(request),
    GetMetrics: () => ({ metrics: agentMetrics() + bootMetrics() }),
    OnlineCPUMem: async (request) => {
      await loadMemoryDriver();
      await bringOnline(request);
      return {};
    },
    SetGuestDateTime: (request) => {
      setClock(request);
      return {};
    },
    ReseedRandomDev: ({ data }) => {
      reseedRandom(data);
      return {};
    },
    GetVolumeStats: ({ volume_guest_path: path }) => volumeStats(path),
    // no share, so nothing can be stale
    RemoveStaleVirtiofsShareMounts: () => ({}),
  };
}

/** Each says why; a method missing from every table is answered by the server itself. */
function refusedMethods(): Partial<Methods> {
  const refuse = (what: string, reason: string) => () => {
    throw new Unsupported(what, reason);
  };
  return {
    SetPolicy: refuse("SetPolicy", "this agent has no policy engine"),
    GetIPTables: refuse("GetIPTables", "the guest has no iptables"),
    SetIPTables: refuse("SetIPTables", "the guest has no iptables"),
    ResizeVolume: refuse("ResizeVolume", "volumes keep their size"),
    AddSwap: refuse("AddSwap", "the guest has no swap"),
    AddSwapPath: refuse("AddSwapPath", "the guest has no swap"),
    MemHotplugByProbe: refuse("MemHotplugByProbe", "memory is announced by ACPI"),
    MemAgentMemcgSet: refuse("MemAgentMemcgSet", "there is no memory agent"),
    MemAgentCompactSet: refuse("MemAgentCompactSet", "there is no memory agent"),
  };
}

// containerd's Task API: requests in, pod calls, responses out. v2 and v3 differ in name only.
import { errorText, InvalidRequest, Unsupported } from "../lib/errors.ts";
import { runtimeVersion } from "../lib/version.ts";
import { parseIdentifier } from "../oci/identifiers.ts";
import { parseProcess, parseResources } from "../oci/parse-spec.ts";
import type { ProcessState } from "../pod/lifecycles.ts";
import type { ContainerProcess } from "../pod/process.ts";
import { Options } from "../wire/gen/containerd/runtimeoptions.ts";
import type { StateResponse } from "../wire/gen/containerd/task.ts";
import { Task as TaskV2 } from "../wire/gen/containerd/task.ts";
import { Task as TaskV3 } from "../wire/gen/containerd/task_v3.ts";
import type { Any } from "../wire/gen/google/protobuf/any.ts";
import type { Init } from "../wire/message.ts";
import type { BoundService, CallContext, ServiceImpl } from "../wire/ttrpc/server-call.ts";
import { bindService } from "../wire/ttrpc/server-call.ts";
import { exitFields } from "./event-envelope.ts";
import { encodeMetrics, metricsTypeUrl } from "./metrics.ts";
import { type PodTable, requireSameTerminal } from "./pod-table.ts";
import { StatsCache } from "./stats-cache.ts";
import { untilAborted } from "./until-aborted.ts";

export interface TaskServiceDeps {
  readonly pods: PodTable;
  readonly emit: (event: { kind: "paused" | "resumed"; containerId: string }) => void;
  /** configuration path for requests that name none */
  readonly defaultConfigPath: string;
  /** called when nothing is left and containerd asks for the end */
  readonly shutdown: () => void;
}

const resourcesType = /types\.containerd\.io\/opencontainers\/runtime-spec\/1\/LinuxResources$/;
const processType = /types\.containerd\.io\/opencontainers\/runtime-spec\/1\/Process$/;
const optionsType = /(^|\/)runtimeoptions\.v1\.Options$/;

/** containerd.v1.types.Status. */
const statusNumbers: Readonly<Record<ProcessState, number>> = {
  created: 1,
  starting: 1,
  running: 2,
  stopped: 3,
  paused: 4,
  deleted: 3,
};

export function taskServices(deps: TaskServiceDeps): readonly BoundService[] {
  const handlers = taskHandlers(deps);
  return [bindService(TaskV2, handlers), bindService(TaskV3, handlers)];
}

function taskHandlers(deps: TaskServiceDeps): ServiceImpl<typeof TaskV2> {
  const stats = new StatsCache();
  return { ...lifecycleHandlers(deps, stats), ...processHandlers(deps), ...controlHandlers(deps, stats) };
}

function lifecycleHandlers({ pods, defaultConfigPath, shutdown }: TaskServiceDeps, stats: StatsCache) {
  return {
    async Create(request, { signal }: CallContext) {
      if (request.checkpoint !== "") throw new Unsupported("restoring a checkpoint", "a confidential guest has none");
      const { id, bundle, rootfs, stdin, stdout, stderr, terminal, options } = request;
      const stdio = { stdin, stdout, stderr, terminal };
      const configPath = readConfigPath(options) || defaultConfigPath;
      return { pid: (await pods.create({ id, bundle, rootfs, stdio, configPath, signal })).pid };
    },
    async Start({ id, exec_id }, { signal }) {
      const container = pods.container(id);
      if (exec_id === "") {
        await container.start();
        stats.warm(container);
      } else {
        await container.startExec(exec_id, signal);
      }
      return { pid: container.pid };
    },
    async Delete({ id, exec_id }) {
      if (exec_id === "") pods.giveUp(id);
      const container = pods.container(id);
      const exit = exec_id === "" ? await pods.podOf(id).delete(id) : container.deleteExec(exec_id);
      return { pid: container.pid, ...exitFields(exit) };
    },
    Connect: ({ id }) => ({ shim_pid: process.pid, task_pid: pidOf(pods, id), version: runtimeVersion }),
    Shutdown: () => {
      // containerd asks after every container; only an empty daemon goes. A boot under way is given up.
      if (!pods.isHeld) shutdown();
      return {};
    },
    Checkpoint: () => {
      throw new Unsupported("checkpoint", "the memory of a confidential guest cannot be saved by its host");
    },
  } satisfies Partial<ServiceImpl<typeof TaskV2>>;
}

function processHandlers({ pods }: TaskServiceDeps) {
  return {
    State({ id, exec_id }) {
      const container = pods.container(id);
      return renderState(container.process(exec_id), {
        id,
        exec_id,
        bundle: container.facts.bundle,
        pid: container.pid,
      });
    },
    async Wait({ id, exec_id }, call: CallContext) {
      const ended = pods.container(id).process(exec_id).wait();
      return exitFields(await untilAborted(ended, call.signal));
    },
    async Exec(request) {
      const { id, exec_id, stdin, stdout, stderr, terminal } = request;
      parseIdentifier(exec_id, "exec_id");
      const pod = pods.podOf(id);
      const process = parseProcess(payloadOf(request.spec, processType, "spec"));
      requireSameTerminal(terminal, process);
      await pod.addExec({ id, execId: exec_id, process, stdio: { stdin, stdout, stderr, terminal } });
      return {};
    },
    Pids({ id }) {
      return { processes: [{ pid: pods.container(id).pid }] };
    },
    async Kill({ id, exec_id, signal, all }) {
      if (signal > 64) throw new InvalidRequest("signal", `${signal} is no signal number`);
      await pods.podOf(id).kill(id, { execId: exec_id, signal, all });
      return {};
    },
    async ResizePty({ id, exec_id, width, height }) {
      await pods.container(id).resize(exec_id, { rows: height, columns: width });
      return {};
    },
    CloseIO({ id, exec_id, stdin }) {
      if (stdin) pods.container(id).process(exec_id).closeStdin();
      return {};
    },
  } satisfies Partial<ServiceImpl<typeof TaskV2>>;
}

function controlHandlers({ pods, emit }: TaskServiceDeps, statsCache: StatsCache) {
  return {
    async Pause({ id }) {
      await pods.container(id).pause();
      emit({ kind: "paused", containerId: id });
      return {};
    },
    async Resume({ id }) {
      await pods.container(id).resume();
      emit({ kind: "resumed", containerId: id });
      return {};
    },
    async Update(request) {
      const resources = parseResources(payloadOf(request.resources, resourcesType, "resources"));
      await pods.podOf(request.id).update(request.id, resources);
      return {};
    },
    async Stats({ id }) {
      const stats = await statsCache.read(pods.container(id));
      return { stats: { type_url: metricsTypeUrl, value: encodeMetrics(stats) } };
    },
  } satisfies Partial<ServiceImpl<typeof TaskV2>>;
}

function renderState(
  process: ContainerProcess,
  ids: { id: string; exec_id: string; bundle: string; pid: number },
): Init<StateResponse> {
  const { stdin, stdout, stderr, terminal } = process.facts.stdioPaths;
  const exit = process.exit === null ? {} : exitFields(process.exit);
  return { ...ids, status: statusNumbers[process.lifecycle.state], stdin, stdout, stderr, terminal, ...exit };
}

/** During containerd's load the container may be unknown: that is pid 0, not an error. */
function pidOf(pods: PodTable, id: string): number {
  return pods.pods.find((pod) => pod.containerIds.includes(id))?.pid ?? 0;
}

/** Options of another type are the CRI plugin's guess, not ours to refuse (shim-contract §4.7). */
function readConfigPath(options: Any | undefined): string {
  if (options === undefined || !optionsType.test(options.type_url)) return "";
  try {
    return Options.decode(options.value).config_path;
  } catch (error) {
    throw new InvalidRequest("options", `is no ${Options.typeName}: ${errorText(error)}`, { cause: error });
  }
}

function payloadOf(any: Any | undefined, type: RegExp, field: string): Uint8Array {
  if (any === undefined) throw new InvalidRequest(field, "is missing");
  if (!type.test(any.type_url)) throw new InvalidRequest(field, `has the unknown type ${JSON.stringify(any.type_url)}`);
  return any.value;
}

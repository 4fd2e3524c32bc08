// kata-agent as a host sees it: a ttrpc server on a Unix socket that enforces the order and rules of
// the protocol (agent-protocol §3.7, §4.2, §4.6, §6, §7.1) with the real agent's codes and texts.
// What a rule forbids without an error of the agent's own is kept in `violations`.
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentService, type CopyFileRequest } from "../../src/wire/gen/kata/agent.ts";
import { Health } from "../../src/wire/gen/kata/health.ts";
import { serveConnection } from "../../src/wire/ttrpc/server.ts";
import type { ServiceImpl } from "../../src/wire/ttrpc/server-call.ts";
import { bindService } from "../../src/wire/ttrpc/server-call.ts";
import { FakeGuestProcess } from "./fake-agent-process.ts";

const internal = 13;
const invalidArgument = 3;
const notFound = 5;
const shareDir = "/run/kata-containers/shared/containers/";
/** agent-protocol §4.2: at least two characters */
const containerId = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** An error status of the agent. */
export class AgentRefusal extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

interface CopiedFile {
  readonly request: CopyFileRequest;
  readonly data: Buffer;
}

type Handlers = Partial<ServiceImpl<typeof AgentService>>;
type MethodName = keyof ServiceImpl<typeof AgentService>;

export class FakeAgent implements AsyncDisposable {
  /** method names, in order of arrival */
  readonly calls: MethodName[] = [];
  readonly requests: { readonly method: MethodName; readonly request: unknown }[] = [];
  readonly violations: string[] = [];
  /** complete files, links and directories by guest path */
  readonly files = new Map<string, CopiedFile>();
  readonly processes = new Map<string, FakeGuestProcess>();
  /** consulted before a method runs; throws to refuse */
  readonly before = new Map<MethodName, () => void>();
  servingStatus = 1;
  /** what every container leaves the kubelet */
  terminationMessage = "";
  /** what the agent can beyond the common protocol */
  extraFeatures: readonly string[] = [];
  sandboxId: string | null = null;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #folder: string;
  readonly #ooms: string[] = [];
  #wakeOom: () => void = () => undefined;
  readonly #partial = new Map<string, Buffer>();

  private constructor(folder: string) {
    this.#folder = folder;
    const health = bindService(Health, {
      Check: () => ({ status: this.servingStatus }),
      Version: () => ({ grpc_version: "0.0.1", agent_version: "4.1.0-fake" }),
    });
    const services = [health, bindService(AgentService, this.#handlers())];
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      const toStatus = (error: unknown) => ({
        code: error instanceof AgentRefusal ? error.code : internal,
        message: String(error instanceof Error ? error.message : error),
      });
      serveConnection(socket, services, { peer: "the host", toStatus });
    });
  }

  static async listen(): Promise<FakeAgent> {
    const folder = await mkdtemp(join(tmpdir(), "fake-agent-"));
    const agent = new FakeAgent(folder);
    await new Promise<void>((resolve) => agent.#server.listen(join(folder, "agent.sock"), resolve));
    return agent;
  }

  dial(): Socket {
    return createConnection(join(this.#folder, "agent.sock"));
  }

  /** The VM dies. */
  die(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The guest's kernel kills in this container for lack of memory. */
  runOutOfMemory(container: string): void {
    this.#ooms.push(container);
    this.#wakeOom();
  }

  process(container: string, exec = container): FakeGuestProcess {
    const found = this.processes.get(`${container}/${exec}`);
    if (found === undefined) throw new Error(`no process ${container}/${exec}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.die();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #handlers(): Handlers {
    const own: Handlers = { ...this.#sandboxHandlers(), ...this.#containerHandlers(), ...this.#streamHandlers() };
    const entries = Object.entries(own) as [MethodName, (request: never, call: never) => unknown][];
    const wrapped = entries.map(([method, handle]) => [
      method,
      (request: never, call: never) => {
        this.calls.push(method);
        this.requests.push({ method, request });
        this.before.get(method)?.();
        return handle(request, call);
      },
    ]);
    return Object.fromEntries(wrapped) as Handlers;
  }

  #sandboxHandlers(): Handlers {
    return {
      UpdateInterface: ({ interface: link }) => {
        if (link === undefined) throw new AgentRefusal(invalidArgument, "empty update interface request");
        return link;
      },
      UpdateRoutes: ({ routes }) => {
        if (routes === undefined) throw new AgentRefusal(invalidArgument, "empty update routes request");
        return routes;
      },
      AddARPNeighbors: () => ({}),
      CreateSandbox: ({ sandbox_id }) => {
        // it would wipe what the first one made
        if (this.sandboxId !== null) this.violations.push("CreateSandbox a second time");
        this.sandboxId = sandbox_id;
        this.files.clear();
        return {};
      },
      // its first container is the first to end, as in the real one
      DestroySandbox: () => {
        for (const process of this.processes.values()) process.end(137);
        return {};
      },
      GetGuestDetails: () => ({ agent_details: { supports_seccomp: true, extra_features: this.extraFeatures } }),
      CopyFile: (request) => {
        if (this.sandboxId === null) this.violations.push("CopyFile before CreateSandbox, which wipes it");
        this.#copy(request);
        return {};
      },
    };
  }

  /** Pieces are collected beside the target and renamed once the size is reached: they must ascend. */
  #copy(request: CopyFileRequest): void {
    const { path, offset, data, file_size, file_mode } = request;
    if (!path.startsWith(shareDir) || path.includes("/../")) throw new AgentRefusal(internal, "prefix not found");
    if ((file_mode & 0o170000) !== 0o100000) {
      this.files.set(path, { request, data: Buffer.from(data) });
      return;
    }
    const sofar = offset === 0n ? Buffer.alloc(0) : (this.#partial.get(path) ?? Buffer.alloc(0));
    if (BigInt(sofar.length) !== offset) throw new AgentRefusal(internal, `offset ${offset} does not follow`);
    const all = Buffer.concat([sofar, data]);
    this.#partial.set(path, all);
    if (BigInt(all.length) !== file_size) return;
    this.#partial.delete(path);
    this.files.set(path, { request, data: all });
  }

  #containerHandlers(): Handlers {
    return {
      CreateContainer: ({ container_id, OCI }) => {
        if (this.sandboxId === null) this.violations.push("CreateContainer before CreateSandbox");
        if (this.processes.size === 0 && container_id !== this.sandboxId)
          this.violations.push("the first container is not the sandbox");
        if (!containerId.test(container_id)) throw new AgentRefusal(internal, "invalid container ID");
        if (OCI?.Process === undefined || OCI.Root === undefined) throw new AgentRefusal(internal, "EINVAL");
        if (this.processes.has(`${container_id}/${container_id}`)) throw new AgentRefusal(internal, "exec fifo exists");
        this.processes.set(`${container_id}/${container_id}`, new FakeGuestProcess(OCI.Process.Terminal));
        return {};
      },
      StartContainer: ({ container_id }) => {
        this.#known(container_id, internal, "Invalid container id").start();
        return {};
      },
      ExecProcess: ({ container_id, exec_id, process }) => {
        this.#known(container_id, internal, "Invalid container id");
        if (this.processes.has(`${container_id}/${exec_id}`)) throw new AgentRefusal(internal, "already exists");
        const exec = new FakeGuestProcess(process?.Terminal ?? false);
        exec.start();
        this.processes.set(`${container_id}/${exec_id}`, exec);
        return {};
      },
      RemoveContainer: ({ container_id }) => {
        this.#known(container_id, internal, "Invalid container id");
        for (const key of this.processes.keys()) if (key.startsWith(`${container_id}/`)) this.processes.delete(key);
        return {};
      },
      StatsContainer: ({ container_id }) => {
        this.#known(container_id, invalidArgument, "invalid container id");
        return { cgroup_stats: { pids_stats: { current: 1, limit: 0 } } };
      },
      UpdateContainer: ({ container_id }) => {
        this.#known(container_id, invalidArgument, "invalid container id");
        return {};
      },
      PauseContainer: ({ container_id }) => {
        this.#known(container_id, invalidArgument, "invalid container id");
        return {};
      },
      ResumeContainer: ({ container_id }) => {
        this.#known(container_id, invalidArgument, "invalid container id");
        return {};
      },
      GetDiagnosticData: ({ container_id, log_type }) => {
        this.#known(container_id, invalidArgument, "invalid container id");
        if (log_type !== "termination_log") throw new AgentRefusal(invalidArgument, "log type");
        return { data: this.terminationMessage };
      },
      GetOOMEvent: async () => ({ container_id: await this.#nextOom() }),
      SignalProcess: ({ container_id, exec_id, signal }) => {
        const all = exec_id === "" && signal === 9;
        const process = this.#process({ container_id, exec_id });
        if (all) process.end(137);
        else process.signals.push(signal);
        return {};
      },
      WaitProcess: async (target) => ({ status: await this.#process(target).exited }),
    };
  }

  #streamHandlers(): Handlers {
    return {
      ReadStdout: async (target) => ({ data: await this.#process(target).stdout.next(target.len) }),
      ReadStderr: async (target) => {
        const process = this.#process(target);
        if (process.terminal) this.violations.push("ReadStderr of a terminal takes bytes from ReadStdout");
        return { data: await process.stderr.next(target.len) };
      },
      WriteStdin: (request) => {
        const process = this.#process(request);
        if (process.inputClosed) throw new AgentRefusal(internal, "Cannot get writer");
        return { len: process.take(request.data) };
      },
      CloseStdin: (target) => {
        this.#process(target).inputClosed = true;
        return {};
      },
      TtyWinResize: (request) => {
        const process = this.#process(request);
        if (!process.terminal) throw new AgentRefusal(14, "no tty");
        process.sizes.push(`${request.row}x${request.column}`);
        return {};
      },
    };
  }

  async #nextOom(): Promise<string> {
    for (;;) {
      const container = this.#ooms.shift();
      if (container !== undefined) return container;
      await new Promise<void>((resolve) => {
        this.#wakeOom = resolve;
      });
    }
  }

  #known(container: string, code: number, text: string): FakeGuestProcess {
    const process = this.processes.get(`${container}/${container}`);
    if (process === undefined) throw new AgentRefusal(code, text);
    return process;
  }

  /** The first process is stored under the container's own id; an empty exec id means it too. */
  #process({ container_id, exec_id }: { container_id: string; exec_id: string }): FakeGuestProcess {
    const init = this.#known(container_id, invalidArgument, "InvalidContainerId");
    if (exec_id === "" || exec_id === container_id) return init;
    const exec = this.processes.get(`${container_id}/${exec_id}`);
    if (exec === undefined) throw new AgentRefusal(notFound, "InvalidExecId");
    return exec;
  }
}

// The Task service as containerd reaches it: a ttrpc connection on one side, a pod in a made-up
// world on the other, and bundles on disk between them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RemoteError } from "../../../src/lib/errors.ts";
import { PodTable } from "../../../src/shim/pod-table.ts";
import { sandboxService } from "../../../src/shim/sandbox-service.ts";
import { toRpcStatus } from "../../../src/shim/status.ts";
import { taskServices } from "../../../src/shim/task-service.ts";
import { Sandbox } from "../../../src/wire/gen/containerd/sandbox.ts";
import { Task as TaskV2 } from "../../../src/wire/gen/containerd/task.ts";
import { Task as TaskV3 } from "../../../src/wire/gen/containerd/task_v3.ts";
import { type ServiceClient, TtrpcClient } from "../../../src/wire/ttrpc/client.ts";
import { type ServerConnection, serveConnection } from "../../../src/wire/ttrpc/server.ts";
import { FakeWorld } from "../pod/fake-world.ts";

export const validSpec = {
  ociVersion: "1.1.0",
  root: { path: "rootfs" },
  process: { cwd: "/", args: ["/bin/true"], user: { uid: 0, gid: 0 } },
  annotations: {},
  linux: { namespaces: [{ type: "network" }, { type: "ipc" }, { type: "pid" }, { type: "uts" }, { type: "mount" }] },
};

export function sandboxSpec(change: object = {}): object {
  return { ...validSpec, annotations: { "io.kubernetes.cri.container-type": "sandbox" }, ...change };
}

export function containerSpec(change: object = {}): object {
  const annotations = { "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod1" };
  return { ...validSpec, annotations, ...change };
}

export class TaskHarness implements Disposable {
  readonly world = new FakeWorld();
  readonly emitted: string[] = [];
  readonly made: string[] = [];
  shutdowns = 0;
  readonly pods = new PodTable((podId) => {
    this.made.push(podId);
    return this.world.pod;
  });
  readonly #shutdown = () => {
    this.shutdowns += 1;
  };
  readonly #services = [
    ...taskServices({
      pods: this.pods,
      emit: ({ kind, containerId }) => this.emitted.push(`${kind} ${containerId}`),
      defaultConfigPath: "/etc/default.toml",
      shutdown: this.#shutdown,
    }),
    sandboxService({ pods: this.pods, configPath: "/etc/default.toml", shutdown: this.#shutdown }),
  ];
  readonly #folder = mkdtempSync(join(tmpdir(), "task-service-"));
  readonly served: ServerConnection[] = [];
  readonly #server: Server;
  readonly #client: TtrpcClient;
  readonly task: ServiceClient<typeof TaskV2>;
  readonly taskV3: ServiceClient<typeof TaskV3>;
  readonly sandbox: ServiceClient<typeof Sandbox>;

  private constructor() {
    const options = { peer: "containerd", toStatus: toRpcStatus };
    this.#server = createServer((socket) => this.served.push(serveConnection(socket, this.#services, options)));
    // listening on a path is done by the time listen() returns
    this.#server.listen(join(this.#folder, "s"));
    this.#client = this.connect();
    this.task = this.#client.service(TaskV2);
    this.taskV3 = this.#client.service(TaskV3);
    this.sandbox = this.#client.service(Sandbox);
  }

  static open(): TaskHarness {
    return new TaskHarness();
  }

  connect(): TtrpcClient {
    return new TtrpcClient(createConnection(join(this.#folder, "s")), { peer: "the shim" });
  }

  bundle(id: string, spec: unknown): string {
    const folder = join(this.#folder, id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "config.json"), typeof spec === "string" ? spec : JSON.stringify(spec));
    return folder;
  }

  /** A bundle as the Sandbox API makes it: without config.json. */
  emptyBundle(id: string): string {
    const folder = join(this.#folder, id);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  async create(id: string, spec: object, change: object = {}): Promise<number> {
    const request = { id, bundle: this.bundle(id, spec), stdout: "/out", ...change };
    return (await this.task.Create(request)).pid;
  }

  /** A pod whose sandbox and one container run. */
  static async running(): Promise<TaskHarness> {
    const harness = TaskHarness.open();
    await harness.create("pod1", sandboxSpec());
    await harness.task.Start({ id: "pod1" });
    await harness.create("app", containerSpec());
    await harness.task.Start({ id: "app" });
    return harness;
  }

  [Symbol.dispose](): void {
    this.#client.close();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** google.rpc.Code and text of what a call was refused with. */
export async function refusal(call: Promise<unknown>): Promise<{ code: number; text: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RemoteError) return { code: error.status, text: error.remoteMessage };
    throw error;
  }
  throw new Error("the call succeeded");
}

// A pod of a world in memory behind its real control socket, for tests that speak to it as the tool does.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlClient } from "../../../src/cli/control-client.ts";
import { pause } from "../../../src/lib/deadline.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import type { CreateRequest } from "../../../src/pod/made-container.ts";
import { EventLog } from "../../../src/runtime/control-events.ts";
import { controlSocketName, serveControl } from "../../../src/runtime/control-socket.ts";
import type { PodHost } from "../../../src/runtime/pod-host.ts";
import { FakeWorld } from "../pod/fake-world.ts";

export class ServedPod implements AsyncDisposable {
  readonly world = new FakeWorld();
  readonly events = new EventLog(Date.now);
  readonly path: string;
  readonly client: ControlClient;
  readonly #runDir: string;

  private constructor(runDir: string) {
    this.#runDir = runDir;
    this.path = join(runDir, controlSocketName);
    this.client = new ControlClient(this.path);
  }

  /** The sandbox `pod1` runs; `stdio` changes its streams. */
  static async start(stdio: Partial<CreateRequest["stdio"]> = {}): Promise<ServedPod> {
    const served = new ServedPod(mkdtempSync(join(tmpdir(), "kata-control-")));
    const { world, events } = served;
    const request = world.request("pod1", "sandbox");
    await (await world.pod.create({ ...request, stdio: { ...request.stdio, ...stdio } })).start();
    const host = { runDir: served.#runDir, events, launched: null } as unknown as PodHost;
    const control = serveControl({ pod: world.pod, host, logger: silentLogger });
    world.beforeReclaim = () => control.close();
    while (!existsSync(served.path)) await pause(1);
    return served;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.world.pod.end();
    rmSync(this.#runDir, { recursive: true, force: true });
  }
}

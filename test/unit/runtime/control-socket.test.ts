import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlClient } from "../../../src/cli/control-client.ts";
import { pause } from "../../../src/lib/deadline.ts";
import { AgentLost } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { EventLog } from "../../../src/runtime/control-events.ts";
import { controlSocketName, serveControl } from "../../../src/runtime/control-socket.ts";
import type { PodHost } from "../../../src/runtime/pod-host.ts";
import { FakeWorld } from "../pod/fake-world.ts";

describe("the control service of a pod that ends", () => {
  let runDir = "";
  beforeEach(() => {
    runDir = mkdtempSync(join(tmpdir(), "kata-control-"));
  });
  afterEach(() => rmSync(runDir, { recursive: true, force: true }));

  async function servedPod() {
    const world = new FakeWorld();
    await (await world.pod.create(world.request("pod1", "sandbox"))).start();
    const host = { runDir, events: new EventLog(Date.now), launched: null } as unknown as PodHost;
    const control = serveControl({ pod: world.pod, host, logger: silentLogger });
    world.beforeReclaim = () => control.close();
    const path = join(runDir, controlSocketName);
    while (!existsSync(path)) await pause(1);
    return { world, path };
  }

  it("answers Stop once all is over, although its socket is closed on the way", async () => {
    const { world, path } = await servedPod();
    using client = new ControlClient(path);
    await client.call("Stop", { pod_id: "pod1" });
    assert.ok(world.pod.lifecycle.is("stopped"));
    assert.ok(!existsSync(path));
  });

  it("hangs up on those who only listen", async () => {
    const { world, path } = await servedPod();
    using client = new ControlClient(path);
    const listening = (async () => {
      for await (const _ of client.stream("Events", { pod_id: "pod1", follow: true }));
    })();
    await client.call("Stop", { pod_id: "pod1" });
    await assert.rejects(listening, AgentLost);
    assert.ok(world.pod.lifecycle.is("stopped"));
  });
});

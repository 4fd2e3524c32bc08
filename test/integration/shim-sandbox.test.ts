// The built shim under containerd's Sandbox API, up to the boot: what it answers, keeps and leaves. And
// what it can still do when its program is replaced while it runs, as an upgrade does.
import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ControlClient } from "../../src/cli/control-client.ts";
import { packAny } from "../../src/wire/any.ts";
import { BootstrapParams, BootstrapResult } from "../../src/wire/gen/containerd/bootstrap.ts";
import { Options } from "../../src/wire/gen/containerd/runtimeoptions.ts";
import { NamespaceMode, PodSandboxConfig } from "../../src/wire/gen/cri/pod_sandbox.ts";
import type { Init } from "../../src/wire/message.ts";
import { skip } from "../support/tools.ts";
import { refusal } from "../unit/shim/task-harness.ts";
import { ShimBench } from "./shim-harness.ts";

describe("the shim, under the Sandbox API", function () {
  this.timeout(60_000);
  let bench: ShimBench;

  before(async function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
    bench = await ShimBench.open();
  });
  afterEach(() => bench?.killDaemons());
  after(async () => await bench?.[Symbol.asyncDispose]());

  /** As containerd 2.3 and newer: the runtime's options come with `start` and never again. */
  async function start(id: string, configPath = ""): Promise<string> {
    bench.bundle(id, null);
    const stdin = BootstrapParams.encode({
      instance_id: id,
      namespace: bench.namespace,
      containerd_ttrpc_address: bench.containerd.path,
      extensions: [{ value: packAny(Options, { config_path: configPath }) }],
    });
    const { code, stdout } = await bench.run("start", id, { stdin });
    assert.equal(code, 0);
    return BootstrapResult.decode(stdout).address.replace("unix://", "");
  }

  function request(id: string, config: Init<PodSandboxConfig> = {}) {
    const bundle_path = join(bench.folder, "bundles", id);
    return { sandbox_id: id, bundle_path, options: packAny(PodSandboxConfig, config) };
  }

  it("makes a sandbox, describes it, and is gone with all it held when it is shut down", async () => {
    const id = bench.id("sb");
    using client = bench.dial(await start(id));
    await client.sandbox.CreateSandbox(request(id, { hostname: "web" }));
    assert.equal(readFileSync(join(bench.folder, "bundles", id, "hostname"), "utf8"), "web\n");
    assert.equal((await client.sandbox.SandboxStatus({ sandbox_id: id })).state, "SANDBOX_NOTREADY");
    assert.equal((await client.sandbox.Platform({ sandbox_id: id })).platform?.os, "linux");
    // containerd asks so of every shim when it restarts
    assert.equal((await client.taskV3.Connect({ id })).task_pid, 0);
    assert.equal((await refusal(client.taskV3.Pids({ id }))).code, 5);
    await client.taskV3.Shutdown({ id });
    await client.sandbox.ShutdownSandbox({ sandbox_id: id });
    await bench.untilNoDaemon();
    assert.deepEqual(bench.leftOf(id), []);
  });

  it("boots by the configuration that start was told", async () => {
    const id = bench.id("conf");
    using client = bench.dial(await start(id, "/nonexistent/kata-cvm.toml"));
    await client.sandbox.CreateSandbox(request(id));
    const { text } = await refusal(client.sandbox.StartSandbox({ sandbox_id: id }));
    assert.match(text, /\/nonexistent\/kata-cvm\.toml/);
    await client.sandbox.ShutdownSandbox({ sandbox_id: id });
    await bench.untilNoDaemon();
    assert.deepEqual(bench.leftOf(id), []);
  });

  it("refuses the host's namespaces by name, and goes when it is shut down", async () => {
    const id = bench.id("host");
    using client = bench.dial(await start(id));
    const namespace_options = { network: NamespaceMode.NODE };
    const config = { linux: { security_context: { namespace_options } } };
    assert.match((await refusal(client.sandbox.CreateSandbox(request(id, config)))).text, /hostNetwork/);
    await client.sandbox.ShutdownSandbox({ sandbox_id: id });
    await bench.untilNoDaemon();
    assert.deepEqual(bench.leftOf(id), []);
  });

  it("does not take a sandbox that waits for its start for an orphan", async () => {
    const id = bench.id("patient");
    bench.bundle(id, null);
    const { stdout } = await bench.run("start", id, { env: { KATA_CVM_ORPHAN_LIMIT_MS: "500" } });
    using client = bench.dial(stdout.toString().replace("unix://", ""));
    await client.sandbox.CreateSandbox(request(id));
    await pause(1500);
    assert.equal(bench.daemons().length, 1);
    await client.sandbox.ShutdownSandbox({ sandbox_id: id });
    await bench.untilNoDaemon();
  });

  it("leaves nothing for who calls delete after it was killed", async () => {
    const id = bench.id("dead");
    using client = bench.dial(await start(id));
    await client.sandbox.CreateSandbox(request(id));
    bench.killDaemons();
    await client.closed;
    assert.equal((await bench.run("delete", id)).code, 0);
    assert.deepEqual(bench.leftOf(id), []);
  });

  // last: it takes the bench's program apart
  it("answers the command-line tool by the program it was started from, whatever took its place", async () => {
    const id = bench.id("old");
    using client = bench.dial(await start(id));
    await client.sandbox.CreateSandbox(request(id));
    const dist = join(bench.folder, "dist");
    renameSync(join(dist, "shim"), join(dist, "replaced"));
    rmSync(join(dist, "replaced"), { recursive: true });
    rmSync(join(bench.folder, "node_modules"));
    using control = new ControlClient(join(bench.runDirOf(id), "control.sock"));
    const { state_json } = await control.call("Inspect", { pod_id: id });
    assert.match(Buffer.from(state_json).toString("utf8"), new RegExp(id));
    await client.sandbox.ShutdownSandbox({ sandbox_id: id });
    await bench.untilNoDaemon();
    assert.deepEqual(bench.leftOf(id), []);
  });
});

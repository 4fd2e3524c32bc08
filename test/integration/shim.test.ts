// The shim's contract with containerd 1.6 to 2.4 (shim-contract §1), held by the built program.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { runtimeName, runtimeVersion } from "../../src/lib/version.ts";
import { packAny } from "../../src/wire/any.ts";
import { BootstrapParams, BootstrapResult } from "../../src/wire/gen/containerd/bootstrap.ts";
import { RuntimeInfo } from "../../src/wire/gen/containerd/introspection.ts";
import { Options } from "../../src/wire/gen/containerd/runtimeoptions.ts";
import { Any } from "../../src/wire/gen/google/protobuf/any.ts";
import { skip } from "../support/tools.ts";
import { ShimBench } from "./shim-harness.ts";

const options = packAny(Options, { config_path: "/etc/kata-cvm/kata-cvm.toml" });

describe("the shim, run as containerd runs it", function () {
  this.timeout(60_000);
  let bench: ShimBench;

  before(async function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
    bench = await ShimBench.open();
  });
  // what one test left must not fail the next
  afterEach(() => bench?.killDaemons());
  after(async () => await bench?.[Symbol.asyncDispose]());

  function params(id: string, socketDir = ""): Uint8Array {
    return BootstrapParams.encode({
      instance_id: id,
      namespace: bench.namespace,
      log_level: -4,
      containerd_version: "2.3.1",
      containerd_ttrpc_address: bench.containerd.path,
      containerd_grpc_address: bench.address,
      extensions: [{ value: options }],
      socket_dir: socketDir,
    });
  }

  describe("start", () => {
    const inputs: readonly (readonly [string, Uint8Array])[] = [
      ["nothing (1.6 without options)", new Uint8Array()],
      ["options in an Any (1.6 to 2.2)", Any.encode(options)],
      ["an Any of a type it does not know", Any.encode({ type_url: "some.Type", value: Buffer.alloc(200, 7) })],
      ["bytes that are no message", Buffer.from("\x0a\xff\xff garbage")],
    ];
    for (const [what, stdin] of inputs) {
      it(`answers ${what} with the plain address alone, and listens before it ends`, async () => {
        const id = bench.id("plain");
        bench.sandboxBundle(id);
        const { code, stdout, stderr } = await bench.run("start", id, { stdin });
        assert.deepEqual([code, stderr], [0, ""]);
        assert.equal(stdout.toString(), `unix://${bench.socketOf(id)}`);
        assert.equal(readFileSync(join(bench.folder, "bundles", id, "address"), "utf8"), stdout.toString());
        await bench.pidOf(bench.socketOf(id));
        await bench.shutDown(bench.socketOf(id));
        assert.deepEqual(bench.leftOf(id), []);
      });
    }

    it("answers BootstrapParams (2.3 and newer) with a BootstrapResult alone", async () => {
      const id = bench.id("boot");
      bench.sandboxBundle(id);
      const { code, stdout, stderr } = await bench.run("start", id, { stdin: params(id) });
      assert.deepEqual([code, stderr], [0, ""]);
      const result = BootstrapResult.decode(stdout);
      assert.deepEqual([result.version, result.protocol], [3, "ttrpc"]);
      assert.equal(result.address, `unix://${bench.socketOf(id)}`);
      await bench.shutDown(bench.socketOf(id));
    });

    it("answers a sandbox of containerd 2.0 to 2.2 with JSON of version 3, and serves that version's Task service", async () => {
      const id = bench.id("json");
      bench.bundle(id, {
        "io.kubernetes.cri.container-type": "sandbox",
        "io.kubernetes.cri.podsandbox.image-name": "registry.k8s.io/pause:3.10",
      });
      const { code, stdout, stderr } = await bench.run("start", id, { stdin: Any.encode(options) });
      assert.deepEqual([code, stderr], [0, ""]);
      const address = `unix://${bench.socketOf(id)}`;
      assert.deepEqual(JSON.parse(stdout.toString()), { version: 3, address, protocol: "ttrpc" });
      assert.equal(readFileSync(join(bench.folder, "bundles", id, "address"), "utf8"), address);
      using client = bench.dial(bench.socketOf(id));
      assert.deepEqual(await client.taskV3.Connect({ id: "any" }), await client.task.Connect({ id: "any" }));
      await bench.shutDown(bench.socketOf(id));
    });

    it("listens in the directory that containerd names, and leaves no socket there in the end", async () => {
      const id = bench.id("dir");
      const dir = join(bench.folder, "s");
      bench.sandboxBundle(id);
      const { stdout } = await bench.run("start", id, { stdin: params(id, dir) });
      const path = BootstrapResult.decode(stdout).address.replace("unix://", "");
      assert.ok(path.startsWith(`${dir}/`));
      await bench.shutDown(path);
      assert.deepEqual(readdirSync(dir), []);
    });

    it("makes its socket for root alone", async () => {
      const path = await bench.startPod(bench.id("mode"));
      assert.equal(statSync(path).mode & 0o777, 0o600);
      await bench.shutDown(path);
    });

    it("leaves a daemon that holds nothing of containerd's: own session, no bundle, no pipes", async () => {
      const path = await bench.startPod(bench.id("held"));
      const pid = await bench.pidOf(path);
      assert.equal(readlinkSync(`/proc/${pid}/cwd`), "/");
      for (const fd of [0, 1, 2]) assert.equal(readlinkSync(`/proc/${pid}/fd/${fd}`), "/dev/null");
      const [, , group, session] = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
      assert.deepEqual([group, session], [String(pid), String(pid)]);
      assert.equal(readFileSync(`/proc/${pid}/environ`, "utf8").includes("NODE_OPTIONS"), false);
      await bench.shutDown(path);
    });

    it("gives the same address for a pod whose daemon lives, without a second daemon", async () => {
      const id = bench.id("again");
      const path = await bench.startPod(id);
      const pid = await bench.pidOf(path);
      assert.equal(await bench.startPod(id), path);
      assert.deepEqual(bench.daemons(), [pid]);
      await bench.shutDown(path);
    });

    it("gives a further container its pod's address, without another daemon", async () => {
      const [pod, app] = [bench.id("pod"), bench.id("app")];
      const path = await bench.startPod(pod);
      bench.containerBundle(app, pod);
      const { code, stdout } = await bench.run("start", app);
      assert.deepEqual([code, stdout.toString()], [0, `unix://${path}`]);
      assert.equal(readFileSync(join(bench.folder, "bundles", app, "address"), "utf8"), `unix://${path}`);
      assert.equal(bench.daemons().length, 1);
      await bench.shutDown(path);
    });

    it("fails in one line for a container whose pod is dead, and starts nothing", async () => {
      const app = bench.id("lost");
      bench.containerBundle(app, bench.id("nopod"));
      const { code, stdout, stderr } = await bench.run("start", app);
      assert.deepEqual([code, stdout.length], [1, 0]);
      assert.match(stderr, /^kata-cvm: running pod \(its shim does not answer\) "nopod-\w+" not found\n$/);
      assert.deepEqual(bench.daemons(), []);
    });

    it("takes a bundle without config.json, as the Sandbox API makes it, for a pod of its own", async () => {
      const id = bench.id("sandboxer");
      bench.bundle(id, null);
      const { code, stdout } = await bench.run("start", id, { stdin: params(id) });
      assert.equal(code, 0);
      await bench.shutDown(BootstrapResult.decode(stdout).address.replace("unix://", ""));
    });

    it("fails in one line for a config.json that is none", async () => {
      const id = bench.id("torn");
      writeFileSync(join(bench.sandboxBundle(id), "config.json"), '{"annot');
      const { code, stdout, stderr } = await bench.run("start", id);
      assert.deepEqual([code, stdout.length], [1, 0]);
      assert.match(stderr, /^kata-cvm: config\.json: is not JSON: .*\n$/);
      assert.deepEqual(bench.daemons(), []);
    });

    it("replaces the socket of a daemon that was killed", async () => {
      const id = bench.id("killed");
      const path = await bench.startPod(id);
      const first = await bench.pidOf(path);
      process.kill(first, "SIGKILL");
      await bench.untilNoDaemon();
      assert.ok(existsSync(path));
      assert.equal(await bench.startPod(id), path);
      assert.notEqual(await bench.pidOf(path), first);
      await bench.shutDown(path);
    });

    it("can be killed at any moment and run again: one daemon, which ends when asked", async () => {
      const id = bench.id("midway");
      bench.sandboxBundle(id);
      for (const killAfterMs of [1, 30, 60, 90, 120, 150, 180, 220]) {
        await bench.run("start", id, { killAfterMs });
      }
      const path = await bench.startPod(id);
      const pid = await bench.pidOf(path);
      assert.deepEqual(bench.daemons(), [pid]);
      await bench.shutDown(path);
      assert.deepEqual(bench.leftOf(id), []);
    });

    it("is not disturbed by what an administrator set for Node in containerd's environment", async () => {
      const id = bench.id("env");
      const env = {
        NODE_OPTIONS: "--require=/nonexistent/hook.js",
        NODE_DEBUG: "net,http",
        NODE_EXTRA_CA_CERTS: "/nonexistent",
      };
      const path = await bench.startPod(id, { env });
      await bench.shutDown(path);
      const info = await bench.call(["-info"], { env });
      assert.deepEqual([info.code, info.stderr], [0, ""]);
    });
  });

  describe("its daemon", () => {
    it("ends by itself when nobody gives it a container, and takes its socket along", async () => {
      const id = bench.id("orphan");
      await bench.startPod(id, { env: { KATA_CVM_ORPHAN_LIMIT_MS: "300" } });
      await bench.untilNoDaemon();
      assert.deepEqual(bench.leftOf(id), []);
      assert.match(bench.logOf(id), /nobody gave it a container/);
    });

    it("says on SIGUSR1 what it holds and waits for", async () => {
      const id = bench.id("dump");
      const path = await bench.startPod(id);
      const pid = await bench.pidOf(path);
      using _client = bench.dial(path);
      bench.logOf(id);
      process.kill(pid, "SIGUSR1");
      let log = "";
      for (const end = Date.now() + 5000; !log.includes("open resources") && Date.now() < end; await pause(20)) {
        log += bench.logOf(id);
      }
      assert.match(log, /msg="\d connections"/);
      assert.match(log, /open resources: .*Pipe/);
      await bench.shutDown(path);
    });

    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      it(`ends in order on ${signal}`, async () => {
        const id = bench.id("term");
        const path = await bench.startPod(id);
        process.kill(await bench.pidOf(path), signal);
        await bench.untilNoDaemon();
        assert.deepEqual(bench.leftOf(id), []);
      });
    }

    it("lives on after SIGPIPE, garbage on its socket and a removed bundle", async () => {
      const id = bench.id("tough");
      const path = await bench.startPod(id);
      const pid = await bench.pidOf(path);
      process.kill(pid, "SIGPIPE");
      const garbage = createConnection(path).on("error", () => undefined);
      garbage.end(Buffer.alloc(100_000, 0xff));
      await new Promise((resolve) => garbage.once("close", resolve));
      rmSync(join(bench.folder, "bundles", id), { recursive: true });
      assert.equal(await bench.pidOf(path), pid);
      await bench.shutDown(path);
    });

    it("answers Shutdown before it goes, and again while it goes", async () => {
      const path = await bench.startPod(bench.id("bye"));
      using client = bench.dial(path);
      await Promise.all([client.task.Shutdown({ id: "any" }), client.task.Shutdown({ id: "any" })]);
      await client.closed;
      await bench.untilNoDaemon();
      assert.ok(!existsSync(path));
    });
  });

  describe("asked about itself", () => {
    it("names its version on -v and -version", async () => {
      for (const flag of ["-v", "-version", "--version"]) {
        const { code, stdout, stderr } = await bench.call([flag]);
        assert.deepEqual([code, stderr], [0, ""]);
        assert.match(stdout.toString(), new RegExp(`^${runtimeName}\n  Version: ${runtimeVersion}\n`));
      }
    });

    it("describes its features on -info, user namespaces only for a handler without options", async () => {
      for (const [stdin, hasUserNamespaces] of [
        [new Uint8Array(), true],
        [Any.encode(options), false],
        // what containerd asks with before it starts a container with mapped volumes
        [Any.encode({ type_url: "containerd.runc.v1.Options", value: new Uint8Array([0x28, 7]) }), true],
      ] as const) {
        const { code, stdout, stderr } = await bench.call(["-info"], { stdin });
        assert.deepEqual([code, stderr], [0, ""]);
        const info = RuntimeInfo.decode(stdout);
        assert.equal(info.name, runtimeName);
        assert.equal(info.features?.type_url, "types.containerd.io/opencontainers/runtime-spec/1/features/Features");
        // what containerd 2.4 reads before it admits recursive read-only mounts and user namespaces
        const features = JSON.parse(Buffer.from(info.features?.value ?? []).toString());
        assert.ok(["bind", "rro", "idmap"].every((option) => features.mountOptions.includes(option)));
        assert.ok(features.linux.namespaces.includes("user"));
        assert.equal(features.linux.mountExtensions.idmap.enabled, hasUserNamespaces);
      }
    });

    it("refuses what it does not understand with one line and exit code 1", async () => {
      const id = ["-namespace", "n", "-id", "i"];
      for (const argv of [
        [],
        ["start"],
        ["-nosuch", "start"],
        [...id, "restart"],
        ["-id", "../x", "-namespace", "n", "start"],
      ]) {
        const { code, stdout, stderr } = await bench.call(argv);
        assert.deepEqual([code, stdout.length], [1, 0], argv.join(" "));
        assert.match(stderr, /^kata-cvm: [^\n]+\n$/);
      }
    });
  });
});

// How a pod that failed or died is cleared away (shim-contract §1.8, §1.11), by the built program.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { packAny } from "../../src/wire/any.ts";
import { Options } from "../../src/wire/gen/containerd/runtimeoptions.ts";
import { DeleteResponse } from "../../src/wire/gen/containerd/task.ts";
import { skip } from "../support/tools.ts";
import { refusal } from "../unit/shim/task-harness.ts";
import { ShimBench } from "./shim-harness.ts";

describe("a pod that failed or died", function () {
  this.timeout(60_000);
  let bench: ShimBench;

  before(async function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
    bench = await ShimBench.open();
  });
  // what one test left must not fail the next
  afterEach(() => bench?.killDaemons());
  after(async () => await bench?.[Symbol.asyncDispose]());

  /** A client's answer to Create with this configuration file. */
  function create(task: ReturnType<ShimBench["dial"]>["task"], id: string, configPath: string) {
    const bundle = join(bench.folder, "bundles", id);
    return task.Create({ id, bundle, options: packAny(Options, { config_path: configPath }) });
  }

  describe("Create with a configuration that is wrong", () => {
    const cases: readonly (readonly [string, string | null, number, RegExp])[] = [
      ["an unknown key", "[vm]\nno_such_key = 1\n", 3, /invalid configuration: .*bad\.toml:2: vm\.no_such_key: /],
      ["no TOML", "[vm\n", 3, /invalid configuration: .*bad\.toml/],
      ["a missing file", null, 9, /the configuration file .*bad\.toml does not exist; copy one/],
    ];
    for (const [what, text, expected, message] of cases) {
      it(`(${what}) tells the caller in one line, publishes nothing, and leaves nothing`, async () => {
        const id = bench.id("config");
        const file = join(bench.folder, "bad.toml");
        rmSync(file, { force: true });
        if (text !== null) writeFileSync(file, text);
        const before = bench.containerd.attempts.length;
        const path = await bench.startPod(id);
        using client = bench.dial(path);
        const { code, text: told } = await refusal(create(client.task, id, file));
        assert.match(told, message);
        assert.ok(!told.includes("\n"));
        assert.equal(code, expected);
        assert.equal((await refusal(client.task.Delete({ id }))).code, 5);
        assert.ok(!existsSync(bench.runDirOf(id)));
        await bench.shutDown(path);
        assert.equal(bench.containerd.attempts.length, before);
        const deleted = await bench.run("delete", id);
        assert.deepEqual([deleted.code, deleted.stderr], [0, ""]);
        assert.deepEqual(bench.leftOf(id), []);
      });
    }

    it("many times over holds no more descriptors than once", async () => {
      const id = bench.id("fds");
      const path = await bench.startPod(id);
      using client = bench.dial(path);
      const pid = await bench.pidOf(path);
      const fail = () => refusal(create(client.task, id, "/nonexistent.toml"));
      await fail();
      const count = () => readdirSync(`/proc/${pid}/fd`).length;
      const before = count();
      for (let round = 0; round < 20; round++) await fail();
      assert.ok(count() <= before, `${before} before, ${count()} after`);
      await bench.shutDown(path);
    });
  });

  describe("delete", () => {
    /** A daemon in the middle of its first Create, its ledger written: the configuration is a FIFO nobody fills. */
    async function midCreate(id: string) {
      const path = await bench.startPod(id);
      const config = join(bench.folder, `${id}.toml`);
      execFileSync("mkfifo", [config]);
      const client = bench.dial(path);
      const creating = refusal(create(client.task, id, config)).catch((error: unknown) => error);
      for (const end = Date.now() + 5000; !existsSync(join(bench.runDirOf(id), "ledger.json")); await pause(10)) {
        assert.ok(Date.now() < end, "no ledger was written");
      }
      return { path, client, creating };
    }

    function assertDeleted(outcome: { code: number | null; stderr: string; stdout: Buffer }): void {
      assert.deepEqual([outcome.code, outcome.stderr], [0, ""]);
      const response = DeleteResponse.decode(outcome.stdout);
      assert.equal(response.exit_status, 137);
      const seconds = Number(response.exited_at?.seconds);
      assert.ok(Math.abs(seconds - Date.now() / 1000) < 60, `${seconds}`);
    }

    it("clears up after a daemon that was killed, and does so again without complaint", async () => {
      const id = bench.id("dead");
      const { path, creating } = await midCreate(id);
      process.kill(await bench.pidOf(path), "SIGKILL");
      await creating;
      assert.deepEqual(bench.leftOf(id).length, 2);
      assertDeleted(await bench.run("delete", id));
      assert.deepEqual(bench.leftOf(id), []);
      assertDeleted(await bench.run("delete", id));
    });

    it("goes on when containerd, tired of waiting, kills it", async () => {
      const id = bench.id("killed");
      const { path, creating } = await midCreate(id);
      process.kill(await bench.pidOf(path), "SIGKILL");
      await creating;
      const deleting = bench.run("delete", id);
      const waiting = await bench.untilRuns("delete", id);
      await bench.untilRuns("reclaim", id);
      process.kill(waiting, "SIGKILL");
      assert.equal((await deleting).signal, "SIGKILL");
      for (const end = Date.now() + 20_000; bench.leftOf(id).length > 0; await pause(20)) {
        assert.ok(Date.now() < end, `still left: ${bench.leftOf(id).join()}`);
      }
    });

    it("answers before containerd kills it, and goes on clearing up where that takes longer", async () => {
      const id = bench.id("slow");
      const { path, creating } = await midCreate(id);
      process.kill(await bench.pidOf(path), "SIGKILL");
      await creating;
      const netns = join(bench.folder, "netns");
      writeFileSync(netns, "");
      const file = join(bench.runDirOf(id), "ledger.json");
      const ledger = JSON.parse(readFileSync(file, "utf8")) as { owned: unknown[] };
      ledger.owned.push({ kind: "tap", name: "tap0", peer: "eth0", netns });
      writeFileSync(file, JSON.stringify(ledger));
      const began = Date.now();
      assertDeleted(await bench.run("delete", id));
      assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
      assert.notDeepEqual(bench.leftOf(id), []);
      rmSync(netns);
      for (const end = Date.now() + 30_000; bench.leftOf(id).length > 0; await pause(20)) {
        assert.ok(Date.now() < end, `still left: ${bench.leftOf(id).join()}`);
      }
    });

    it("ends a daemon that still lives", async () => {
      const id = bench.id("alive");
      const { creating } = await midCreate(id);
      assertDeleted(await bench.run("delete", id));
      await creating;
      await bench.untilNoDaemon();
      assert.deepEqual(bench.leftOf(id), []);
    });

    it("removes the socket of a daemon that was killed before its first container", async () => {
      const id = bench.id("early");
      const path = await bench.startPod(id);
      process.kill(await bench.pidOf(path), "SIGKILL");
      await bench.untilNoDaemon();
      assertDeleted(await bench.run("delete", id));
      assert.deepEqual(bench.leftOf(id), []);
    });

    it("succeeds for an id that nobody knows, and for a bundle that is gone", async () => {
      assertDeleted(await bench.run("delete", bench.id("unknown")));
      const flags = ["-namespace", bench.namespace, "-address", bench.address, "-id", bench.id("gone")];
      assertDeleted(await bench.call([...flags, "-bundle", "/nonexistent/bundle", "delete"]));
    });

    it("of a further container leaves its pod alone", async () => {
      const [pod, app] = [bench.id("livepod"), bench.id("liveapp")];
      const path = await bench.startPod(pod);
      bench.containerBundle(app, pod);
      await bench.run("start", app);
      assertDeleted(await bench.run("delete", app));
      assert.ok(existsSync(path));
      await bench.pidOf(path);
      await bench.shutDown(path);
    });

    it("unmounts the bundle's rootfs", async () => {
      const id = bench.id("mounted");
      const rootfs = join(bench.sandboxBundle(id), "rootfs");
      execFileSync("mount", ["-t", "tmpfs", "shim-test", rootfs]);
      assertDeleted(await bench.run("delete", id));
      assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(rootfs));
    });

    it("bears a torn ledger", async () => {
      const id = bench.id("tornledger");
      mkdirSync(bench.runDirOf(id), { recursive: true });
      writeFileSync(join(bench.runDirOf(id), "ledger.json"), '{"version":1,');
      assertDeleted(await bench.run("delete", id));
      rmSync(bench.runDirOf(id), { recursive: true, force: true });
    });

    it("is not needed when Shutdown ends a Create that hangs", async () => {
      const id = bench.id("hanging");
      const { path, creating } = await midCreate(id);
      await bench.shutDown(path);
      await creating;
      assert.deepEqual(bench.leftOf(id), []);
    });
  });
});

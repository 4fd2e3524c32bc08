// What a pod costs does not grow with use: the built shim with real FIFOs, ledger, layers and processes,
// and a VM that takes milliseconds (test/fakes/vm-program.ts). test/e2e/soak.test.ts does it with VMs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { build } from "esbuild";
import { packAny } from "../../src/wire/any.ts";
import { Options } from "../../src/wire/gen/containerd/runtimeoptions.ts";
import { count, type Holdings, holdingsOf, residentMiB } from "../support/process-holdings.ts";
import { skip } from "../support/tools.ts";
import { ShimBench, type ShimClient } from "./shim-harness.ts";

const PODS = 50;
const EXECS = 200;
const CONTAINERS = 50;
/** enough for every lazily loaded part, pool thread and cache to be there */
const WARM_UP = 20;
const RSS_LIMIT = 1.2;

describe("the shim, used for long", function () {
  this.timeout(600_000);
  let bench: ShimBench;
  let options: ReturnType<typeof packAny>;

  before(async function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
    bench = await ShimBench.open();
    options = packAny(Options, { config_path: await writeConfig(bench.folder) });
  });
  // what one test left must not fail the next
  afterEach(() => bench?.killDaemons());
  after(async () => await bench?.[Symbol.asyncDispose]());

  /** A pod whose sandbox runs. */
  async function startPod(id: string): Promise<{ path: string; client: ShimClient }> {
    const path = await bench.startPod(id);
    const client = bench.dial(path);
    await createAndStart(client, id, bench.sandboxBundle(id));
    return { path, client };
  }

  async function createAndStart({ task }: ShimClient, id: string, bundle: string): Promise<void> {
    await task.Create({ id, bundle, options });
    await task.Start({ id });
  }

  async function removeContainer({ task }: ShimClient, id: string): Promise<void> {
    await task.Kill({ id, signal: 9, all: true });
    await task.Wait({ id });
    await task.Delete({ id });
  }

  async function useContainer(client: ShimClient, id: string, pod: string): Promise<void> {
    const bundle = bench.containerBundle(id, pod);
    await createAndStart(client, id, bundle);
    await removeContainer(client, id);
    bench.dropBundle(id);
  }

  it(`holds after ${EXECS} execs and ${CONTAINERS} containers what it held after the first ${WARM_UP}`, async () => {
    const pod = bench.id("long");
    const app = bench.id("app");
    const { path, client } = await startPod(pod);
    const pid = await bench.pidOf(path);
    await createAndStart(client, app, bench.containerBundle(app, pod));
    const use = async (times: { execs: number; containers: number }, round: string) => {
      for (let index = 0; index < times.execs; index++) {
        const id = `exec-${round}-${index}`;
        assert.equal(await execIn(client, { bench, container: app, id }), `say ${id}\n`);
      }
      for (let index = 0; index < times.containers; index++)
        await useContainer(client, bench.id(`c${round}${index}`), pod);
    };
    await use({ execs: WARM_UP, containers: WARM_UP }, "warm");
    const first = { holds: await everythingHeld(bench, pod, pid), rss: residentMiB(pid) };
    await use({ execs: EXECS, containers: CONTAINERS }, "soak");
    await settlesTo(first.holds, () => everythingHeld(bench, pod, pid));
    const grown = residentMiB(pid) / first.rss;
    assert.ok(grown <= RSS_LIMIT, `resident memory is ${grown.toFixed(2)} times the first`);
    await removeContainer(client, app);
    await removeContainer(client, pod);
    client[Symbol.dispose]();
    await bench.shutDown(path);
    assert.deepEqual(bench.leftOf(pod), []);
  });

  it(`leaves after ${PODS} pods what it left after the first, and no later daemon is larger`, async () => {
    const cycle = async (index: number): Promise<number> => {
      const id = bench.id(`p${index}`);
      const { path, client } = await startPod(id);
      assert.equal(await execIn(client, { bench, container: id, id: "hello" }), "say hello\n");
      const rss = residentMiB(await bench.pidOf(path));
      await removeContainer(client, id);
      client[Symbol.dispose]();
      await bench.shutDown(path);
      bench.dropBundle(id);
      return rss;
    };
    const firstRss = await cycle(0);
    const first = hostHoldings(bench.folder);
    const later: number[] = [];
    for (let index = 1; index < PODS; index++) later.push(await cycle(index));
    await settlesTo(first, async () => hostHoldings(bench.folder));
    const grown = Math.max(...later) / firstRss;
    assert.ok(grown <= RSS_LIMIT, `the largest daemon has ${grown.toFixed(2)} times the first one's memory`);
  });
});

/** A configuration for VMs without a machine, and all that it names. */
async function writeConfig(folder: string): Promise<string> {
  const program = join(folder, "vm-program.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "../fakes/vm-program.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    banner: { js: `#!${process.execPath}` },
    logLevel: "error",
  });
  chmodSync(program, 0o755);
  const image = join(folder, "image");
  mkdirSync(image);
  for (const name of ["vmlinuz", "initrd.img", "root.erofs", "root.verity"]) writeFileSync(join(image, name), name);
  writeFileSync(join(image, "image.json"), JSON.stringify({ rootHash: "00".repeat(32), cmdline: "quiet" }));
  const config = join(folder, "soak.toml");
  const lines = [
    `[vm]\nboot = "direct"\naccelerator = "tcg"\nvsock = "vhost-user"`,
    `[paths]\nfirmware = "builtin"\nimage = "${image}"\nqemu = "${program}"\nvhost_device_vsock = "${program}"`,
    `layers = "${folder}/layers"\n[tpm]\ndevice = "none"\n`,
  ];
  writeFileSync(config, lines.join("\n"));
  return config;
}

/** One exec as containerd does it: FIFOs, Exec, Start, the output to its end, Wait, Delete. */
async function execIn(
  { task }: ShimClient,
  exec: { bench: ShimBench; container: string; id: string },
): Promise<string> {
  const { bench, container, id } = exec;
  const paths = ["in", "out", "err"].map((name) => join(bench.folder, `${id}-${name}`));
  execFileSync("mkfifo", paths);
  const [stdin = "", stdout = "", stderr = ""] = paths;
  const spec = { cwd: "/", args: ["say", id], user: { uid: 0, gid: 0 } };
  const value = Buffer.from(JSON.stringify(spec));
  const type_url = "types.containerd.io/opencontainers/runtime-spec/1/Process";
  // both ways: a process that has ended already leaves the FIFO without a reader
  await using _input = await open(stdin, constants.O_RDWR | constants.O_NONBLOCK);
  const outputs = Promise.all([stdout, stderr].map(readAll));
  await task.Exec({ id: container, exec_id: id, stdin, stdout, stderr, spec: { type_url, value } });
  await task.Start({ id: container, exec_id: id });
  const [said = ""] = await outputs;
  const { exit_status } = await task.Wait({ id: container, exec_id: id });
  await task.Delete({ id: container, exec_id: id });
  for (const path of paths) rmSync(path);
  assert.equal(exit_status, 0);
  return said;
}

async function readAll(fifo: string): Promise<string> {
  await using file = await open(fifo, "r");
  return await file.readFile("utf8");
}

/** Of a pod's daemon: descriptors, threads, children, Node's timers and handles, ledger and files. */
async function everythingHeld(bench: ShimBench, pod: string, pid: number): Promise<Holdings> {
  process.kill(pid, "SIGUSR1");
  let log = "";
  for (const end = Date.now() + 10_000; !/open resources: .*"/.test(log); await pause(20)) {
    assert.ok(Date.now() < end, `no state dump: ${log}`);
    log += bench.logOf(pod);
  }
  assert.doesNotMatch(log, /Node warns|unexpected/);
  const resources = /open resources: ([^"]*)"/.exec(log)?.[1]?.split(" ") ?? [];
  const runDir = bench.runDirOf(pod);
  const { owned } = JSON.parse(readFileSync(join(runDir, "ledger.json"), "utf8")) as { owned: { kind: string }[] };
  return [
    ...holdingsOf(pid),
    ...count(resources.map((name) => `resource ${name}`)),
    ...count(owned.map(({ kind }) => `owned ${kind}`)),
    ...files(runDir),
    ...files(join(bench.folder, "layers")),
  ];
}

/** What pods could leave on the host. */
function hostHoldings(folder: string): Holdings {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(folder));
  return [...files("/run/kata-cvm/facts"), ...files(join(folder, "layers")), ...files(join(folder, "s")), ...mounts];
}

function files(folder: string): readonly string[] {
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .map((name) => join(folder, String(name)))
        .sort()
    : [];
}

/** What ends takes a moment; what leaks stays. */
async function settlesTo(expected: Holdings, read: () => Promise<Holdings>): Promise<void> {
  for (const end = Date.now() + 15_000; Date.now() < end; await pause(200)) {
    if ((await read()).join("\n") === expected.join("\n")) return;
  }
  assert.deepEqual(await read(), expected);
}

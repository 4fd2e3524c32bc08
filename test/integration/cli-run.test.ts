// `kata-cvm run` in real VMs of the fast class: what the README promises of it. Needs root, QEMU, a
// guest image and the lab's busybox; each is named when it is missing.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUSYBOX_IMAGE } from "../lab/images/catalog.ts";
import { repository, testImages } from "../lab/tools.ts";
import { skip } from "../support/tools.ts";

const image = process.env["KATA_CVM_IMAGE"] ?? "/var/lib/kata-cvm/images/default";
const bootLimitMs = 180_000;

describe("kata-cvm run", function () {
  this.timeout(bootLimitMs);
  let dir = "";
  let layout = "";

  before(function () {
    if (process.getuid?.() !== 0 || !existsSync(join(image, "image.json"))) {
      skip(this, "needs root and the guest image (npm run image)");
    }
    dir = mkdtempSync(join(tmpdir(), "kata-cvm-run-"));
    layout = join(testImages(), "layout");
    execFileSync("node", [
      join(repository, ".ci/build.mjs"),
      join(repository, "node_modules/.cache/kata-cvm-run-dist"),
    ]);
    writeFileSync(
      join(dir, "fast.toml"),
      `[vm]\nboot = "direct"\ndefault_vcpus = 1\ndefault_memory = 1024\n[paths]\nfirmware = "builtin"\nimage = "${image}"\nlayers = "${dir}/layers"\n[tpm]\ndevice = "none"\n`,
    );
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const run = (options: readonly string[], command: readonly string[], input?: Buffer) =>
    collect(
      ["run", "--config", join(dir, "fast.toml"), "--oci", `${layout}:${BUSYBOX_IMAGE}`, ...options, "--", ...command],
      input,
    );

  it("passes output and exit code on, and leaves nothing but the layer cache", async () => {
    const script = "echo out; echo err >&2; id -u; echo $WHO $0; pwd; exit 7";
    const { status, stdout, stderr } = await run(
      ["-e", "WHO=me", "--user", "www-data", "-w", "/tmp"],
      ["sh", "-c", script],
    );
    assert.deepEqual([status, stdout.toString(), stderr], [7, "out\n33\nme sh\n/tmp\n", "err\n"]);
    assert.deepEqual(runDirs(), []);
    assert.ok(readdirSync(join(dir, "layers")).some((name) => name.endsWith(".erofs")));
  });

  it("gives stdin to the command byte for byte, its end included", async () => {
    const input = Buffer.alloc(300_000, "0123456789\n");
    const { status, stdout } = await run(["-i"], ["md5sum"], input);
    assert.equal(status, 0);
    assert.equal(stdout.toString().split(" ")[0], createHash("md5").update(input).digest("hex"));
  });

  it("returns a megabyte of output byte for byte", async () => {
    const { status, stdout } = await run([], ["sh", "-c", "yes 0123456789 | head -c 1048576"]);
    assert.equal(status, 0);
    assert.ok(stdout.equals(Buffer.alloc(1_048_576, "0123456789\n")), `${stdout.length} bytes`);
  });

  it("gives the command a terminal when asked", async () => {
    const { status, stdout } = await run(["-t"], ["sh", "-c", "tty && stty -a | head -n 1"]);
    assert.equal(status, 0);
    assert.match(stdout.toString(), /^\/dev\/(pts\/\d+|console)\r\n/);
  });

  it("leaves to reap what a run that was killed had", async () => {
    const options = [
      "run",
      "--config",
      join(dir, "fast.toml"),
      "--oci",
      `${layout}:${BUSYBOX_IMAGE}`,
      "--",
      "sleep",
      "600",
    ];
    const child = spawn("node", ["--no-warnings", cli(), ...options], { stdio: "ignore" });
    await until(() => runDirs().length > 0 && qemus(runDirs()).length > 0);
    const [runDir = ""] = runDirs();
    child.kill("SIGKILL");
    await until(() => child.signalCode !== null);
    assert.notDeepEqual(qemus([runDir]), []);
    const { status } = await collect(["reap"]);
    assert.equal(status, 0);
    assert.deepEqual([runDirs(), qemus([runDir])], [[], []]);
  });
});

function cli(): string {
  return join(repository, "node_modules/.cache/kata-cvm-run-dist/cli/cli.cjs");
}

interface Collected {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function collect(args: readonly string[], input?: Buffer): Promise<Collected> {
  const child = spawn("node", ["--no-warnings", cli(), ...args], { stdio: ["pipe", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const timer = setTimeout(() => child.kill("SIGTERM"), bootLimitMs - 30_000);
  return new Promise((resolve) => {
    child.once("close", (status) => {
      clearTimeout(timer);
      resolve({ status, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** Run directories of pods that `run` made. */
function runDirs(): readonly string[] {
  const pods = JSON.parse(execFileSync("node", ["--no-warnings", cli(), "pods", "--json"], { encoding: "utf8" })) as {
    pods: { namespace: string; runDir: string }[];
  };
  return pods.pods.filter(({ namespace }) => namespace === "kata-cvm-run").map(({ runDir }) => runDir);
}

function qemus(dirs: readonly string[]): readonly string[] {
  const lines = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
  return lines.filter((line) => line.includes("qemu-system") && dirs.some((one) => line.includes(one)));
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error("it did not come to pass within 60 s");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

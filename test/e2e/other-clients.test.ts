// README promise: other clients of containerd run a single container without a pod around it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { mustSucceed } from "../lab/command.ts";
import { handlerConfigPath } from "../lab/containerd-config.ts";
import { BUSYBOX_IMAGE } from "../lab/images/catalog.ts";
import { settle } from "../lab/leftovers.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, HANDLER, IS_OURS, usePods } from "../support/e2e.ts";
import { tool } from "../support/tools.ts";

describe("ctr, without CRI", function () {
  this.timeout(BOOT_LIMIT_MS);
  const e2e = usePods();

  const run = (command: readonly string[], options: { input?: string } = {}) => {
    const id = `ctr-${randomBytes(4).toString("hex")}`;
    const ours = ["--runtime", "io.containerd.kata-cvm.v2"];
    ours.push("--runtime-config-path", handlerConfigPath(e2e.cri.lab.folder, { name: HANDLER }));
    const runtime = IS_OURS ? ours : ["--runtime", "io.containerd.runc.v2"];
    const argv = ["ctr", "-n", "k8s.io", "run", "--rm", ...runtime, BUSYBOX_IMAGE, id, ...command];
    return e2e.cri.lab.exec(argv, { timeoutMs: BOOT_LIMIT_MS - 20_000, ...options });
  };

  it("run prints the output and removes the container", async () => {
    const outcome = await mustSucceed(run(["echo", "from one container"]));
    assert.equal(outcome.stdout.toString("utf8"), "from one container\n");
    await assertNothingLeft(e2e);
  });

  it("run ends with the command's exit code, and passes stdin on", async () => {
    const outcome = await run(["sh", "-c", "read -r line; echo $line; exit 7"], { input: "typed\n" });
    assert.equal(outcome.stdout.toString("utf8"), "typed\n");
    assert.equal(outcome.code, 7);
    await assertNothingLeft(e2e);
  });
});

describe("nerdctl, where it is installed", function () {
  this.timeout(BOOT_LIMIT_MS);
  const e2e = usePods();
  let nerdctl = "";

  before(function () {
    nerdctl = tool(this, process.env["NERDCTL"] ?? "nerdctl");
  });

  const client = (...args: readonly string[]) => {
    const { lab } = e2e.cri;
    const argv = [nerdctl, "-n", "k8s.io", "--data-root", join(lab.folder, "nerdctl"), ...args];
    return lab.exec(argv, { timeoutMs: BOOT_LIMIT_MS - 20_000 });
  };
  const run = ["run", "--net", "none", "--runtime", `io.containerd.${IS_OURS ? HANDLER : "runc"}.v2`];

  it("run --rm prints the output and ends with the command's exit code", async () => {
    const outcome = await client(...run, "--rm", BUSYBOX_IMAGE, "sh", "-c", "echo from nerdctl; exit 7");
    assert.equal(outcome.stdout.toString("utf8"), "from nerdctl\n", outcome.stderr);
    assert.equal(outcome.code, 7);
  });

  it("exec, ps, stats, pause, unpause and rm -f serve a container in the background", async () => {
    await mustSucceed(client(...run, "-d", "--name", "box", BUSYBOX_IMAGE, "sleep", "1000"));
    const executed = await mustSucceed(client("exec", "box", "sh", "-c", "echo $((6 * 7))"));
    assert.equal(executed.stdout.toString("utf8"), "42\n");
    const listed = await mustSucceed(client("ps", "--format", "{{.Names}} {{.Status}}"));
    assert.match(listed.stdout.toString("utf8"), /^box Up/m);
    const stats = await mustSucceed(client("stats", "--no-stream", "--format", "{{.MemUsage}}", "box"));
    assert.match(stats.stdout.toString("utf8"), /^[1-9][\d.]*[KM]iB/);
    await mustSucceed(client("pause", "box"));
    await mustSucceed(client("unpause", "box"));
    await mustSucceed(client("rm", "-f", "box"));
  });

  it("leaves nothing of ours behind", async () => {
    // It leaves the FIFOs of `run --rm` itself, whatever the runtime.
    const read = async () => new Set([...(await e2e.cri.lab.holdings())].filter((line) => !isOfNerdctl(line)));
    assert.deepEqual(await settle(e2e.before, read), []);
  });

  const isOfNerdctl = (line: string) => /^file\t\S \/run\/containerd\/fifo\/\d+|^process\t\d+ \S*nerdctl /.test(line);
});

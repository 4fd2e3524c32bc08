// README promise: other clients of containerd run a single container without a pod around it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mustSucceed } from "../lab/command.ts";
import { handlerConfigPath } from "../lab/containerd-config.ts";
import { BUSYBOX_IMAGE } from "../lab/images/catalog.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, HANDLER, IS_OURS, usePods } from "../support/e2e.ts";

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

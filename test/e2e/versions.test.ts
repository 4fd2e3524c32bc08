// README promise (the table of containerds): 2.x speaks task v3 with the shim, 1.x task v2. No VM is
// booted: which it is, is decided before the launch, and a launch that fails leaves nothing in either.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configVersion, handlerConfigPath } from "../lab/containerd-config.ts";
import { BROKEN_HANDLER, classConfig } from "../lab/handlers.ts";
import { assertNothingLeft, IS_OURS, usePods } from "../support/e2e.ts";

describe("The version of the shim's protocol", function () {
  this.timeout(120_000);
  const e2e = usePods({ handler: BROKEN_HANDLER });
  before(function () {
    if (!IS_OURS) this.skip();
  });

  it("is 3 for containerd 2 and newer, 2 for older ones", async () => {
    const { folder, containerdVersion } = e2e.cri.lab;
    const config = classConfig("kata-cvm-fast", { paths: { image: "/nonexistent" } });
    writeFileSync(handlerConfigPath(folder, { name: BROKEN_HANDLER }), config);
    const { outcome } = await e2e.cri.attemptPod();
    assert.match(outcome.stderr, /no guest image in \/nonexistent/);
    const logs = join(folder, "log");
    const text = readdirSync(logs).map((name) => readFileSync(join(logs, name), "utf8"));
    const told = [...text.join("\n").matchAll(/connecting to shim .*\bversion=(\d+)/g)].map(([, version]) => version);
    // 1.x knows one version and does not speak of it
    assert.deepEqual(told, configVersion(containerdVersion) === 2 ? [] : ["3"]);
  });

  it("makes no difference to what a failed launch leaves: nothing", async () => {
    await assertNothingLeft(e2e);
  });
});

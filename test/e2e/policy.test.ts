// README promise: a policy that nobody enforces is refused. The guest itself does it, so this takes a measured
// class, whose guest gets its initdata.
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";

(IS_OURS ? describe : describe.skip)("A pod that brings a policy", () => {
  const e2e = usePods({ handler: "kata-cvm" });

  it("ends before it serves anyone, as its agent enforces none, says so, and leaves nothing", async function () {
    this.timeout(BOOT_LIMIT_MS);
    const policy = "package agent_policy\\ndefault ExecProcessRequest := false\\n";
    const document = `version = "0.1.0"\nalgorithm = "sha256"\n[data]\n"policy.rego" = "${policy}"\n`;
    const initdata = gzipSync(document).toString("base64");
    const { outcome } = await e2e.cri.attemptPod({
      annotations: { "io.katacontainers.config.hypervisor.cc_init_data": initdata },
    });
    assert.notEqual(outcome.code, 0, "the pod runs");
    assert.match(outcome.stderr, /initdata holds policy\.rego, and this agent enforces no policy/);
    await assertNothingLeft(e2e);
  });
});

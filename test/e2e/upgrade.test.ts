// README promise: replacing the shim's program does not end the pods that run. The lab's own mount
// namespace gets another build in the same place, whose daemon cannot even be loaded: a running one that
// takes anything from the new files is found out, and containerd calls the new `start` and `delete`.
import assert from "node:assert/strict";
import { cpSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustSucceed } from "../lab/command.ts";
import { programs } from "../lab/handlers.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, type E2e, IS_OURS, usePods } from "../support/e2e.ts";

const dist = dirname(programs);

async function replaceBuild(e2e: E2e): Promise<void> {
  const other = join(e2e.cri.lab.folder, "other-dist");
  cpSync(dist, other, { recursive: true, verbatimSymlinks: true });
  for (const name of ["serve", "control", "expected-values"]) {
    writeFileSync(join(other, `shim/${name}.cjs`), `throw new Error("${name} of another build");\n`);
  }
  await mustSucceed(e2e.cri.lab.exec(["mount", "--bind", other, dist]));
}

describe("A pod whose shim is replaced by another build", function () {
  this.timeout(BOOT_LIMIT_MS);
  this.bail(true);
  const e2e = usePods();
  let pod: Pod;
  let container: string;

  before(async function () {
    if (!IS_OURS) return this.skip();
    pod = await e2e.cri.runPod();
    const command = "n=0; trap 'exit 9' TERM; while :; do echo tick $n; n=$((n+1)); sleep 0.2; done";
    container = await e2e.cri.start(pod, { command: ["sh", "-c", command] });
    await replaceBuild(e2e);
  });

  it("goes on: exec, output, another container", async () => {
    assert.equal(await e2e.cri.exec(container, ["echo", "alive"]), "alive");
    const seen = (await e2e.cri.logs(container)).length;
    assert.ok((await e2e.cri.logs(container, seen + 20)).length > seen, "the log no longer grows");
    const another = await e2e.cri.start(pod);
    assert.equal(await e2e.cri.exec(another, ["echo", "new"]), "new");
  });

  it("answers the command-line tool", async () => {
    const tool = join(programs, "kata-cvm");
    const { stdout } = await mustSucceed(e2e.cri.lab.exec([tool, "inspect", pod.id], { timeoutMs: 60_000 }));
    assert.match(stdout.toString("utf8"), new RegExp(pod.id));
  });

  it("is found again by a restarted containerd", async () => {
    await e2e.cri.lab.restartContainerd();
    assert.equal(await e2e.cri.exec(container, ["echo", "alive"]), "alive");
    await mustSucceed(e2e.cri.crictl(["stop", "-t", "10", container]));
    assert.equal((await e2e.cri.exited(container)).exitCode, 9);
  });

  it("ends, and leaves nothing behind", async () => {
    await e2e.cri.removePod(pod);
    await mustSucceed(e2e.cri.lab.exec(["umount", dist]));
    await assertNothingLeft(e2e);
  });
});

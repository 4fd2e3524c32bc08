// README promise: every byte of a container's output arrives, in order, however much there is.
// Expected digests come from the host's own tools running the same script.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mustSucceed, runCommand } from "../lab/command.ts";
import type { Pod } from "../support/cri.ts";
import { assertNothingLeft, BOOT_LIMIT_MS, IS_OURS, usePods } from "../support/e2e.ts";

/** Prints `mebibytes` MiB within 0.1 %: numbered blocks of numbers, each cut into lines by `split`. */
function blocks(mebibytes: number, split: string): string {
  const block = `seq 1 165668 | tr '\\n' ' ' | ${split} > /tmp/block`;
  const loop = `i=0; while [ $i -lt ${mebibytes} ]; do echo block $i; cat /tmp/block; echo; i=$((i+1)); done`;
  return `${block}; ${loop}; rm /tmp/block`;
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function onTheHost(script: string): Promise<{ digest: string; size: number }> {
  const { stdout } = await mustSucceed(
    runCommand(["unshare", "--mount", "sh", "-c", `mount -t tmpfs none /tmp; ${script}`]),
  );
  return { digest: digest(stdout), size: stdout.length };
}

describe("Output", function () {
  this.timeout(300_000);
  const e2e = usePods();
  let pod: Pod;

  before(async function () {
    this.timeout(BOOT_LIMIT_MS);
    pod = await e2e.cri.runPod();
  });

  // A line of 1 MiB is longer than containerd writes into one line of a log.
  for (const [mebibytes, split] of [
    [1, "cat"],
    [100, "fold -w 4000"],
  ] as const) {
    it(`${mebibytes} MiB of a container's stdout arrive in its log byte for byte`, async () => {
      const script = blocks(mebibytes, split);
      const expected = await onTheHost(script);
      const container = await e2e.cri.start(pod, { command: ["sh", "-c", script] });
      assert.equal((await e2e.cri.exited(container, 240_000)).exitCode, 0);
      const log = await e2e.cri.logs(container, expected.size);
      assert.deepEqual({ digest: digest(log), size: log.length }, expected);
      await mustSucceed(e2e.cri.crictl(["rm", container]));
    });

    it(`${mebibytes} MiB of an exec's stdout arrive byte for byte`, async () => {
      const script = blocks(mebibytes, split);
      const expected = await onTheHost(script);
      const container = await e2e.cri.start(pod);
      const { stdout } = await mustSucceed(
        e2e.cri.crictl(["exec", container, "sh", "-c", script], { timeoutMs: 240_000 }),
      );
      assert.deepEqual({ digest: digest(stdout), size: stdout.length }, expected);
      await mustSucceed(e2e.cri.crictl(["rm", "-f", container]));
    });
  }

  it("4 MiB typed into an exec arrive byte for byte", async () => {
    const input = Buffer.from(Array.from({ length: 400_000 }, (_, index) => `line ${index}\n`).join("")).subarray(
      0,
      4 << 20,
    );
    const container = await e2e.cri.start(pod);
    const { stdout } = await mustSucceed(
      e2e.cri.crictl(["exec", "-i", container, "sha256sum"], { input, timeoutMs: 120_000 }),
    );
    assert.equal(stdout.toString("utf8"), `${digest(input)}  -\n`);
    await mustSucceed(e2e.cri.crictl(["rm", "-f", container]));
  });

  it("a last line without a newline is not lost", async () => {
    const container = await e2e.cri.start(pod, { command: ["printf", "one\\ntwo"] });
    await e2e.cri.exited(container);
    assert.match((await e2e.cri.logs(container, 7)).toString("utf8"), /^one\ntwo\n?$/);
  });

  it("output still to be read when the main process ends is kept", async function () {
    // containerd 1.6 stops reading at the exit; runc's shim has no answer to that, up to 64 KiB are lost.
    if (!IS_OURS && e2e.cri.lab.containerdVersion.startsWith("1.6.")) this.skip();
    const container = await e2e.cri.start(pod, { command: ["sh", "-c", "seq 1 50000; exit 4"] });
    assert.equal((await e2e.cri.exited(container)).exitCode, 4);
    const expected = Array.from({ length: 50_000 }, (_, index) => `${index + 1}\n`).join("");
    assert.equal((await e2e.cri.logs(container, expected.length)).toString("utf8") === expected, true);
  });

  it("leaves nothing behind", async () => {
    await assertNothingLeft(e2e);
  });
});

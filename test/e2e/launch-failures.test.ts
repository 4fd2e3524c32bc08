// README promise: a launch that cannot succeed ends with one error that names the cause and the
// fix, within 30 seconds, and leaves nothing behind.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustSucceed } from "../lab/command.ts";
import { handlerConfigPath } from "../lab/containerd-config.ts";
import { BROKEN_HANDLER, type ConfigChanges, classConfig, imageFolder, type OurClass } from "../lab/handlers.ts";
import { PATIENCE } from "../lab/patience.ts";
import { assertNothingLeft, type E2e, IS_OURS, usePods } from "../support/e2e.ts";
import { skip } from "../support/tools.ts";

const LIMIT_MS = 30_000 * PATIENCE;
const expectsKvm = (process.env["E2E_EXPECT"] ?? "").split(",").includes("kvm");

/** A copy of the guest image, by links, without `omit` and with another description if given. */
function imageVariant(e2e: E2e, options: { omit?: string; describe?: (text: string) => string }): string {
  const source = imageFolder();
  const folder = join(e2e.cri.lab.folder, "broken-image");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const { omit, describe: rewrite = (text: string) => text } = options;
  for (const name of readdirSync(source).filter((entry) => entry !== omit && entry !== "image.json")) {
    symlinkSync(join(source, name), join(folder, name));
  }
  writeFileSync(join(folder, "image.json"), rewrite(readFileSync(join(source, "image.json"), "utf8")));
  return folder;
}

/** Every occurrence of the root hash with its last digit changed. */
function otherRootHash(text: string): string {
  const { rootHash } = JSON.parse(text) as { rootHash: string };
  const other = rootHash.slice(0, -1) + (rootHash.endsWith("0") ? "1" : "0");
  return text.replaceAll(rootHash, other);
}

interface Failure {
  readonly title: string;
  /** what the error must say: the cause, then the fix */
  readonly says: readonly RegExp[];
  readonly class?: OurClass;
  readonly changes?: (e2e: E2e) => ConfigChanges;
  readonly appended?: string;
  /** why this cannot be tried here */
  readonly notHere?: () => string | undefined;
}

const failures: readonly Failure[] = [
  {
    title: "a missing firmware",
    class: "kata-cvm",
    changes: () => ({ paths: { firmware: "/nonexistent/OVMF.fd" } }),
    says: [/\/nonexistent\/OVMF\.fd/, /paths\.firmware|install|ovmf/i],
  },
  {
    title: "a missing unified kernel image",
    class: "kata-cvm",
    changes: (e2e) => ({ paths: { image: imageVariant(e2e, { omit: "uki.efi" }) } }),
    says: [/uki\.efi/, /npm run image|build|paths\.image/i],
  },
  {
    title: "a missing guest image",
    changes: () => ({ paths: { image: "/nonexistent/image" } }),
    says: [/\/nonexistent\/image/, /npm run image|build|paths\.image/i],
  },
  {
    title: "a wrong root hash",
    changes: (e2e) => ({ paths: { image: imageVariant(e2e, { describe: otherRootHash }) } }),
    says: [/root hash|verity/i],
  },
  {
    title: "a KVM that cannot run a guest, when KVM is demanded",
    changes: () => ({ vm: { accelerator: "kvm" } }),
    says: [/kvm/i, /accelerator/],
    notHere: () => (expectsKvm ? "KVM works on this machine" : undefined),
  },
  {
    title: "a missing QEMU",
    changes: () => ({ paths: { qemu: "/nonexistent/qemu" } }),
    says: [/\/nonexistent\/qemu/, /install|paths\.qemu/i],
  },
  {
    title: "an unknown configuration key",
    changes: () => ({ vm: { acelerator: "tcg" } }),
    says: [/acelerator/, /accelerator/],
  },
  { title: "a configuration that is not TOML", appended: "\n[vm\n", says: [/kata-cvm-broken\.toml:\d+/] },
];

describe("A launch that cannot succeed", function () {
  this.timeout(2 * LIMIT_MS);
  const e2e = usePods({ handler: BROKEN_HANDLER });
  before(function () {
    if (!IS_OURS) this.skip();
  });

  async function assertFails(says: readonly RegExp[]): Promise<void> {
    const { outcome } = await e2e.cri.attemptPod();
    assert.notEqual(outcome.code, 0, "the pod runs");
    assert.ok(outcome.milliseconds < LIMIT_MS, `took ${outcome.milliseconds} ms`);
    // crictl says it twice: once as its client's log line, once as its own end
    const ends = outcome.stderr.split("\n").filter((line) => line.includes("level=fatal"));
    assert.equal(ends.length, 1, outcome.stderr);
    const [error = ""] = ends;
    for (const pattern of says) assert.match(error, pattern);
    assert.ok(error.length < 1_500, `an error of ${error.length} bytes`);
    await assertNothingLeft(e2e);
  }

  for (const failure of failures) {
    it(`${failure.title} is named, and nothing is left`, async function () {
      const reason = failure.notHere?.();
      if (reason !== undefined) skip(this, reason);
      const text = classConfig(failure.class ?? "kata-cvm-fast", failure.changes?.(e2e));
      const file = handlerConfigPath(e2e.cri.lab.folder, { name: BROKEN_HANDLER });
      writeFileSync(file, text + (failure.appended ?? ""));
      await assertFails(failure.says);
    });
  }

  it("a full run directory is named, and nothing is left", async () => {
    const file = handlerConfigPath(e2e.cri.lab.folder, { name: BROKEN_HANDLER });
    writeFileSync(file, classConfig("kata-cvm-fast"));
    const fill =
      "mkdir -p /run/kata-cvm && mount -t tmpfs -o size=32k tmpfs /run/kata-cvm && ! cp /bin/bash /run/kata-cvm/filling 2>/dev/null";
    await mustSucceed(e2e.cri.lab.exec(["sh", "-c", fill]));
    try {
      const { outcome } = await e2e.cri.attemptPod();
      assert.notEqual(outcome.code, 0, "the pod runs");
      assert.ok(outcome.milliseconds < LIMIT_MS, `took ${outcome.milliseconds} ms`);
      assert.match(outcome.stderr, /no space is left for \/run\/kata-cvm.*free some/);
    } finally {
      await mustSucceed(e2e.cri.lab.exec(["umount", "-l", "/run/kata-cvm"]));
    }
    await assertNothingLeft(e2e);
  });

  it("the next pod with a sound configuration runs", async function () {
    this.timeout(200_000);
    const file = handlerConfigPath(e2e.cri.lab.folder, { name: BROKEN_HANDLER });
    writeFileSync(file, classConfig("kata-cvm-fast"));
    await e2e.cri.removePod(await e2e.cri.runPod());
    await assertNothingLeft(e2e);
  });
});

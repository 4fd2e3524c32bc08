import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EnvironmentLacks, HostCallFailed } from "../../../src/lib/errors.ts";
import { Ledger, ledgerFile, readLedger } from "../../../src/pod/ledger.ts";
import { skip } from "../../support/tools.ts";

const facts = {
  namespace: "k8s.io",
  podId: "pod1",
  bundle: "/bundles/pod1",
  socket: "/run/s",
  shim: { pid: 1, startTime: "2" },
  createdAt: 3,
  owned: [],
};
const qemu = { kind: "process", name: "qemu", match: "/run/p" } as const;

describe("the ledger", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ledger-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("can be read by another process from its first moment on", () => {
    new Ledger(join(folder, "pods/a"), facts);
    assert.deepEqual(readLedger(join(folder, "pods/a")), { version: 1, ...facts });
    assert.equal(statSync(join(folder, "pods/a")).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, "pods/a", ledgerFile)).mode & 0o777, 0o600);
  });

  it("has on disk what was claimed once the claim resolves, and not what was released", async () => {
    const ledger = new Ledger(folder, facts);
    await ledger.claim(qemu);
    await ledger.claim({ kind: "path", path: "/run/p" });
    assert.deepEqual(readLedger(folder)?.owned, [qemu, { kind: "path", path: "/run/p" }]);
    await ledger.release(qemu);
    assert.deepEqual(readLedger(folder)?.owned, [{ kind: "path", path: "/run/p" }]);
    await ledger.release(qemu);
  });

  it("tells the size that the VM has now", async () => {
    const ledger = new Ledger(folder, facts);
    await ledger.claim(qemu);
    ledger.note({ size: { vcpus: 2, memoryMiB: 2048 } });
    ledger.note({ size: { vcpus: 3, memoryMiB: 2176 } });
    assert.deepEqual(readLedger(folder), { version: 1, ...facts, owned: [qemu], size: { vcpus: 3, memoryMiB: 2176 } });
  });

  it("holds a thing once: a process claimed with its pid replaces its first claim", async () => {
    const ledger = new Ledger(folder, facts);
    await ledger.claim(qemu);
    await ledger.claim({ ...qemu, pid: 7, startTime: "9" });
    assert.deepEqual(ledger.owned, [{ ...qemu, pid: 7, startTime: "9" }]);
    await ledger.claim({ kind: "mount", path: "/m" });
    await ledger.claim({ kind: "path", path: "/m" });
    await ledger.claim({ kind: "mount", path: "/m" });
    assert.equal(ledger.owned.length, 3);
  });

  it("lets everything below a directory go at once, and nothing that only begins alike", async () => {
    const ledger = new Ledger(folder, facts);
    for (const path of ["/r/c1/root.erofs", "/r/c1/x", "/r/c10/root.erofs", "/r/c1"]) {
      await ledger.claim({ kind: "path", path });
    }
    await ledger.releaseBelow("/r/c1");
    const left = readLedger(folder)?.owned.map((thing) => thing.kind === "path" && thing.path);
    assert.deepEqual(left, ["/r/c10/root.erofs", "/r/c1"]);
  });

  it("is whole at every moment: it is replaced, never written over", async () => {
    const ledger = new Ledger(folder, facts);
    const inode = statSync(join(folder, ledgerFile)).ino;
    await ledger.claim({ kind: "path", path: "/x" });
    assert.notEqual(statSync(join(folder, ledgerFile)).ino, inode);
    assert.deepEqual(readdirSync(folder), [ledgerFile]);
  });

  it("is null where there is none, where it is torn, and where another version wrote it", () => {
    assert.equal(readLedger(folder), null);
    writeFileSync(join(folder, ledgerFile), '{"version":1,"own');
    assert.equal(readLedger(folder), null);
    writeFileSync(join(folder, ledgerFile), '{"version":2}');
    assert.equal(readLedger(folder), null);
  });

  it("says what failed when its directory cannot be made", () => {
    writeFileSync(join(folder, "file"), "");
    assert.throws(() => new Ledger(join(folder, "file/pod"), facts), HostCallFailed);
  });

  it("says that space is lacking, and keeps its last record, on a full file system", async function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k", "ledger-test", folder]);
    try {
      const ledger = new Ledger(folder, facts);
      await ledger.claim(qemu);
      const large = { kind: "path", path: `/${"x".repeat(20_000)}` } as const;
      await assert.rejects(ledger.claim(large), (error: EnvironmentLacks) => {
        assert.ok(error instanceof EnvironmentLacks);
        assert.match(error.message, /no space is left for .*ledger\.json; free some/);
        return true;
      });
      assert.deepEqual(readLedger(folder)?.owned, [qemu]);
      assert.ok(JSON.parse(readFileSync(join(folder, ledgerFile), "utf8")));
    } finally {
      execFileSync("umount", [folder]);
    }
  });
});

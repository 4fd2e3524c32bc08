import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withFileLock } from "../../../src/host/file-lock.ts";
import { DeadlineExceeded } from "../../../src/lib/errors.ts";
import { skip } from "../../support/tools.ts";

describe("a file lock", () => {
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-lock-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("lets one at a time in, also within a process, and gives its outcome", async () => {
    const state = { inside: 0, most: 0 };
    const enter = (result: number) =>
      withFileLock(join(dir, "lock"), { timeoutMs: 5_000 }, async () => {
        state.inside += 1;
        state.most = Math.max(state.most, state.inside);
        await new Promise((resolve) => setTimeout(resolve, 10));
        state.inside -= 1;
        return result;
      });
    assert.deepEqual(await Promise.all([1, 2, 3].map(enter)), [1, 2, 3]);
    assert.equal(state.most, 1);
  });

  it("is free again after work that failed", async () => {
    const lock = join(dir, "lock");
    await assert.rejects(
      withFileLock(lock, { timeoutMs: 100 }, () => Promise.reject(new Error("broken"))),
      /broken/,
    );
    assert.equal(await withFileLock(lock, { timeoutMs: 100 }, async () => "free"), "free");
  });

  it("held by another process is waited for in bounded time, and free once that one is killed", async function () {
    if (!existsSync("/usr/bin/flock")) skip(this, "needs /usr/bin/flock");
    const lock = join(dir, "lock");
    const holder: ChildProcess = spawn("flock", [lock, "sh", "-c", "echo; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    await once(holder.stdout ?? assert.fail(), "data");
    await assert.rejects(
      withFileLock(lock, { timeoutMs: 50 }, async () => undefined),
      DeadlineExceeded,
    );
    const waiting = withFileLock(lock, { timeoutMs: 5_000 }, async () => "mine");
    process.kill(-(holder.pid ?? assert.fail()), "SIGKILL");
    assert.equal(await waiting, "mine");
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listOrphans, listPods } from "../../../src/cli/pod-directory.ts";
import { Ledger } from "../../../src/pod/ledger.ts";

describe("run directories without a readable ledger", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kata-pods-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** Two minutes old. */
  function makeOld(name: string, ledger?: string): string {
    const dir = join(root, name);
    mkdirSync(dir, { recursive: true });
    if (ledger !== undefined) writeFileSync(join(dir, "ledger.json"), ledger);
    const then = Date.now() / 1000 - 120;
    utimesSync(dir, then, then);
    return dir;
  }

  it("are left behind when they are torn, empty or missing, and old", async () => {
    const expected = [makeOld("a-torn", '{"version":1,"podI'), makeOld("b-empty", ""), makeOld("c-missing")];
    mkdirSync(join(root, "d-new"));
    assert.deepEqual(await listOrphans(root), expected);
    assert.deepEqual(await listPods(root), []);
  });

  it("are somebody's when a living process names them", async () => {
    const dir = makeOld("a");
    const child = spawn("/bin/sh", ["-c", "read line", `${dir}/vm/qmp.sock`], { stdio: ["pipe", "ignore", "ignore"] });
    try {
      await once(child, "spawn");
      assert.deepEqual(await listOrphans(root), []);
    } finally {
      child.stdin.end();
      await once(child, "exit");
    }
    assert.deepEqual(await listOrphans(root), [dir]);
  });

  it("are not those of pods, however old", async () => {
    const shim = { pid: 1, startTime: "0" };
    const record = { namespace: "n", podId: "p", bundle: root, socket: "", shim, createdAt: 0, owned: [] };
    new Ledger(join(root, "p"), record);
    makeOld("p");
    assert.deepEqual(await listOrphans(root), []);
    assert.equal((await listPods(root)).length, 1);
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLivingPod, findPod, listOrphans, listPods } from "../../../src/cli/pod-directory.ts";
import { InvalidRequest, NotFound } from "../../../src/lib/errors.ts";
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

describe("a pod that is named", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kata-pods-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function addPod(podId: string, shim = { pid: 1, startTime: "never" }): void {
    const record = { namespace: "n", podId, bundle: root, socket: "", shim, createdAt: 0, owned: [] };
    new Ledger(join(root, podId), record);
  }

  const found = async (id: string) => (await findPod(id, root)).record.podId;

  it("is found by its id, or by the beginning that only its id has", async () => {
    for (const id of ["web", "web-2", "db"]) addPod(id);
    assert.equal(await found("web"), "web");
    assert.equal(await found("d"), "db");
    await assert.rejects(found("we"), new InvalidRequest("pod", '"we" begins 2 ids: web, web-2'));
    await assert.rejects(found("x"), NotFound);
  });

  it("is not the only one there is because a script's variable is empty", async () => {
    addPod("web");
    await assert.rejects(found(""), new InvalidRequest("pod", "is empty; give an id or the beginning of one"));
  });

  it("is not asked for anything once its daemon is dead: what to do is said instead", async () => {
    addPod("web");
    const asked = findLivingPod("we", root);
    await assert.rejects(
      asked,
      /^EnvironmentLacks: pod web has no living daemon; `kata-cvm reap` removes what it left/,
    );
    const startTime = readFileSync("/proc/self/stat", "utf8").split(" ")[21] ?? "";
    addPod("db", { pid: process.pid, startTime });
    assert.equal((await findLivingPod("db", root)).alive, true);
  });
});

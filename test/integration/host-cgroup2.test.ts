// The kernel's own cgroup v2 tree, mounted by the test: the rules that no fake knows (a process may not
// stand beside controlled children, cgroup-v2.rst "No Internal Process Constraint"). Which controllers
// are there is the machine's business; where v1 holds them all, only the tree itself is tried.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CgroupLayout, enterCgroup, openCgroup, removeCgroup } from "../../src/host/cgroup.ts";
import { readCgroupUsage } from "../../src/host/cgroup-usage.ts";
import { HostCallFailed } from "../../src/lib/errors.ts";
import type { Ownership } from "../../src/lib/owned.ts";
import { skip } from "../support/tools.ts";

const ownership: Ownership = { claim: async () => undefined, release: async () => undefined };

describe("a pod's cgroup in the kernel's v2 tree", () => {
  const top = `/kata-cvm-test-v2-${process.pid}`;
  const mountPoint = mkdtempSync(join(tmpdir(), "cgroup2-"));
  const layout: CgroupLayout = { mode: "v2", trees: [{ mountPoint, controllers: [] }] };
  const child: { process?: ChildProcess } = {};
  const read = (path: string, file: string) => readFileSync(join(mountPoint, path, file), "utf8").trim();

  before(async function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
    execFileSync("mount", ["-t", "cgroup2", "none", mountPoint]);
    child.process = spawn("sh", ["-c", "echo; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
    await once(child.process.stdout ?? assert.fail(), "data");
  });
  after(async () => {
    if (child.process !== undefined && child.process.exitCode === null && child.process.signalCode === null) {
      child.process.kill("SIGKILL");
      await once(child.process, "exit");
    }
    if (!existsSync(join(mountPoint, "cgroup.procs"))) return;
    for (const path of [`${top}/pod/vm`, `${top}/pod`, top]) await removeCgroup(path, layout);
    execFileSync("umount", [mountPoint]);
    rmdirSync(mountPoint);
  });

  it("takes a process in, below levels with every controller the kernel offers", async () => {
    const cgroup = await openCgroup(`${top}/pod/vm`, ownership, layout);
    const pid = child.process?.pid ?? assert.fail();
    await enterCgroup(cgroup, pid);
    assert.equal(read(`${top}/pod/vm`, "cgroup.procs"), String(pid));
    assert.match(readFileSync(`/proc/${pid}/cgroup`, "utf8"), new RegExp(`^0::${top}/pod/vm$`, "m"));
    const offered = read("/", "cgroup.controllers").split(" ");
    for (const controller of ["cpu", "memory", "pids", "hugetlb"].filter((name) => offered.includes(name))) {
      assert.ok(read(`${top}/pod`, "cgroup.subtree_control").split(" ").includes(controller), controller);
      assert.ok(read(`${top}/pod/vm`, "cgroup.controllers").split(" ").includes(controller), controller);
    }
    assert.equal(read(`${top}/pod/vm`, "cgroup.subtree_control"), "");
    assert.notEqual(await readCgroupUsage(cgroup), null);
  });

  it("is opened again, with its process in it, without a change", async () => {
    await openCgroup(`${top}/pod/vm`, ownership, layout);
    assert.equal(read(`${top}/pod/vm`, "cgroup.procs"), String(child.process?.pid));
  });

  it("is made below a level that holds a process, which then hands no controller down", async () => {
    // as with a pod's cgroup that somebody put a process in: the kernel says EBUSY to the controllers
    const crowded = `${top}/pod/vm`;
    const cgroup = await openCgroup(`${crowded}/inner`, ownership, layout);
    assert.equal(read(crowded, "cgroup.subtree_control"), "");
    await enterCgroup(cgroup, child.process?.pid ?? assert.fail());
    assert.equal(read(`${crowded}/inner`, "cgroup.procs"), String(child.process?.pid));
    writeFileSync(join(mountPoint, crowded, "cgroup.procs"), String(child.process?.pid));
    await removeCgroup(`${crowded}/inner`, layout);
  });

  it("refuses a process where its children are controlled, and says so", async function () {
    if (read(`${top}/pod`, "cgroup.subtree_control") === "")
      skip(this, "this cgroup2 mount has no controllers to hand down");
    const inner = { layout, path: `${top}/pod` };
    await assert.rejects(enterCgroup(inner, child.process?.pid ?? assert.fail()), (error: unknown) => {
      assert.ok(error instanceof HostCallFailed);
      assert.equal(error.errno, "EBUSY");
      return true;
    });
  });
});

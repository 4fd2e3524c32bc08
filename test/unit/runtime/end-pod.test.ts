// What `delete` and `reap` do with a ledger, on real processes, mounts and files.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStartTime, readStartTime } from "../../../src/host/process.ts";
import { podRunDir } from "../../../src/host/run-dir.ts";
import { CleanupIncomplete } from "../../../src/lib/errors.ts";
import { Ledger, readLedger } from "../../../src/pod/ledger.ts";
import { endPod } from "../../../src/runtime/end-pod.ts";
import { skip } from "../../support/tools.ts";

function startTimeOf(pid: number): string {
  return parseStartTime(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? "";
}

describe("ending a pod by its ledger", () => {
  let folder: string;
  let runDir: string;
  const started: number[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "end-pod-"));
    runDir = join(folder, "run");
  });
  afterEach(async () => {
    for (const pid of started.splice(0)) if ((await readStartTime(pid)) !== undefined) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  /** A process that would run on; `mark` stands in its command line. */
  function sleeper(mark = ""): number {
    const script = `setInterval(() => {}, 1e6) // ${mark}`;
    const child = spawn(process.execPath, ["-e", script], { stdio: "ignore" });
    started.push(child.pid ?? 0);
    return child.pid ?? 0;
  }

  function ledgerFor(daemon: number): Ledger {
    const shim = { pid: daemon, startTime: startTimeOf(daemon) };
    const socket = join(folder, "socket");
    writeFileSync(socket, "");
    return new Ledger(runDir, { namespace: "n", podId: "p", bundle: folder, socket, shim, createdAt: 0, owned: [] });
  }

  async function end(): Promise<void> {
    const record = readLedger(runDir);
    assert.ok(record !== null);
    await endPod(record, runDir);
  }

  it("tries again what failed because the pod's network namespace was just being removed", async () => {
    const netns = join(folder, "netns");
    writeFileSync(netns, "");
    const ledger = ledgerFor(sleeper());
    await ledger.claim({ kind: "tap", name: "tap0", peer: "eth0", netns });
    setTimeout(() => rmSync(netns), 100);
    await end();
    assert.ok(!existsSync(runDir));
  });

  it("ends daemon and processes, removes files, socket and run directory, and can be done again", async () => {
    const [daemon, qemu] = [sleeper(), sleeper()];
    const ledger = ledgerFor(daemon);
    await ledger.claim({ kind: "process", name: "qemu", match: folder, pid: qemu, startTime: startTimeOf(qemu) });
    mkdirSync(join(folder, "tree/deep"), { recursive: true });
    await ledger.claim({ kind: "path", path: join(folder, "tree") });
    const record = readLedger(runDir);
    assert.ok(record !== null);
    await endPod(record, runDir);
    assert.equal(await readStartTime(daemon), undefined);
    assert.equal(await readStartTime(qemu), undefined);
    for (const name of ["tree", "socket", "run"]) assert.ok(!existsSync(join(folder, name)), name);
    await endPod(record, runDir);
  });

  it("finds a process by its command line that was claimed before its pid was known", async () => {
    const ledger = ledgerFor(sleeper());
    await ledger.claim({ kind: "process", name: "qemu", match: `${folder}/vm` });
    const qemu = sleeper(`${folder}/vm`);
    while (!readFileSync(`/proc/${qemu}/cmdline`, "utf8").includes(folder)) await new Promise((r) => setTimeout(r, 5));
    await end();
    assert.equal(await readStartTime(qemu), undefined);
  });

  it("leaves a stranger alone that was given the pid of a daemon or process long gone", async () => {
    const stranger = sleeper();
    const ledger = ledgerFor(sleeper());
    await ledger.claim({ kind: "process", name: "qemu", match: "nosuch", pid: stranger, startTime: "1" });
    await end();
    assert.notEqual(await readStartTime(stranger), undefined);
  });

  it("unmounts before it removes", async function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
    const mounted = join(folder, "mounted");
    mkdirSync(mounted);
    execFileSync("mount", ["-t", "tmpfs", "end-pod-test", mounted]);
    const ledger = ledgerFor(sleeper());
    await ledger.claim({ kind: "path", path: mounted });
    await ledger.claim({ kind: "mount", path: mounted });
    await end();
    assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(mounted));
    assert.ok(!existsSync(mounted));
  });

  it("keeps the ledger for another try when something cannot be released", async function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
    const busy = join(folder, "busy");
    mkdirSync(busy);
    execFileSync("mount", ["-t", "tmpfs", "end-pod-test", busy]);
    const ledger = ledgerFor(sleeper());
    await ledger.claim({ kind: "path", path: busy });
    await assert.rejects(end(), CleanupIncomplete);
    assert.ok(readLedger(runDir) !== null);
    execFileSync("umount", [busy]);
    await end();
    assert.equal(readLedger(runDir), null);
  });
});

describe("a pod's run directory", () => {
  it("is short enough for the sockets in it, whatever the ids, and each pod's own", () => {
    const long = podRunDir("n".repeat(76), "p".repeat(76));
    assert.ok(join(long, "vm/vhost-user-vsock.sock.1024").length <= 107, long);
    const dirs = [
      ["a", "b"],
      ["a", "c"],
      ["b", "b"],
    ].map(([namespace = "", id = ""]) => podRunDir(namespace, id));
    assert.equal(new Set(dirs).size, 3);
  });
});

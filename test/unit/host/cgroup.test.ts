import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CgroupLayout,
  chooseLayout,
  enterCgroup,
  openCgroup,
  readCgroupLayout,
  removeCgroup,
} from "../../../src/host/cgroup.ts";
import { cgroupName } from "../../../src/host/cgroup-path.ts";
import { readCgroupUsage } from "../../../src/host/cgroup-usage.ts";
import { parseMountinfo } from "../../../src/host/mountinfo.ts";
import { EnvironmentLacks, HostCallFailed, InvalidRequest } from "../../../src/lib/errors.ts";
import type { OwnedThing, Ownership } from "../../../src/lib/owned.ts";
import { skip } from "../../support/tools.ts";

describe("a pod's cgroup name", () => {
  it("is a plain path for the cgroupfs driver", () => {
    assert.equal(cgroupName("/kubepods/burstable/pod1/abc"), "/kubepods/burstable/pod1/abc");
    assert.equal(cgroupName("k8s.io//abc/"), "/k8s.io/abc");
  });

  it("opens a level at each dash of a slice for the systemd driver", () => {
    // As systemd-escape documents it: a-b.slice lies in a.slice.
    assert.equal(
      cgroupName("kubepods-besteffort-pod1.slice:cri-containerd:abc"),
      "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/cri-containerd-abc.scope",
    );
    assert.equal(cgroupName(":cri-containerd:abc"), "/cri-containerd-abc.scope");
    assert.equal(cgroupName("-.slice:cri-containerd:abc"), "/cri-containerd-abc.scope");
  });

  it("never leaves the tree, and is never the root", () => {
    for (const path of ["/", "", "/a/../../b", "/a/./b", "a\0b", "x:y:z", "--.slice:a:b"]) {
      assert.throws(() => cgroupName(path), InvalidRequest, path);
    }
  });
});

describe("the host's cgroup layout", () => {
  const mounts = (...lines: readonly string[]) =>
    chooseLayout(parseMountinfo(lines.map((line, at) => `${at + 30} 20 0:${at + 30} / ${line}`).join("\n")));
  const unified = "/sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";

  it("is v2 when only the one tree is there", () => {
    assert.deepEqual(mounts("/sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate"), {
      mode: "v2",
      trees: [{ mountPoint: "/sys/fs/cgroup", controllers: [] }],
    });
  });

  it("is v1 when memory has a tree of its own, whatever else is mounted", () => {
    const cpu = "/sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct";
    const memory = "/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
    const named = "/sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd";
    assert.deepEqual(mounts(unified, cpu, memory, named), {
      mode: "v1",
      trees: [
        { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["cpu", "cpuacct"] },
        { mountPoint: "/sys/fs/cgroup/memory", controllers: ["memory"] },
      ],
    });
  });

  it("is v2 on a hybrid host whose v1 side holds only a name", () => {
    assert.equal(mounts("/sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd", unified).mode, "v2");
  });

  it("is an environment fault when nothing is mounted", () => {
    assert.throws(() => mounts("/tmp rw - tmpfs tmpfs rw"), EnvironmentLacks);
  });
});

/** Files stand for the kernel's: what is written can be read back, whatever was there before. */
class FakeTree implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "cgroup2-"));
  readonly layout: CgroupLayout = { mode: "v2", trees: [{ mountPoint: this.root, controllers: [] }] };

  write(path: string, files: Readonly<Record<string, string>>): void {
    mkdirSync(join(this.root, path), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.root, path, name), text);
  }

  read(path: string): string {
    const file = join(this.root, path);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

const unclaimed: Ownership = { claim: async () => undefined, release: async () => undefined };

describe("a pod's cgroup in a v2 tree", () => {
  const pod = "/kubepods.slice/kubepods-podX.slice";

  it("is made where the systemd driver's name says, below levels that hand their controllers down", async () => {
    using tree = new FakeTree();
    tree.write("/", { "cgroup.controllers": "cpuset cpu io memory hugetlb pids\n", "cgroup.subtree_control": "\n" });
    const { path } = await openCgroup("kubepods-podX.slice:cri-containerd:abc", unclaimed, tree.layout);
    assert.equal(path, `${pod}/cri-containerd-abc.scope`);
    // of the four writes to the root's file the last stands
    assert.equal(tree.read("cgroup.subtree_control"), "+hugetlb");
    assert.equal(tree.read(`${path}/cgroup.subtree_control`), "", "the leaf hands nothing down");
  });

  it("leaves alone what the kubelet and systemd have enabled, and what a level does not have", async () => {
    using tree = new FakeTree();
    const all = "cpuset cpu io memory hugetlb pids\n";
    tree.write("/", { "cgroup.controllers": all, "cgroup.subtree_control": all });
    tree.write("/kubepods.slice", { "cgroup.controllers": all, "cgroup.subtree_control": "cpu memory pids\n" });
    tree.write(pod, { "cgroup.controllers": "cpu memory pids\n", "cgroup.subtree_control": "cpu memory\n" });
    await openCgroup("kubepods-podX.slice:cri-containerd:abc", unclaimed, tree.layout);
    assert.equal(tree.read("cgroup.subtree_control"), all);
    assert.equal(tree.read("kubepods.slice/cgroup.subtree_control"), "+hugetlb");
    assert.equal(tree.read(`${pod}/cgroup.subtree_control`), "+pids");
  });

  it("is entered by its one file, and read in v2's names and units", async () => {
    using tree = new FakeTree();
    const cgroup = await openCgroup("/pods/abc", unclaimed, tree.layout);
    await enterCgroup(cgroup, 4711);
    assert.equal(tree.read("/pods/abc/cgroup.procs"), "4711");
    tree.write("/pods/abc", {
      "cpu.stat": "usage_usec 2500\nuser_usec 2000\nsystem_usec 500\n",
      "memory.current": "8192\n",
      "memory.max": "max\n",
      "memory.stat": "anon 1\nfile 4096\nactive_file 1024\ninactive_file 3072\n",
      "pids.current": "7\n",
    });
    assert.deepEqual(await readCgroupUsage(cgroup), {
      cpuUsageUsec: 2500,
      memoryBytes: 8192,
      memoryLimitBytes: Number.POSITIVE_INFINITY,
      inactiveFileBytes: 3072,
      processes: 7,
    });
    tree.write("/pods/abc", { "memory.max": "1048576\n" });
    assert.equal((await readCgroupUsage(cgroup))?.memoryLimitBytes, 1_048_576);
  });

  it("counts what its controllers count, and nothing for those that the host withholds", async () => {
    using tree = new FakeTree();
    const cgroup = await openCgroup("/pods/abc", unclaimed, tree.layout);
    tree.write("/pods/abc", { "cpu.stat": "usage_usec 1\n" });
    const usage = await readCgroupUsage(cgroup);
    assert.deepEqual([usage?.cpuUsageUsec, usage?.memoryBytes, usage?.processes], [1, 0, 0]);
  });
});

describe("a pod's cgroup", () => {
  const path = `/kata-cvm-test/${process.pid}`;
  const claims: OwnedThing[] = [];
  const ownership: Ownership = { claim: async (thing) => void claims.push(thing), release: async () => undefined };
  const children: ChildProcess[] = [];
  before(function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
    await removeCgroup(path);
    await removeCgroup("/kata-cvm-test");
  });
  const startChild = async (script: string): Promise<number> => {
    const child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    await once(child.stdout, "data");
    return child.pid ?? assert.fail();
  };

  it("is claimed, made, holds the process that entered, counts it, and goes", async () => {
    const cgroup = await openCgroup(path, ownership);
    assert.deepEqual(claims.splice(0), [{ kind: "cgroup", path }]);
    const pid = await startChild("echo; while :; do :; done");
    await enterCgroup(cgroup, pid);
    assert.ok(readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(`:${path}\n`));
    const end = Date.now() + 5_000;
    let usage = await readCgroupUsage(cgroup);
    while ((usage?.cpuUsageUsec === 0 || usage?.memoryBytes === 0) && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      usage = await readCgroupUsage(cgroup);
    }
    assert.ok(usage !== null && usage.cpuUsageUsec > 0 && usage.cpuUsageUsec < 10_000_000, JSON.stringify(usage));
    assert.ok(usage.processes === 1 && usage.memoryLimitBytes > usage.memoryBytes, JSON.stringify(usage));
    process.kill(pid, "SIGKILL");
    await removeCgroup(path);
    assert.equal(await readCgroupUsage(cgroup), null);
    const layout = await readCgroupLayout();
    for (const tree of layout.trees) assert.ok(!existsSync(join(tree.mountPoint, path)));
    await removeCgroup(path);
  });

  it("that still holds a process is not removed, and says so in bounded time", async () => {
    const cgroup = await openCgroup(path, ownership);
    await enterCgroup(cgroup, await startChild("echo; exec sleep 60"));
    await assert.rejects(removeCgroup(path), (error: unknown) => {
      assert.ok(error instanceof HostCallFailed);
      assert.equal(error.errno, "EBUSY");
      return true;
    });
  });

  it("cannot be entered by a process that is gone", async () => {
    const cgroup = await openCgroup(path, ownership);
    await assert.rejects(enterCgroup(cgroup, 999_999_999), HostCallFailed);
  });
});

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  chooseLayout,
  enterCgroup,
  openCgroup,
  readCgroupLayout,
  readCgroupUsage,
  removeCgroup,
  setOomScore,
} from "../../../src/host/cgroup.ts";
import { cgroupName } from "../../../src/host/cgroup-path.ts";
import { parseMountinfo } from "../../../src/host/mountinfo.ts";
import { EnvironmentLacks, HostCallFailed, InvalidRequest } from "../../../src/lib/errors.ts";
import type { OwnedThing, Ownership } from "../../../src/lib/owned.ts";

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

describe("a pod's cgroup", () => {
  const path = `/kata-cvm-test/${process.pid}`;
  const claims: OwnedThing[] = [];
  const ownership: Ownership = { claim: async (thing) => void claims.push(thing), release: async () => undefined };
  const children: ChildProcess[] = [];
  before(function () {
    if (process.getuid?.() !== 0) this.skip();
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
    while ((usage.cpuUsageUsec === 0 || usage.memoryBytes === 0) && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      usage = await readCgroupUsage(cgroup);
    }
    assert.ok(usage.cpuUsageUsec > 0 && usage.cpuUsageUsec < 10_000_000, `${usage.cpuUsageUsec} microseconds`);
    process.kill(pid, "SIGKILL");
    await removeCgroup(path);
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

  it("has processes whose OOM score can be raised, and lowered only where the kernel allows it", async () => {
    const pid = await startChild("echo; exec sleep 60");
    const read = () => readFileSync(`/proc/${pid}/oom_score_adj`, "utf8").trim();
    assert.deepEqual(await setOomScore(pid, 500), { applied: true });
    assert.equal(read(), "500");
    const { applied } = await setOomScore(pid, -998);
    assert.equal(read(), applied ? "-998" : "500");
    await assert.rejects(setOomScore(pid, 5000), HostCallFailed);
  });
});

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { parseMountinfo } from "../../../src/host/mountinfo.ts";
import { emptyDirOf, probeVolumeSources } from "../../../src/host/volumes.ts";

const pod = "/var/lib/kubelet/pods/u1";
const volume = `${pod}/volumes/kubernetes.io~empty-dir`;
const subPath = (name: string, index: number) => `${pod}/volume-subpaths/${name}/web/${index}`;

// The kubelet binds a subPath; the fourth field of a line is what is bound, as its own file system names it.
const mounts = parseMountinfo(`20 1 8:1 / / rw - ext4 /dev/sda1 rw
21 20 8:2 / /var rw - ext4 /dev/sda2 rw
30 21 0:40 / ${volume}/fast rw - tmpfs tmpfs rw
31 21 8:2 /lib/kubelet/pods/u1/volumes/kubernetes.io~empty-dir/cache/a/b ${subPath("cache", 0)} rw - ext4 /dev/sda2 rw
32 21 0:40 /deep ${subPath("fast", 0)} rw - tmpfs tmpfs rw
33 21 8:2 /lib/kubelet/pods/u1/volumes/kubernetes.io~configmap/conf/x ${subPath("conf", 0)} rw - ext4 /dev/sda2 rw
34 21 8:9 /cache/a ${subPath("cache", 1)} rw - ext4 /dev/sdb rw
35 21 8:2 /lib/kubelet/pods/u1/volumes/kubernetes.io~empty-dir/other ${subPath("cache", 2)} rw - ext4 /dev/sda2 rw
`);

describe("an emptyDir on the host", () => {
  it("is known by the kubelet's directory for it", () => {
    assert.deepEqual(emptyDirOf(`${volume}/cache`, mounts), { path: `${volume}/cache`, subPath: "" });
  });

  it("is known behind a subPath by what is bound there, on disk and in memory", () => {
    assert.deepEqual(emptyDirOf(subPath("cache", 0), mounts), { path: `${volume}/cache`, subPath: "a/b" });
    assert.deepEqual(emptyDirOf(subPath("fast", 0), mounts), { path: `${volume}/fast`, subPath: "deep" });
  });

  it("is not seen in a subPath of another volume, of another file system or from outside the volume", () => {
    for (const path of [subPath("conf", 0), subPath("cache", 1), subPath("cache", 2), subPath("cache", 9), "/srv"])
      assert.equal(emptyDirOf(path, mounts), undefined, path);
  });

  it("is of medium Memory only where a tmpfs is mounted for it, wherever the kubelet keeps its pods", async () => {
    const shm = "/dev/shm";
    assert.equal(statfsSync(shm).type, 0x01021994, "this test's own tmpfs");
    const folder = mkdtempSync(join(shm, "kata-cvm-volumes-"));
    try {
      const path = join(folder, "volumes/kubernetes.io~empty-dir/plain");
      mkdirSync(path, { recursive: true });
      assert.equal((await probeVolumeSources([path])).get(path)?.emptyDir?.isTmpfs, false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

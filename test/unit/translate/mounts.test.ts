import assert from "node:assert/strict";
import { Unsupported } from "../../../src/lib/errors.ts";
import type { Mount } from "../../../src/oci/types.ts";
import { hostSources, type SourceFacts, translateMounts } from "../../../src/translate/mounts.ts";

const facts: SourceFacts = { kind: "directory", isTmpfs: false, gid: 0, submounts: [] };

function translate(mount: Mount, change: Partial<SourceFacts> = {}) {
  const context = { containerId: "c1", podId: "pod1", sourceFacts: () => ({ ...facts, ...change }) };
  return translateMounts([mount], context);
}

function bind(source: string, ...options: readonly string[]): Mount {
  return { destination: "/data", type: "bind", source, options: ["rbind", ...options] };
}

describe("a mount of the host", () => {
  it("is asked about only where the host's files are meant", () => {
    const mounts: readonly Mount[] = [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev/shm", type: "bind", source: "/run/shm" },
      { destination: "/p", type: "bind", source: "/proc/1" },
      { destination: "/s", type: "bind", source: "/sys" },
      { destination: "/n", type: "none", source: "/by/option", options: ["bind"] },
      { destination: "/process", type: "bind", source: "/process" },
    ];
    assert.deepEqual(hostSources(mounts), ["/by/option", "/process"]);
  });

  it("becomes a copy under a name that tells container and destination apart", () => {
    const { mounts, copies } = translate(bind("/srv", "ro"));
    assert.match(copies[0]?.guestPath ?? "", /^\/run\/kata-containers\/shared\/containers\/c1-[0-9a-f]{16}-data$/);
    assert.deepEqual(mounts, [
      { destination: "/data", type: "bind", source: copies[0]?.guestPath, options: ["rbind", "ro"] },
    ]);
    const other = translate({ ...bind("/srv"), destination: "/other/data" });
    assert.notEqual(other.copies[0]?.guestPath, copies[0]?.guestPath);
  });

  it("is refused with propagation, which cannot cross into a virtual machine", () => {
    for (const option of ["rshared", "shared", "rslave", "slave"]) {
      assert.throws(
        () => translate(bind("/srv", option)),
        (error: Error) => {
          assert.ok(error instanceof Unsupported);
          assert.match(error.message, /^mounts\[0\] \(\/data\) with mount propagation r?s/);
          return true;
        },
      );
    }
  });

  it("is refused, naming its field and source, when it is no file or directory", () => {
    for (const kind of ["socket", "fifo", "device"] as const) {
      assert.throws(
        () => translate(bind("/run/docker.sock"), { kind }),
        new RegExp(`mounts\\[0\\].*docker.sock.*host ${kind}`),
      );
    }
    assert.throws(() => translate(bind("/nosuch"), { kind: "missing" }), /\/nosuch.*does not exist/);
  });

  it("is followed where the kubelet replaces its content, and only there", () => {
    const volumes = "/var/lib/kubelet/pods/u/volumes/kubernetes.io~";
    const followed = (source: string) => translate(bind(source)).copies[0]?.follow;
    for (const kind of ["configmap", "secret", "projected", "downward-api"])
      assert.ok(followed(`${volumes}${kind}/v`), kind);
    for (const path of ["/srv", `${volumes}configmap/v/sub`, `${volumes}nfs/v`])
      assert.equal(followed(path), false, path);
  });

  it("is made in the guest when it is an emptyDir: never copied, shared by the pod", () => {
    const source = "/var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/cache";
    for (const isTmpfs of [true, false]) {
      const { copies, storages, mounts } = translate(bind(source), { isTmpfs, gid: 7 });
      assert.deepEqual(copies, []);
      assert.equal(storages[0]?.driver, isTmpfs ? "ephemeral" : "local");
      assert.ok(storages[0]?.options.includes("fsgid=7"));
      assert.equal(storages[0]?.shared, true);
      assert.equal(mounts[0]?.source, storages[0]?.mount_point);
    }
  });

  it("loses SELinux labels, which name nothing in the guest", () => {
    const { mounts } = translate({ ...bind("/srv", 'context="a:b"'), options: ['fscontext="a"', "ro"] });
    assert.deepEqual(mounts[0]?.options, ["ro"]);
  });
});

import assert from "node:assert/strict";
import { Unsupported } from "../../../src/lib/errors.ts";
import type { Mount } from "../../../src/oci/types.ts";
import type { EmptyDirFacts } from "../../../src/translate/empty-dirs.ts";
import {
  hostSources,
  type SourceFacts,
  translateMounts,
  type VolumeRules,
  volumeDisks,
} from "../../../src/translate/mounts.ts";

const facts: SourceFacts = { kind: "directory", mode: 0o755, submounts: [] };
const copying: VolumeRules = { hostPaths: "copy", emptyDirs: "plain", emptyDirBytes: 1 << 20 };
const sharing: VolumeRules = { ...copying, hostPaths: "share" };

const disk = { driver: "scsi", source: "5:0" } as const;

function translate(mount: Mount, change: Partial<SourceFacts> = {}, rules = copying) {
  const sourceFacts = () => ({ ...facts, ...change });
  const plugged = new Map(volumeDisks([mount], { rules, sourceFacts }).map(({ volume }) => [volume, disk]));
  return translateMounts([mount], {
    containerId: "c1",
    podId: "pod1",
    rules,
    sourceFacts,
    diskOf: (volume) => plugged.get(volume),
  });
}

function bind(source: string, ...options: readonly string[]): Mount {
  return { destination: "/data", type: "bind", source, options: ["rbind", ...options] };
}

const kubelet = "/var/lib/kubelet/pods/u/volumes/kubernetes.io~";

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
    const { mounts, copies, shares } = translate(bind("/srv", "ro"));
    assert.match(copies[0]?.guestPath ?? "", /^\/run\/kata-containers\/shared\/containers\/c1-[0-9a-f]{16}-data$/);
    assert.deepEqual(shares, []);
    assert.deepEqual(mounts, [
      { destination: "/data", type: "bind", source: copies[0]?.guestPath, options: ["rbind", "ro"] },
    ]);
    const other = translate({ ...bind("/srv"), destination: "/other/data" });
    assert.notEqual(other.copies[0]?.guestPath, copies[0]?.guestPath);
  });

  it("has a name that fits a directory, however long the destination is", () => {
    const { shares } = translate({ ...bind("/srv"), destination: `/${"x".repeat(255)}` }, {}, sharing);
    assert.ok(
      Buffer.byteLength(shares[0]?.name ?? "") < 240 - 62,
      "with the 62 characters more of a real container id",
    );
  });

  it("is refused with propagation, naming the field of the CRI, its value and the reason", () => {
    for (const [option, value] of [
      ["rshared", "PROPAGATION_BIDIRECTIONAL"],
      ["shared", "PROPAGATION_BIDIRECTIONAL"],
      ["rslave", "PROPAGATION_HOST_TO_CONTAINER"],
      ["slave", "PROPAGATION_HOST_TO_CONTAINER"],
    ] as const) {
      for (const rules of [copying, sharing]) {
        assert.throws(
          () => translate(bind("/srv", option), {}, rules),
          (error: Error) => {
            assert.ok(error instanceof Unsupported);
            assert.ok(error.message.includes(`mounts[container_path=/data].propagation ${value} (${option})`));
            assert.match(error.message, /cannot appear in a virtual machine/);
            return true;
          },
        );
      }
    }
  });

  it("is refused, naming its field and source, when it is no file or directory", () => {
    for (const kind of ["socket", "fifo", "device"] as const) {
      assert.throws(
        () => translate(bind("/run/docker.sock"), { kind }, sharing),
        new RegExp(`mounts\\[container_path=/data\\]\\.host_path /run/docker.sock.*host ${kind}`),
      );
    }
    assert.throws(() => translate(bind("/nosuch"), { kind: "missing" }), /\/nosuch.*does not exist/);
  });

  it("is followed where the kubelet replaces its content, and only there", () => {
    const followed = (source: string) => translate(bind(source)).copies[0]?.follow;
    for (const kind of ["configmap", "secret", "projected", "downward-api"])
      assert.ok(followed(`${kubelet}${kind}/v`), kind);
    for (const path of ["/srv", `${kubelet}configmap/v/sub`, `${kubelet}nfs/v`])
      assert.equal(followed(path), false, path);
  });

  it("loses SELinux labels, which name nothing in the guest", () => {
    const { mounts } = translate({ ...bind("/srv", 'context="a:b"'), options: ['fscontext="a"', "ro"] });
    assert.deepEqual(mounts[0]?.options, ["ro"]);
  });
});

describe("a mount of the host in a guest that shares", () => {
  it("appears in the share under a name of its own, and nothing is copied", () => {
    const { mounts, copies, shares } = translate(bind("/srv"), {}, sharing);
    const name = shares[0]?.name ?? "";
    assert.match(name, /^c1-[0-9a-f]{16}-data$/);
    assert.deepEqual(shares, [{ hostPath: "/srv", name, readonly: false }]);
    assert.deepEqual(copies, []);
    assert.deepEqual(mounts, [
      { destination: "/data", type: "bind", source: `/run/kata-containers/sandbox/host/${name}`, options: ["rbind"] },
    ]);
  });

  it("is read-only on the host's side too", () => {
    const readonly = (...options: readonly string[]) =>
      translate(bind("/srv", ...options), {}, sharing).shares[0]?.readonly;
    assert.deepEqual([readonly("rw"), readonly("ro"), readonly("ro", "rro")], [false, true, true]);
  });

  it("leaves writable what is mounted below a read-only mount, unless that is recursive", () => {
    const submounts = [
      { path: "w", isReadonly: false },
      { path: "r", isReadonly: true },
    ];
    for (const [options, writable] of [
      [["ro"], true],
      [["rw"], true],
      [["ro", "rro"], false],
    ] as const) {
      const { mounts, shares } = translate(bind("/srv", ...options), { submounts }, sharing);
      assert.deepEqual(
        mounts.slice(1).map((mount) => [mount.destination, mount.options]),
        [
          ["/data/w", ["rbind", writable ? "rw" : "ro"]],
          ["/data/r", ["rbind", "ro"]],
        ],
      );
      assert.deepEqual(
        shares.slice(1).map(({ hostPath, readonly }) => [hostPath, readonly]),
        [
          ["/srv/w", !writable],
          ["/srv/r", true],
        ],
      );
      const places = shares.map(({ name }) => `/run/kata-containers/sandbox/host/${name}`);
      assert.deepEqual(
        mounts.map((mount) => mount.source),
        places,
      );
      assert.equal(new Set(places).size, 3);
    }
  });

  it("comes without what is mounted below it where the container has a mount of its own", () => {
    const outer = bind("/srv");
    const own = { ...bind("/other"), destination: "/data/own" };
    const sourceFacts = (path: string): SourceFacts =>
      path === "/srv" ? { ...facts, submounts: [{ path: "own", isReadonly: false }] } : facts;
    const context = { containerId: "c1", podId: "pod1", sourceFacts, diskOf: () => undefined };
    const shared = translateMounts([outer, own], { ...context, rules: sharing });
    const copied = translateMounts([outer, own], { ...context, rules: copying });
    for (const sent of [shared.shares, copied.copies])
      assert.deepEqual(
        sent.map(({ hostPath }) => hostPath),
        ["/srv", "/other"],
      );
    assert.deepEqual(
      shared.mounts.map(({ destination }) => destination),
      ["/data", "/data/own"],
    );
    assert.equal(translateMounts([own, outer], { ...context, rules: sharing }).mounts.length, 3);
  });

  it("is copied all the same where the kubelet replaces the whole content, and for the pod's own files", () => {
    for (const kind of ["configmap", "secret", "projected", "downward-api"])
      assert.equal(translate(bind(`${kubelet}${kind}/v`), {}, sharing).copies[0]?.follow, true);
    for (const destination of ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]) {
      const { copies, shares } = translate({ ...bind("/f"), destination }, { kind: "file" }, sharing);
      assert.deepEqual([copies.length, shares.length], [1, 0], destination);
    }
  });
});

describe("an emptyDir", () => {
  const path = `${kubelet}empty-dir/cache`;
  const emptyDir: EmptyDirFacts = { path, subPath: "", isTmpfs: false, gid: 7 };

  it("is made in the guest: never copied or shared with the host, shared by the pod", () => {
    for (const isTmpfs of [true, false]) {
      for (const rules of [copying, sharing]) {
        const plan = translate(bind(path), { emptyDir: { ...emptyDir, isTmpfs } }, rules);
        assert.deepEqual([plan.copies, plan.shares], [[], []]);
        assert.equal(plan.storages[0]?.driver, isTmpfs ? "ephemeral" : "local");
        assert.ok(plan.storages[0]?.options.includes("fsgid=7"));
        assert.equal(plan.storages[0]?.shared, true);
        assert.equal(plan.mounts[0]?.source, plan.storages[0]?.mount_point);
      }
    }
  });

  it("gives a subPath as a directory of the same volume, with the mode the kubelet chose", () => {
    for (const isTmpfs of [true, false]) {
      const whole = translate(bind(path), { emptyDir: { ...emptyDir, isTmpfs } }).mounts[0]?.source ?? "";
      const facts = { mode: 0o750, emptyDir: { ...emptyDir, isTmpfs, subPath: "a/b" } };
      const { mounts, storages } = translate(bind("/pods/u/volume-subpaths/cache/web/0"), facts);
      assert.equal(mounts[0]?.source, `${whole}/a/b`);
      assert.deepEqual(
        storages.map((storage) => storage.mount_point),
        [whole, `${whole}/a/b`],
      );
      assert.deepEqual(storages[1]?.options, ["mode=750"]);
    }
  });

  it("is an encrypted disk where the operator wants that: made on the host, keyed in the guest", () => {
    const rules: VolumeRules = { ...copying, emptyDirs: "block-encrypted", emptyDirBytes: 1 << 30 };
    const sourceFacts = () => ({ ...facts, emptyDir });
    assert.deepEqual(volumeDisks([bind(path)], { rules, sourceFacts }), [
      { volume: path, path: `${path}/disk.img`, readonly: false, newBytes: 1 << 30 },
    ]);
    const { mounts, storages } = translate(bind(path), { emptyDir }, rules);
    const [storage] = storages;
    assert.deepEqual(storage?.driver_options, ["encryption_key=ephemeral", "create_filesystem"]);
    assert.deepEqual(
      [storage?.driver, storage?.source, storage?.fstype, storage?.shared],
      ["scsi", "5:0", "ext4", true],
    );
    assert.deepEqual(storage?.fs_group, { group_id: 7, group_change_policy: 0 });
    // the mount point that the agent protocol fixes: base64 of the source
    assert.equal(storage?.mount_point, "/run/kata-containers/sandbox/storage/NTow");
    assert.equal(mounts[0]?.source, storage?.mount_point);
  });

  it("stays in memory when its medium is memory, whatever the operator wants of the others", () => {
    const rules: VolumeRules = { ...copying, emptyDirs: "block-encrypted" };
    const inMemory = { ...emptyDir, isTmpfs: true };
    assert.deepEqual(volumeDisks([bind(path)], { rules, sourceFacts: () => ({ ...facts, emptyDir: inMemory }) }), []);
    assert.equal(translate(bind(path), { emptyDir: inMemory }, rules).storages[0]?.driver, "ephemeral");
  });
});

describe("a direct volume", () => {
  const directVolume = {
    device: "/dev/vg/data",
    isDevice: true,
    fsType: "ext4",
    options: ["ro", "noatime"],
    fsGroup: { id: 3, onlyOnMismatch: true },
  };

  it("is plugged as the disk that its record names, and mounted by the guest", () => {
    const given = { directVolume };
    const sourceFacts = () => ({ ...facts, ...given });
    assert.deepEqual(volumeDisks([bind("/csi/v")], { rules: sharing, sourceFacts }), [
      { volume: "/csi/v", path: "/dev/vg/data", isDevice: true, readonly: true },
    ]);
    const { mounts, copies, shares, storages } = translate(bind("/csi/v"), given, sharing);
    assert.deepEqual([copies, shares], [[], []]);
    assert.deepEqual(storages, [
      {
        driver: "scsi",
        driver_options: [],
        source: "5:0",
        fstype: "ext4",
        options: ["ro", "noatime"],
        mount_point: "/run/kata-containers/sandbox/storage/NTow",
        shared: true,
        fs_group: { group_id: 3, group_change_policy: 1 },
      },
    ]);
    assert.equal(mounts[0]?.source, storages[0]?.mount_point);
  });

  it("keeps its content where its path is an emptyDir's: nobody makes a file system over it", () => {
    const path = `${kubelet}empty-dir/v`;
    const emptyDir = { path, subPath: "", isTmpfs: false, gid: 0 };
    for (const emptyDirs of ["plain", "block-encrypted"] as const) {
      const { storages } = translate(bind(path), { directVolume, emptyDir }, { ...copying, emptyDirs });
      assert.deepEqual(
        storages.map(({ fstype, driver_options }) => [fstype, driver_options]),
        [["ext4", []]],
      );
    }
  });
});

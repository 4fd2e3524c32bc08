import assert from "node:assert/strict";
import type { ContainerSpec } from "../../../src/oci/types.ts";
import { networkNamespacePath, refuseHostNamespaces } from "../../../src/translate/container.ts";
import { joinSandbox, sandboxFiles, sandboxSpec, sharesPids } from "../../../src/translate/sandbox.ts";
import { NamespaceMode, PodSandboxConfig } from "../../../src/wire/gen/cri/pod_sandbox.ts";
import type { Init } from "../../../src/wire/message.ts";

function spec(config: Init<PodSandboxConfig>) {
  const full = PodSandboxConfig.decode(PodSandboxConfig.encode(config));
  return sandboxSpec({ sandboxId: "pod1", bundle: "/b", netnsPath: "/run/netns/n", config: full });
}

function withNamespaces(namespace_options: NonNullable<Init<PodSandboxConfig>["linux"]>["security_context"]) {
  return { linux: { security_context: namespace_options } };
}

const containerSpec: ContainerSpec = {
  ociVersion: "1.2.0",
  process: { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 } },
  root: { path: "rootfs" },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["size=65536k"] },
    { destination: "/etc/hosts", type: "bind", source: "/kubelet/hosts", options: ["rbind"] },
  ],
  linux: { sysctl: { "net.ipv4.ping_group_range": "0 0" } },
};

describe("the spec of a sandbox without a pause container", () => {
  it("has the pod's hostname, network namespace and annotations", () => {
    const made = spec({ hostname: "web", annotations: { "io.katacontainers.x": "1" } });
    assert.equal(made.hostname, "web");
    assert.equal(networkNamespacePath({ ...containerSpec, ...made }), "/run/netns/n");
    assert.deepEqual(made.annotations, { "io.katacontainers.x": "1" });
    refuseHostNamespaces(made);
  });

  it("is sized by the sum of the containers' limits, and by nothing that the pod says in CRI's name", () => {
    const annotations = { "io.kubernetes.cri.sandbox-memory": "99999999999" };
    const resources = { cpu_period: 100_000n, cpu_quota: 150_000n, memory_limit_in_bytes: 268_435_456n };
    assert.deepEqual(spec({ annotations }).annotations, {});
    assert.deepEqual(spec({ annotations, linux: { resources } }).annotations, {
      "io.kubernetes.cri.sandbox-cpu-period": "100000",
      "io.kubernetes.cri.sandbox-cpu-quota": "150000",
      "io.kubernetes.cri.sandbox-memory": "268435456",
    });
  });

  it("names its cgroup as containerd does, for both drivers", () => {
    const path = (cgroup_parent: string) => spec({ linux: { cgroup_parent } }).linux.cgroupsPath;
    assert.equal(path("/kubepods/burstable/podX"), "/kubepods/burstable/podX/pod1");
    assert.equal(
      path("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podX.slice"),
      "kubepods-burstable-podX.slice:cri-containerd:pod1",
    );
    assert.equal(path(""), undefined);
  });

  it("is refused where it asks for the host's namespaces, by the field's name", () => {
    for (const [type, name] of [
      ["network", /hostNetwork/],
      ["pid", /hostPID/],
      ["ipc", /hostIPC/],
    ] as const) {
      const made = spec(withNamespaces({ namespace_options: { [type]: NamespaceMode.NODE } }));
      assert.throws(() => refuseHostNamespaces(made), name);
    }
  });

  it("is refused with a user namespace, naming the setting that allows one", () => {
    const userns = withNamespaces({ namespace_options: { userns_options: { mode: NamespaceMode.POD } } });
    assert.throws(() => spec(userns), /user namespace.*sandboxer/);
    const none = withNamespaces({ namespace_options: { userns_options: { mode: NamespaceMode.NODE } } });
    assert.ok(spec(none));
  });

  it("has containerd's default sysctls, which the pod's own replace", () => {
    const sysctls = { "net.ipv4.ip_unprivileged_port_start": "80", "kernel.shm_rmid_forced": "1" };
    assert.deepEqual(spec({ linux: { sysctls } }).linux.sysctl, {
      "net.ipv4.ip_unprivileged_port_start": "80",
      "net.ipv4.ping_group_range": "0 2147483647",
      "kernel.shm_rmid_forced": "1",
    });
  });

  it("says whether the containers see one another's processes", () => {
    const pid = (mode: number) => PodSandboxConfig.create(withNamespaces({ namespace_options: { pid: mode } }));
    assert.equal(sharesPids(pid(NamespaceMode.POD)), true);
    assert.equal(sharesPids(pid(NamespaceMode.CONTAINER)), false);
  });
});

describe("the files of a sandbox", () => {
  it("are the host's where the pod says nothing", () => {
    assert.deepEqual(sandboxFiles(PodSandboxConfig.create({})), [
      { name: "hostname", content: null },
      { name: "hosts", content: null },
      { name: "resolv.conf", content: null },
    ]);
  });

  it("carry the pod's name and resolver, in resolv.conf(5)'s words", () => {
    const dns_config = { servers: ["10.0.0.10", "fd00::a"], searches: ["a.local", "b.local"], options: ["ndots:5"] };
    const [hostname, , resolver] = sandboxFiles(PodSandboxConfig.create({ hostname: "web", dns_config }));
    assert.equal(hostname?.content, "web\n");
    assert.equal(
      resolver?.content,
      "search a.local b.local\nnameserver 10.0.0.10\nnameserver fd00::a\noptions ndots:5\n",
    );
    assert.equal(sandboxFiles(PodSandboxConfig.create({ dns_config: {} }))[2]?.content, "");
  });
});

describe("a container that joins a sandbox", () => {
  const joined = joinSandbox(containerSpec, spec({ hostname: "web" }));
  const mountAt = (destination: string) => joined.mounts?.filter((mount) => mount.destination === destination);

  it("gets the sandbox's files, but keeps its own", () => {
    const shared = { type: "bind", options: ["rbind", "rprivate", "rw"] };
    assert.deepEqual(mountAt("/etc/hostname"), [{ destination: "/etc/hostname", source: "/b/hostname", ...shared }]);
    assert.deepEqual(mountAt("/etc/resolv.conf"), [
      { destination: "/etc/resolv.conf", source: "/b/resolv.conf", ...shared },
    ]);
    assert.deepEqual(
      mountAt("/etc/hosts")?.map((mount) => mount.source),
      ["/kubelet/hosts"],
    );
  });

  it("gets them read-only where its root is", () => {
    const readonly = joinSandbox({ ...containerSpec, root: { path: "r", readonly: true } }, spec({}));
    const hostname = readonly.mounts?.find((mount) => mount.destination === "/etc/hostname");
    assert.deepEqual(hostname?.options, ["rbind", "rprivate", "ro"]);
  });

  it("shares the pod's memory instead of one of its own, unless a volume stands there", () => {
    assert.deepEqual(mountAt("/dev/shm"), [
      { destination: "/dev/shm", type: "bind", source: "/dev/shm", options: ["rbind"] },
    ]);
    const volume = { destination: "/dev/shm", type: "bind", source: "/kubelet/v", options: ["rbind"] };
    assert.deepEqual(joinSandbox({ ...containerSpec, mounts: [volume] }, spec({})).mounts?.[0], volume);
  });

  it("gets the pod's sysctls beside its own", () => {
    assert.deepEqual(joined.linux.sysctl, {
      "net.ipv4.ip_unprivileged_port_start": "0",
      "net.ipv4.ping_group_range": "0 0",
    });
  });
});

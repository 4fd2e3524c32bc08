import assert from "node:assert/strict";
import { convertExecProcess, convertSpec } from "../../../src/guest/spec.ts";
import { InvalidRequest } from "../../../src/lib/errors.ts";
import { Process, Spec } from "../../../src/wire/gen/kata/oci.ts";
import type { Init } from "../../../src/wire/message.ts";

const shared = { ipc: "/run/sandbox-ns/ipc", uts: "/run/sandbox-ns/uts" };
const convert = (more: Init<Spec>, pid?: string) => {
  const base: Init<Spec> = { Process: { Args: ["sh"] }, Root: { Path: "/x", Readonly: true } };
  return convertSpec(Spec.create({ ...base, ...more }), {
    namespaces: { shared, pid },
    cgroupsPath: "/kata/c1",
    rootfs: "/run/kata-containers/c1/rootfs",
    resolveSource: (source) => `/resolved${source}`,
  });
};
const linux = (more: Init<NonNullable<Spec["Linux"]>>) => convert({ Linux: more }).linux;

describe("the guest's config.json", () => {
  it("has its own root, cgroup and version whatever the host names", () => {
    const spec = convert({
      Version: "9.9",
      Linux: { CgroupsPath: "/../../escape" },
      Annotations: { "run.oci.handler": "wasm" },
    });
    assert.deepEqual(spec.root, { path: "/run/kata-containers/c1/rootfs", readonly: true });
    assert.deepEqual([spec.linux.cgroupsPath, spec.annotations, spec.hooks], ["/kata/c1", undefined, undefined]);
  });

  it("joins the sandbox's ipc and uts, never makes a network namespace, and always a pid one", () => {
    const asked = ["ipc", "uts", "mount", "network", "cgroup"].map((Type) => ({ Type, Path: "/proc/1/ns/x" }));
    assert.deepEqual(linux({ Namespaces: asked }).namespaces, [
      { type: "mount" },
      { type: "cgroup" },
      { type: "pid" },
      { type: "ipc", path: shared.ipc },
      { type: "uts", path: shared.uts },
    ]);
  });

  it("joins the sandbox's pid namespace when it is given one", () => {
    const { namespaces } = convert({ Linux: {} }, "/proc/7/ns/pid").linux;
    assert.deepEqual(
      namespaces?.find(({ type }) => type === "pid"),
      { type: "pid", path: "/proc/7/ns/pid" },
    );
  });

  describe("with a user namespace", () => {
    const owned = { ipc: "/proc/9/fd/4", uts: "/proc/9/fd/5", user: "/proc/9/fd/6" };
    const ids = [{ ContainerID: 0, HostID: 1000, Size: 100_000 }];
    const mapped = convertSpec(
      Spec.create({
        Process: { Args: ["sh"] },
        Root: { Path: "/x" },
        Mounts: [
          { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "ro"] },
          { destination: "/other", type: "sysfs", source: "sysfs", options: ["rw"] },
        ],
        Linux: { Namespaces: ["ipc", "uts", "user"].map((Type) => ({ Type })), UIDMappings: ids, GIDMappings: ids },
      }),
      { namespaces: { shared: owned, pid: undefined }, cgroupsPath: "", rootfs: "", resolveSource: (path) => path },
    );

    it("joins the pod's, with the ipc and uts namespaces that it owns, and keeps the mappings", () => {
      const joined = mapped.linux.namespaces?.filter(({ path }) => path !== undefined);
      assert.deepEqual(joined, [
        { type: "ipc", path: owned.ipc },
        { type: "uts", path: owned.uts },
        { type: "user", path: owned.user },
      ]);
      const oci = [{ containerID: 0, hostID: 1000, size: 100_000 }];
      assert.deepEqual([mapped.linux.uidMappings, mapped.linux.gidMappings], [oci, oci]);
    });

    it("gets the guest's own sysfs, which it may not mount anew, read-only as deep as it was asked", () => {
      assert.deepEqual(mapped.mounts, [
        { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "rprivate", "nosuid", "rro"] },
        { destination: "/other", type: "bind", source: "/sys", options: ["rbind", "rprivate"] },
      ]);
    });
  });

  it("takes zero and negative limits for none, and keeps the process limit", () => {
    const { resources } = linux({
      Resources: {
        Memory: { Limit: 1024n, Swap: -1n, Kernel: 5n },
        CPU: { Shares: 2n, Quota: -1n, RealtimePeriod: 9n },
        Pids: { Limit: 33n },
      },
    });
    assert.deepEqual(
      [resources?.memory, resources?.cpu, resources?.pids],
      [{ limit: 1024n }, { shares: 2n }, { limit: 33n }],
    );
  });

  it("denies devices that nobody allowed and allows those of the container", () => {
    const device = { Path: "/dev/x", Type: "c", Major: 10n, Minor: 200n };
    assert.deepEqual(linux({ Devices: [device] }).resources?.devices, [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 10, minor: 200, access: "rwm" },
    ]);
  });

  it("checks the source of bind mounts only", () => {
    const { mounts } = convert({
      Mounts: [
        { destination: "/a", type: "bind", source: "/s", options: ["rbind"] },
        { destination: "/b", source: "/s", options: ["bind", "ro"] },
        { destination: "/proc", type: "proc", source: "proc" },
      ],
    });
    assert.deepEqual(
      mounts?.map(({ type, source }) => `${type} ${source}`),
      ["bind /resolved/s", "bind /resolved/s", "proc proc"],
    );
  });

  it("mounts file systems of the kernel, and nothing that takes files from somewhere", () => {
    for (const type of ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup"]) {
      assert.deepEqual(convert({ Mounts: [{ destination: "/a", type }] }).mounts?.length, 1);
    }
    for (const type of ["virtiofs", "overlay", "ext4", ""]) {
      const mount = { destination: "/a", type, source: "x", options: ["upperdir=/run"] };
      assert.throws(() => convert({ Mounts: [mount] }), InvalidRequest, type);
    }
  });

  it("keeps bind mounts private unless the host says how mounts shall propagate", () => {
    const { mounts } = convert({
      Mounts: [["rbind"], ["rbind", "rslave", "ro"], ["bind", "private"]].map((options) => ({
        destination: "/a",
        source: "/s",
        options,
      })),
    });
    assert.deepEqual(
      mounts?.map(({ options }) => options),
      [
        ["rbind", "rprivate"],
        ["rbind", "rslave", "ro"],
        ["bind", "private"],
      ],
    );
  });

  it("keeps the largest limit of a resource exactly", () => {
    const { process } = convert({
      Process: { Args: ["sh"], Rlimits: [{ Type: "RLIMIT_NOFILE", Hard: 2n ** 64n - 1n, Soft: 1n }] },
    });
    assert.deepEqual(process.rlimits, [{ type: "RLIMIT_NOFILE", hard: 18_446_744_073_709_551_615n, soft: 1n }]);
  });

  it("keeps seccomp's error number only where one was sent", () => {
    const rule = { Names: ["mkdir"], Action: "SCMP_ACT_ERRNO" };
    const { seccomp } = linux({
      Seccomp: { DefaultAction: "SCMP_ACT_ALLOW", Syscalls: [rule, { ...rule, errnoret: 0 }] },
    });
    assert.deepEqual(
      seccomp?.syscalls?.map((each) => each.errnoRet),
      [undefined, 0],
    );
  });

  for (const [what, more] of [
    ["no arguments", { Process: { Args: [] } }],
    ["a capability that is no word", { Process: { Args: ["sh"], Capabilities: { Bounding: ["CAP X"] } } }],
    ["an unknown limit", { Process: { Args: ["sh"], Rlimits: [{ Type: "NOFILE" }] } }],
    ["a relative mount point", { Mounts: [{ destination: "a" }] }],
    ["an unknown device type", { Linux: { Devices: [{ Path: "/dev/x", Type: "q" }] } }],
    ["a seccomp action that is no word", { Linux: { Seccomp: { DefaultAction: "allow" } } }],
  ] as const) {
    it(`is refused for ${what}`, () => {
      assert.throws(() => convert(more), InvalidRequest);
    });
  }
});

describe("an exec's process", () => {
  const container = convert({
    Process: { Args: ["sh"], NoNewPrivileges: true, OOMScoreAdj: 5n, Capabilities: { Bounding: ["kill"] } },
  }).process;

  it("takes from its container what hosts do not send", () => {
    const exec = convertExecProcess(Process.create({ Args: ["id"], User: { UID: 7, GID: 8 } }), container);
    assert.deepEqual(exec.capabilities?.bounding, ["CAP_KILL"]);
    assert.deepEqual([exec.noNewPrivileges, exec.oomScoreAdj, exec.user.uid, exec.cwd], [true, 5, 7, "/"]);
  });

  it("needs capabilities from one of both", () => {
    const { capabilities: _, ...bare } = container;
    assert.throws(() => convertExecProcess(Process.create({ Args: ["id"] }), bare), /missing process capabilities/);
  });
});

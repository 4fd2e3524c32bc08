// The lab's configurations for three generations of containerd, read back by a TOML parser that is
// not ours.
import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { configVersion, renderContainerdConfig } from "../../lab/containerd-config.ts";

const handlers = [
  { name: "runc", runtimeType: "io.containerd.runc.v2", binaryName: "/usr/sbin/runc" },
  {
    name: "ours",
    runtimeType: "io.containerd.kata-cvm.v2",
    runtimePath: "/shim",
    configText: "x = 1",
    hasConfigPath: true,
  },
  { name: "named", runtimeType: "io.containerd.named.v2", configText: "x = 1" },
  { name: "alone", runtimeType: "io.containerd.named.v2", sandboxer: "shim" as const },
];

function runtimes(version: string): unknown {
  const text = renderContainerdConfig({
    version,
    folder: "/lab",
    pauseImage: "pause:lab",
    snapshotter: "overlayfs",
    handlers,
  });
  const { plugins } = parse(text) as { plugins: Record<string, { containerd?: { runtimes: unknown } }> };
  const plugin = configVersion(version) === 2 ? "io.containerd.grpc.v1.cri" : "io.containerd.cri.v1.runtime";
  return JSON.parse(JSON.stringify(plugins[plugin]?.containerd?.runtimes));
}

describe("The lab's containerd configuration", () => {
  it("is of the version that each containerd reads natively", () => {
    const versions = ["1.6.20~ds1", "1.7.24", "2.0.5", "2.2.1", "2.3.0", "2.4.2"].map(configVersion);
    assert.deepEqual(versions, [2, 2, 3, 3, 4, 4]);
  });

  for (const version of ["1.6.20", "2.1.0", "2.4.2"]) {
    it(`registers every handler with containerd ${version}`, () => {
      assert.deepEqual(runtimes(version), {
        runc: {
          runtime_type: "io.containerd.runc.v2",
          options: { BinaryName: "/usr/sbin/runc", SystemdCgroup: false },
        },
        ours: {
          runtime_type: "io.containerd.kata-cvm.v2",
          runtime_path: "/shim",
          privileged_without_host_devices: true,
          pod_annotations: ["io.katacontainers.*"],
          options: { ConfigPath: "/lab/config/ours.toml" },
        },
        named: {
          runtime_type: "io.containerd.named.v2",
          privileged_without_host_devices: true,
          pod_annotations: ["io.katacontainers.*"],
        },
        // 1.x knows no sandboxers
        alone: {
          runtime_type: "io.containerd.named.v2",
          ...(configVersion(version) === 2 ? {} : { sandboxer: "shim" }),
        },
      });
    });
  }

  it("gives a shim's delete more time where it is told so", () => {
    const input = { version: "1.7.24", folder: "/lab", pauseImage: "pause:lab", snapshotter: "overlayfs", handlers };
    const timeouts = (text: string) => (parse(text) as { timeouts?: Record<string, string> }).timeouts;
    assert.equal(timeouts(renderContainerdConfig(input)), undefined);
    const patient = renderContainerdConfig({ ...input, cleanupSeconds: 20 });
    assert.equal(timeouts(patient)?.["io.containerd.timeout.shim.cleanup"], "20s");
  });
});

// `-info`: what containerd 2.0 and newer asks of each handler when it starts. Only what the guest
// really has may stand here: the kubelet acts on it (shim-contract §1.9).

import { runtimeName, runtimeVersion } from "../lib/version.ts";
import { RuntimeInfo } from "../wire/gen/containerd/introspection.ts";

const featuresType = "types.containerd.io/opencontainers/runtime-spec/1/features/Features";

/** OCI runtime features (features.md of the runtime specification) of a container in our guest. */
const features = {
  ociVersionMin: "1.0.0",
  ociVersionMax: "1.2.0",
  hooks: [],
  mountOptions: ["async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "noatime", "nodev"],
  linux: {
    namespaces: ["ipc", "mount", "network", "pid", "uts"],
    cgroup: { v1: false, v2: true, systemd: false, systemdUser: false },
    seccomp: { enabled: true },
    apparmor: { enabled: false },
    selinux: { enabled: false },
  },
};

/** containerd.types.RuntimeInfo. */
export function renderRuntimeInfo(): Uint8Array {
  return RuntimeInfo.encode({
    name: runtimeName,
    version: { version: runtimeVersion },
    features: { type_url: featuresType, value: Buffer.from(JSON.stringify(features)) },
  });
}

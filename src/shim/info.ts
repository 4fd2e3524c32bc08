// `-info`: what containerd 2.0 and newer asks of each handler when it starts. Only what the guest
// really has may stand here: the kubelet acts on it (shim-contract §1.9).

import { runtimeName, runtimeVersion } from "../lib/version.ts";
import { RuntimeInfo } from "../wire/gen/containerd/introspection.ts";

const featuresType = "types.containerd.io/opencontainers/runtime-spec/1/features/Features";

/** Of the guest's crun (`crun features`, 1.21), but for propagation: nothing of the host's can propagate. */
const mountOptions: readonly string[] = [
  ...["async", "atime", "bind", "copy-symlink", "defaults", "dev", "diratime", "dirsync", "exec", "idmap", "mand"],
  ...["noatime", "nodev", "nodiratime", "noexec", "nomand", "norelatime", "nostrictatime", "nosuid", "private"],
  ...["ratime", "rbind", "rdev", "rdirsync", "relatime", "remount", "rexec", "rnoatime", "rnodev", "rnodiratime"],
  ...["rnoexec", "rnorelatime", "rnostrictatime", "rnosuid", "ro", "rprivate", "rrelatime", "rro", "rrw"],
  ...["rstrictatime", "rsuid", "rw", "strictatime", "suid", "sync", "tmpcopyup", "unbindable"],
];

/** OCI runtime features (features.md and features-linux.md of the runtime specification) of a container in our guest. */
const features = {
  ociVersionMin: "1.0.0",
  ociVersionMax: "1.2.0",
  hooks: [],
  mountOptions,
};
const linux = {
  namespaces: ["cgroup", "ipc", "mount", "network", "pid", "user", "uts"],
  cgroup: { v1: false, v2: true, systemd: false, systemdUser: false },
  seccomp: { enabled: true },
  apparmor: { enabled: false },
  selinux: { enabled: false },
};

/** the handler's options, that containerd writes to our stdin */
export const maxOptionsBytes = 1024 * 1024;

/**
 * containerd.types.RuntimeInfo. For a handler with options the CRI plugin (containerd 2.0.3 to 2.4) cannot start
 * a container in a user namespace: it reads them as runc's. The kubelet learns of it by the missing idmap.
 */
export function renderRuntimeInfo({ hasOptions }: { readonly hasOptions: boolean }): Uint8Array {
  const all = { ...features, linux: { ...linux, mountExtensions: { idmap: { enabled: !hasOptions } } } };
  return RuntimeInfo.encode({
    name: runtimeName,
    version: { version: runtimeVersion },
    features: { type_url: featuresType, value: Buffer.from(JSON.stringify(all)) },
  });
}

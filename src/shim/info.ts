// `-info`: what containerd 2.0 and newer asks of each handler when it starts. Only what the guest
// really has may stand here: the kubelet acts on it (shim-contract §1.9).

import { errorText, InvalidRequest } from "../lib/errors.ts";
import { runtimeName, runtimeVersion } from "../lib/version.ts";
import { RuntimeInfo } from "../wire/gen/containerd/introspection.ts";
import { Any } from "../wire/gen/google/protobuf/any.ts";

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

/** the options that containerd writes to our stdin */
export const maxOptionsBytes = 1024 * 1024;

/**
 * containerd.types.RuntimeInfo. For a handler with options of its own the CRI plugin (containerd 2.0.3 to 2.4)
 * cannot start a container in a user namespace: it takes them for runc's. The kubelet learns of it by the missing
 * idmap. Asked again for such a container, containerd sends runc's options itself.
 */
export function renderRuntimeInfo(stdin: Uint8Array): Uint8Array {
  const idmap = { enabled: !isOwnOptions(stdin) };
  const all = { ...features, linux: { ...linux, mountExtensions: { idmap } } };
  return RuntimeInfo.encode({
    name: runtimeName,
    version: { version: runtimeVersion },
    features: { type_url: featuresType, value: Buffer.from(JSON.stringify(all)) },
  });
}

function isOwnOptions(stdin: Uint8Array): boolean {
  try {
    return /(^|\/)runtimeoptions\.v1\.Options$/.test(Any.decode(stdin).type_url);
  } catch (error) {
    throw new InvalidRequest("stdin", `is no ${Any.typeName}: ${errorText(error)}`, { cause: error });
  }
}

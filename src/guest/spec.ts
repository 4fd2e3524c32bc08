// The agent protocol's Spec -> the config.json that the guest's runtime gets. Built field by field from
// what we understand: annotations, hooks, labels and cgroup paths of an untrusted host go no further,
// and what cgroup v2 or a shared namespace would make the runtime refuse is left out or done elsewhere.
import { InvalidRequest } from "../lib/errors.ts";
import type * as Oci from "../oci/types.ts";
import * as Wire from "../wire/gen/kata/oci.ts";
import { convertResources } from "./spec-resources.ts";
import { convertSeccomp } from "./spec-seccomp.ts";

export interface NamespacePaths {
  /** sandbox-wide namespaces; undefined before CreateSandbox; `user` when the container asked for one */
  readonly shared: { readonly ipc: string; readonly uts: string; readonly user?: string } | undefined;
  /** pid namespace to join; undefined for one of its own */
  readonly pid: string | undefined;
}

export interface ConvertOptions {
  readonly namespaces: NamespacePaths;
  readonly cgroupsPath: string;
  /** the mounted root file system */
  readonly rootfs: string;
  /** checks a bind mount's guest path, and gives the name for the runtime to bind */
  readonly resolveSource: (source: string) => string;
}

/** Throws InvalidRequest naming the field. */
export function convertSpec(spec: Wire.Spec, options: ConvertOptions): Oci.ContainerSpec {
  const { Process: process, Root: root, Linux: linux } = spec;
  if (process === undefined) throw new InvalidRequest("OCI.Process", "EINVAL: is missing");
  if (root === undefined) throw new InvalidRequest("OCI.Root", "EINVAL: is missing");
  return {
    ociVersion: "1.0.2",
    process: convertProcess(process),
    root: { path: options.rootfs, readonly: root.Readonly },
    ...(spec.Hostname === "" ? {} : { hostname: spec.Hostname }),
    mounts: spec.Mounts.map((mount) => convertMount(mount, options)),
    linux: convertLinux(linux, options),
  };
}

export function convertProcess(process: Wire.Process): Oci.Process {
  if (process.Args.length === 0) throw new InvalidRequest("Process.Args", "EINVAL: is empty");
  const capabilities = process.Capabilities && convertCapabilities(process.Capabilities);
  return {
    terminal: process.Terminal,
    ...convertConsoleSize(process),
    user: convertUser(process.User),
    args: process.Args,
    env: process.Env,
    cwd: process.Cwd === "" ? "/" : process.Cwd,
    ...(capabilities === undefined ? {} : { capabilities }),
    rlimits: process.Rlimits.map(convertRlimit),
    noNewPrivileges: process.NoNewPrivileges,
    oomScoreAdj: Number(process.OOMScoreAdj),
  };
}

function convertConsoleSize(process: Wire.Process): Pick<Oci.Process, "consoleSize"> {
  const { Terminal: terminal, ConsoleSize: size } = process;
  return terminal && size !== undefined ? { consoleSize: { height: size.Height, width: size.Width } } : {};
}

function convertUser(user: Wire.User | undefined): Oci.User {
  return { uid: user?.UID ?? 0, gid: user?.GID ?? 0, additionalGids: user?.AdditionalGids ?? [] };
}

/** What an exec does not say it takes from its container: hosts send no more than user, args, env and cwd. */
export function convertExecProcess(process: Wire.Process, container: Oci.Process): Oci.Process {
  const own = convertProcess(process);
  const capabilities = own.capabilities ?? container.capabilities;
  if (capabilities === undefined) throw new InvalidRequest("process.Capabilities", "missing process capabilities");
  return {
    ...own,
    capabilities,
    rlimits: own.rlimits?.length === 0 ? (container.rlimits ?? []) : (own.rlimits ?? []),
    noNewPrivileges: own.noNewPrivileges === true || container.noNewPrivileges === true,
    oomScoreAdj: own.oomScoreAdj === 0 ? (container.oomScoreAdj ?? 0) : (own.oomScoreAdj ?? 0),
  };
}

function convertCapabilities(sets: Wire.LinuxCapabilities): Oci.Capabilities {
  const names = (field: string, list: readonly string[]) =>
    list.map((name) => {
      const full = name.toUpperCase().startsWith("CAP_") ? name.toUpperCase() : `CAP_${name.toUpperCase()}`;
      if (!/^CAP_[A-Z_]{2,32}$/.test(full))
        throw new InvalidRequest(`Capabilities.${field}`, `unknown ${name.slice(0, 40)}`);
      return full;
    });
  return {
    bounding: names("Bounding", sets.Bounding),
    effective: names("Effective", sets.Effective),
    inheritable: names("Inheritable", sets.Inheritable),
    permitted: names("Permitted", sets.Permitted),
    ambient: names("Ambient", sets.Ambient),
  };
}

function convertRlimit(limit: Wire.POSIXRlimit): Oci.Rlimit {
  if (!/^RLIMIT_[A-Z]+$/.test(limit.Type))
    throw new InvalidRequest("Rlimits.Type", `unknown ${limit.Type.slice(0, 40)}`);
  return { type: limit.Type, hard: limit.Hard, soft: limit.Soft };
}

/** An overlay takes directories of the guest for its parts, others a disk or what the host shares: storages are checked. */
const withoutSource =
  /^(binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|hugetlbfs|mqueue|proc|pstore|ramfs|securityfs|sysfs|tmpfs|tracefs)$/;

function convertMount(mount: Wire.Mount, options: ConvertOptions): Oci.Mount {
  if (!mount.destination.startsWith("/")) {
    throw new InvalidRequest("Mounts.destination", `${JSON.stringify(mount.destination)} is not absolute`);
  }
  if (mount.type === "sysfs" && options.namespaces.shared?.user !== undefined) return guestSysfs(mount);
  const isBind = mount.type === "bind" || mount.options.some((option) => option === "bind" || option === "rbind");
  if (!isBind && !withoutSource.test(mount.type)) {
    throw new InvalidRequest("Mounts.type", `${JSON.stringify(mount.type.slice(0, 32))} is mounted as a storage only`);
  }
  return {
    destination: mount.destination,
    type: isBind ? "bind" : mount.type,
    source: isBind ? options.resolveSource(mount.source) : mount.source,
    options: isBind ? withPropagation(mount.options) : mount.options,
  };
}

/** crun takes mapped binds from the guest's namespace, whose mounts are shared: what is mounted below would reach it. */
function withPropagation(options: readonly string[]): readonly string[] {
  return options.some((option) => /^r?(private|slave|shared|unbindable)$/.test(option))
    ? options
    : [...options, "rprivate"];
}

/** A new sysfs shows a network namespace, which here is the guest's and not the user namespace's: EPERM. */
function guestSysfs({ destination, options }: Wire.Mount): Oci.Mount {
  const isReadonly = options.includes("ro");
  const kept = options.filter((option) => option !== "ro" && option !== "rw");
  return {
    destination,
    type: "bind",
    source: "/sys",
    options: ["rbind", "rprivate", ...kept, ...(isReadonly ? ["rro"] : [])],
  };
}

function convertLinux(given: Wire.Linux | undefined, options: ConvertOptions): Oci.Linux {
  const linux = given ?? Wire.Linux.create({});
  const seccomp = linux.Seccomp && convertSeccomp(linux.Seccomp);
  const devices = linux.Devices.map(convertDevice);
  return {
    uidMappings: linux.UIDMappings.map(convertIdMapping),
    gidMappings: linux.GIDMappings.map(convertIdMapping),
    resources: convertResources(linux.Resources, devices),
    cgroupsPath: options.cgroupsPath,
    namespaces: convertNamespaces(linux.Namespaces, options.namespaces),
    devices,
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(linux.RootfsPropagation === "" ? {} : { rootfsPropagation: linux.RootfsPropagation }),
    maskedPaths: linux.MaskedPaths,
    readonlyPaths: linux.ReadonlyPaths,
  };
}

/** Shared ipc, uts and user, own mount and cgroup, pid as asked, never network (agent-protocol §4.2). */
function convertNamespaces(asked: readonly Wire.LinuxNamespace[], paths: NamespacePaths): Oci.Namespace[] {
  const types = new Set(asked.map((namespace) => namespace.Type));
  const joined = (type: "ipc" | "uts" | "pid" | "user", path: string | undefined): Oci.Namespace =>
    path === undefined ? { type } : { type, path };
  return [
    { type: "mount" },
    { type: "cgroup" },
    joined("pid", paths.pid),
    ...(types.has("ipc") ? [joined("ipc", paths.shared?.ipc)] : []),
    ...(types.has("uts") ? [joined("uts", paths.shared?.uts)] : []),
    ...(types.has("user") ? [joined("user", paths.shared?.user)] : []),
  ];
}

function convertDevice(device: Wire.LinuxDevice): Oci.Device {
  if (!/^[cbup]$/.test(device.Type)) throw new InvalidRequest("Devices.Type", `unknown ${device.Type.slice(0, 8)}`);
  if (!device.Path.startsWith("/")) throw new InvalidRequest("Devices.Path", "is not absolute");
  return {
    type: device.Type,
    path: device.Path,
    major: Number(device.Major),
    minor: Number(device.Minor),
    ...(device.FileMode === 0 ? {} : { fileMode: device.FileMode & 0o7777 }),
    uid: device.UID,
    gid: device.GID,
  };
}

export function convertIdMapping(mapping: Wire.LinuxIDMapping): Oci.IdMapping {
  return { containerID: mapping.ContainerID, hostID: mapping.HostID, size: mapping.Size };
}

// A pod of containerd's Sandbox API: there is no pause container and no spec, only CRI's
// PodSandboxConfig. It becomes the spec that the pause container would have had, as far as a VM is
// concerned, and each container gets what it would have shared with that one (shim-contract §3, §5.2).
import { basename, join } from "node:path";
import { Unsupported } from "../lib/errors.ts";
import { criSandboxCpuPeriod, criSandboxCpuQuota, criSandboxMemory } from "../oci/cri-annotations.ts";
import type { ContainerSpec, Mount, Namespace, NamespaceType, SandboxSpec } from "../oci/types.ts";
import { type DNSConfig, NamespaceMode, type PodSandboxConfig } from "../wire/gen/cri/pod_sandbox.ts";

export interface SandboxInput {
  readonly sandboxId: string;
  /** containerd's directory for the sandbox, where the files that all containers share are put */
  readonly bundle: string;
  readonly netnsPath: string;
  readonly config: PodSandboxConfig;
}

/** A file of the sandbox's bundle that containers find below /etc. */
export interface SandboxFile {
  readonly name: "hostname" | "hosts" | "resolv.conf";
  /** null: as the host has it */
  readonly content: string | null;
}

/** What containerd's own sandboxes get unless its configuration says otherwise. */
const defaultSysctls = {
  "net.ipv4.ip_unprivileged_port_start": "0",
  "net.ipv4.ping_group_range": "0 2147483647",
};

export function sandboxSpec({ sandboxId, bundle, netnsPath, config }: SandboxInput): SandboxSpec {
  const cgroupParent = config.linux?.cgroup_parent ?? "";
  return {
    ociVersion: "1.2.0",
    hostname: config.hostname,
    annotations: { ...withoutCri(config.annotations), ...sizing(config) },
    mounts: sandboxFiles(config).map(({ name }) => etcMount(bundle, name)),
    linux: {
      namespaces: namespaces(config, netnsPath),
      sysctl: { ...defaultSysctls, ...config.linux?.sysctls },
      ...(cgroupParent === "" ? {} : { cgroupsPath: cgroupsPath(cgroupParent, sandboxId) }),
    },
  };
}

export function sandboxFiles(config: PodSandboxConfig): readonly SandboxFile[] {
  const { hostname, dns_config: dns } = config;
  return [
    { name: "hostname", content: hostname === "" ? null : `${hostname}\n` },
    { name: "hosts", content: null },
    { name: "resolv.conf", content: dns === undefined ? null : renderResolvConf(dns) },
  ];
}

/** True when the containers are to see one another's processes: the guest must then hold a namespace for them. */
export function sharesPids(config: PodSandboxConfig): boolean {
  return namespaceMode(config, "pid") === NamespaceMode.POD;
}

/** Files and sysctls of the sandbox are the container's, too, unless it has its own. */
export function joinSandbox(spec: ContainerSpec, sandbox: SandboxSpec): ContainerSpec {
  const own = spec.mounts ?? [];
  const access = spec.root.readonly === true ? "ro" : "rw";
  const shared = (sandbox.mounts ?? [])
    .filter(({ destination }) => !own.some((mount) => mount.destination === destination))
    .map((mount) => ({ ...mount, options: [...(mount.options ?? []), access] }));
  return {
    ...spec,
    mounts: [...own.map(shareMemory), ...shared],
    linux: { ...spec.linux, sysctl: { ...sandbox.linux.sysctl, ...spec.linux.sysctl } },
  };
}

/** Without a sandbox on the host, containerd gives each container a /dev/shm of its own. */
function shareMemory(mount: Mount): Mount {
  if (mount.destination !== "/dev/shm" || mount.type !== "tmpfs") return mount;
  return { destination: mount.destination, type: "bind", source: "/dev/shm", options: ["rbind"] };
}

function etcMount(bundle: string, name: SandboxFile["name"]): Mount {
  return { destination: `/etc/${name}`, type: "bind", source: join(bundle, name), options: ["rbind", "rprivate"] };
}

/** A missing entry means the host's own, as in a spec. */
function namespaces(config: PodSandboxConfig, netnsPath: string): readonly Namespace[] {
  const userns = config.linux?.security_context?.namespace_options?.userns_options;
  if (userns !== undefined && userns.mode === NamespaceMode.POD) {
    throw new Unsupported("a user namespace of the pod", 'this handler has sandboxer = "shim"; use one without');
  }
  const entries: Namespace[] = [{ type: "mount" }, { type: "uts" }];
  const isOwn = (type: "network" | "pid" | "ipc") => namespaceMode(config, type) !== NamespaceMode.NODE;
  for (const type of ["pid", "ipc"] satisfies NamespaceType[]) if (isOwn(type)) entries.push({ type });
  if (isOwn("network")) entries.push({ type: "network", path: netnsPath });
  return entries;
}

function namespaceMode(config: PodSandboxConfig, type: "network" | "pid" | "ipc"): NamespaceMode {
  return config.linux?.security_context?.namespace_options?.[type] ?? NamespaceMode.POD;
}

/** CRI's own names are facts of containerd, which a pod cannot set for itself. */
function withoutCri(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !key.startsWith("io.kubernetes.cri.")));
}

/** The sum of the containers' limits, under the names by which a spec carries it. */
function sizing(config: PodSandboxConfig): Readonly<Record<string, string>> {
  const resources = config.linux?.resources;
  if (resources === undefined) return {};
  return {
    [criSandboxCpuPeriod]: String(resources.cpu_period),
    [criSandboxCpuQuota]: String(resources.cpu_quota),
    [criSandboxMemory]: String(resources.memory_limit_in_bytes),
  };
}

/** As containerd names cgroups: below a systemd slice, else below a plain directory. */
function cgroupsPath(parent: string, id: string): string {
  const name = basename(parent);
  return name.endsWith(".slice") ? `${name}:cri-containerd:${id}` : join(parent, id);
}

/** resolv.conf(5). */
function renderResolvConf({ servers, searches, options }: DNSConfig): string {
  const lines = servers.map((server) => `nameserver ${server}`);
  if (searches.length > 0) lines.unshift(`search ${searches.join(" ")}`);
  if (options.length > 0) lines.push(`options ${options.join(" ")}`);
  return lines.map((line) => `${line}\n`).join("");
}

// A host's OCI spec -> the spec the guest shall run. What names things of the host (namespace
// paths, hooks, security labels, device rules, NUMA nodes) is taken out; the rest goes as it came.
import { Unsupported } from "../lib/errors.ts";
import type { ContainerSpec, Device, Linux, Mount, Namespace, Resources, Spec } from "../oci/types.ts";
import { guestRootfs } from "./guest-paths.ts";

/** What the guest's agent can do beyond the common protocol; asked by GetGuestDetails. */
export interface GuestFeatures {
  readonly seccomp: boolean;
  /** dm-verity parameters in a layer's storage options, and pids limits */
  readonly verityLayers: boolean;
  /** a user namespace for the pod, and layers mapped into it */
  readonly userNamespaces: boolean;
}

export interface SpecContext {
  readonly containerId: string;
  readonly bundle: string;
  readonly role: "sandbox" | "container" | "single";
  readonly mounts: readonly Mount[];
  readonly guest: GuestFeatures;
  /** network namespace path of the pod; only the sandbox carries it (CoCo policies look for it) */
  readonly netns?: string;
}

const containerTypes = { sandbox: "pod_sandbox", container: "pod_container", single: "single_container" } as const;

/** True when the container joins the pod's process namespace: its pid namespace has a path. */
export function joinsSandboxPids(spec: Spec): boolean {
  return (spec.linux?.namespaces ?? []).some((namespace) => namespace.type === "pid" && (namespace.path ?? "") !== "");
}

export function translateSpec(spec: ContainerSpec, context: SpecContext): ContainerSpec {
  const { hooks: _hooks, ...rest } = spec;
  const { apparmorProfile: _apparmor, selinuxLabel: _selinux, ...process } = spec.process;
  return {
    ...rest,
    process,
    root: { ...spec.root, path: guestRootfs(context.containerId) },
    mounts: context.mounts,
    annotations: translateAnnotations(spec, context),
    linux: translateLinux(spec.linux, context),
  };
}

/** Initdata and policy are the host's business with the guest's firmware, not the container's. */
function translateAnnotations(spec: ContainerSpec, context: SpecContext): Readonly<Record<string, string>> {
  const dropped = new Set([
    "io.katacontainers.config.hypervisor.cc_init_data",
    "io.katacontainers.config.agent.policy",
  ]);
  const kept = Object.entries(spec.annotations ?? {}).filter(([key]) => !dropped.has(key));
  return {
    ...Object.fromEntries(kept),
    "io.katacontainers.pkg.oci.container_type": containerTypes[context.role],
    "io.katacontainers.pkg.oci.bundle_path": context.bundle,
    ...(context.role === "container" || context.netns === undefined
      ? {}
      : { "nerdctl/network-namespace": context.netns }),
  };
}

function translateLinux(linux: Linux, context: SpecContext): Linux {
  const { seccomp, mountLabel: _label, namespaces, resources, devices, ...rest } = linux;
  return {
    ...rest,
    ...(devices === undefined ? {} : { devices: translateDevices(devices, resources) }),
    namespaces: (namespaces ?? []).filter(keepsNamespace).map(({ type }) => ({ type })),
    ...(resources === undefined ? {} : { resources: translateResources(resources, context.guest) }),
    ...(seccomp === undefined || !context.guest.seccomp ? {} : { seccomp }),
  };
}

/**
 * A character device's numbers mean the same driver everywhere; a disk's are given as disks come, and in the guest they
 * are those of another: a layer, or another container's volume.
 */
function translateDevices(devices: readonly Device[], resources: Resources | undefined): readonly Device[] {
  const disk = devices.find(({ type }) => type === "b");
  if (disk === undefined) return devices;
  // clients that give a privileged container all of the host's devices allow it all devices, and mean none of them
  if (resources?.devices?.some(({ allow, type = "a" }) => allow && type === "a") === true)
    return devices.filter(({ type }) => type !== "b");
  throw new Unsupported(
    `linux.devices: the host's block device ${disk.path}`,
    "a virtual machine sees no disk of the host by its numbers; a direct volume reaches the guest as a disk",
  );
}

/** The agent adds the pid namespace itself, and the guest has one network for all of a pod. */
function keepsNamespace(namespace: Namespace): boolean {
  return !["pid", "network", "cgroup", "time"].includes(namespace.type);
}

function translateResources(resources: Resources, guest: GuestFeatures): Resources {
  const { devices: _devices, pids, cpu, ...rest } = resources;
  const { cpus: _cpus, mems: _mems, ...shares } = cpu ?? {};
  return {
    ...rest,
    ...(cpu === undefined ? {} : { cpu: shares }),
    ...(pids === undefined || !guest.verityLayers ? {} : { pids }),
  };
}

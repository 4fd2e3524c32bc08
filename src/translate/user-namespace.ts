// A container with a user namespace: what is asked of the guest, in words of the agent protocol. Host ids
// become ids of the guest, where nobody else has them either. Pod-wide sharing is the agent's.
import { InvalidRequest, Unsupported } from "../lib/errors.ts";
import type { ContainerSpec, IdMapping, Linux, Mount } from "../oci/types.ts";
import type { GuestFeatures } from "./spec.ts";
import type { GuestLayer } from "./storages.ts";

/** UID_GID_MAP_MAX_EXTENTS of the kernel (user_namespaces(7)) */
const mappingsMax = 340;

/** ids are 32 bits wide, and the last one means "none" (user_namespaces(7)) */
const idLimit = 2 ** 32 - 1;

function hasUserNamespace(spec: { readonly linux: Linux }): boolean {
  return (spec.linux.namespaces ?? []).some((namespace) => namespace.type === "user");
}

/** What no virtual machine can do is refused before one boots. */
export function refuseMappings(spec: { readonly linux: Linux }): void {
  const { uidMappings = [], gidMappings = [] } = spec.linux;
  if (hasUserNamespace(spec)) {
    requireMapping(uidMappings, "linux.uidMappings");
    requireMapping(gidMappings, "linux.gidMappings");
  } else if (uidMappings.length + gidMappings.length > 0) {
    throw new InvalidRequest("linux.uidMappings", "are given without a user namespace in linux.namespaces");
  }
}

/** The spec with mapped mounts as an option that the protocol can carry: mappings of their own it cannot. */
export function translateUserNamespace(
  spec: ContainerSpec,
  { guest, layers }: { readonly guest: GuestFeatures; readonly layers: readonly GuestLayer[] },
): ContainerSpec {
  refuseMappings(spec);
  if (hasUserNamespace(spec)) {
    if (!guest.userNamespaces)
      throw new Unsupported("linux.namespaces (user)", "the guest's agent makes none for a pod");
  } else if (layers.some((layer) => layer.isIdMapped === true)) {
    throw new InvalidRequest("rootfs[0].options (uidmap)", "needs a user namespace in linux.namespaces");
  }
  if (spec.mounts === undefined) return spec;
  return { ...spec, mounts: spec.mounts.map((mount, index) => translateMapped(mount, spec, `mounts[${index}]`)) };
}

function translateMapped(mount: Mount, { linux }: ContainerSpec, field: string): Mount {
  const { uidMappings = [], gidMappings = [], ...rest } = mount;
  if (uidMappings.length + gidMappings.length === 0) return mount;
  const where = `${field}.uidMappings (${mount.destination})`;
  if (mount.type !== "bind") throw new Unsupported(where, "only bind mounts can be mapped");
  const isSame =
    sameMappings(uidMappings, linux.uidMappings ?? []) && sameMappings(gidMappings, linux.gidMappings ?? []);
  if (!isSame)
    throw new Unsupported(where, "a volume is mapped as its container is, by linux.uidMappings, or not at all");
  const { options = [] } = rest;
  return options.includes("idmap") ? rest : { ...rest, options: [...options, "idmap"] };
}

function sameMappings(one: readonly IdMapping[], other: readonly IdMapping[]): boolean {
  return one.length === other.length && one.every((mapping, at) => isSame(mapping, other[at]));
}

function isSame(one: IdMapping, other: IdMapping | undefined): boolean {
  return one.containerID === other?.containerID && one.hostID === other.hostID && one.size === other.size;
}

function requireMapping(mappings: readonly IdMapping[], field: string): void {
  if (mappings.length === 0)
    throw new InvalidRequest(
      field,
      "a user namespace needs mappings; joining another's by path is not possible in a virtual machine",
    );
  if (mappings.length > mappingsMax) throw new InvalidRequest(field, `has more than ${mappingsMax} mappings`);
  for (const [index, mapping] of mappings.entries()) {
    const { containerID, hostID, size } = mapping;
    if (size === 0) throw new InvalidRequest(`${field}[${index}].size`, "is zero");
    if (Math.max(containerID, hostID) + size > idLimit) {
      throw new InvalidRequest(`${field}[${index}]`, `goes beyond the last id, ${idLimit - 1}`);
    }
    const clash = mappings.slice(0, index).findIndex((earlier) => overlap(earlier, mapping));
    if (clash >= 0) throw new InvalidRequest(`${field}[${index}]`, `overlaps ${field}[${clash}]`);
  }
  if (!mappings.some(({ containerID }) => containerID === 0)) {
    throw new InvalidRequest(field, "container id 0 is not mapped: nobody could set up the container");
  }
}

function overlap(one: IdMapping, other: IdMapping): boolean {
  const meets = (key: "containerID" | "hostID") =>
    one[key] < other[key] + other.size && other[key] < one[key] + one.size;
  return meets("containerID") || meets("hostID");
}

// Measures a container into the TPM before anything of it runs. Whatever makes up its root without dm-verity counts
// as "unverified", also what a host would mount over or into verified layers.
import {
  CONTAINER_EVENT,
  CONTAINER_PCR,
  digestContainerMeasurement,
  renderContainerMeasurement,
} from "../oci/container-measurement.ts";
import type { ContainerSpec } from "../oci/types.ts";
import type { Storage } from "../wire/gen/kata/agent.ts";
import { isLayer } from "./storage/layers.ts";
import { isVerityEnabled, parseVerityOptions } from "./storage/verity.ts";
import { extendAndLog } from "./userspace-measurement.ts";

export function measureContainer(storages: readonly Storage[], spec: ContainerSpec): void {
  const text = describeContainer(storages, spec);
  extendAndLog({
    pcr: CONTAINER_PCR,
    digest: digestContainerMeasurement(text),
    eventType: CONTAINER_EVENT,
    text,
  });
}

/** The text that is measured. */
export function describeContainer(storages: readonly Storage[], spec: ContainerSpec): string {
  const root = spec.root.path;
  const parts = storages.filter(({ mount_point: point }) => isAtOrBelow(point, root) || isAtOrBelow(root, point));
  return renderContainerMeasurement({
    layers: parts.length === 0 ? [UNVERIFIED] : parts.map(rootHashOf),
    process: spec.process,
    readonlyRoot: spec.root.readonly ?? false,
    mounts: (spec.mounts ?? []).map(({ destination }) => destination),
  });
}

const UNVERIFIED = "unverified";

function rootHashOf(storage: Storage): string {
  const isVerified = isLayer(storage) && isVerityEnabled(storage.options);
  return isVerified ? parseVerityOptions(storage.options).rootHash : UNVERIFIED;
}

function isAtOrBelow(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`);
}

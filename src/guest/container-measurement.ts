// Measures a container into the TPM before anything of it runs. Whatever makes up its root without dm-verity counts
// as "unverified", also what a host would mount over or into verified layers, or a part of them taken for the whole.
import {
  CONTAINER_EVENT,
  CONTAINER_PCR,
  digestContainerMeasurement,
  renderContainerMeasurement,
} from "../oci/container-measurement.ts";
import type { ContainerSpec } from "../oci/types.ts";
import type { Storage } from "../wire/gen/kata/agent.ts";
import { isBelow } from "./bind-sources.ts";
import { describeLayers, isLayer } from "./storage/layers.ts";
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
  const layers = [
    ...layersAt(spec.root.path, storages.filter(isLayer)),
    ...storages.filter((one) => !isLayer(one) && touches(one.mount_point, spec.root.path)).map(() => UNVERIFIED),
  ];
  return renderContainerMeasurement({
    layers: layers.length === 0 ? [UNVERIFIED] : layers,
    process: spec.process,
    readonlyRoot: spec.root.readonly ?? false,
    mounts: (spec.mounts ?? []).map(({ destination }) => destination),
    linux: spec.linux,
  });
}

const UNVERIFIED = "unverified";

/** In the order of the overlay: the request's own says less. */
function layersAt(root: string, group: readonly Storage[]): readonly string[] {
  if (group.length === 0) return [];
  const { target, lowers, hasMore } = describeLayers(group);
  if (!touches(target, root)) return [];
  return [
    ...(hasMore ? [UNVERIFIED] : []),
    ...lowers.map((layer) => (target === root ? rootHashOf(layer) : UNVERIFIED)),
  ];
}

function rootHashOf(layer: Storage): string {
  return isVerityEnabled(layer.options) ? parseVerityOptions(layer.options).rootHash : UNVERIFIED;
}

function touches(path: string, other: string): boolean {
  return isBelow(path, [other]) || isBelow(other, [path]);
}

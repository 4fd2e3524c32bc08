// The file in which a workload leaves the kubelet a message about its end (/dev/termination-log, unless the pod says
// otherwise). Where it is copied into the guest, what was written has to be asked for.
import type { ContainerSpec, Mount } from "../oci/types.ts";
import type { CopyIn } from "./mounts.ts";

/** Agents find the mount by it (agent-protocol §7.1); containerd passes it on only where it is told to. */
const pathAnnotation = "io.kubernetes.container.terminationMessagePath";
const defaultPath = "/dev/termination-log";
/** how the kubelet names the file on the host, wherever the container has it */
const kubeletFile = /\/pods\/[^/]+\/containers\/[^/]+\/[0-9a-f]{8}$/;

export interface TerminationLog {
  /** in the container */
  readonly path: string;
  readonly hostPath: string;
}

/** Undefined where the host sees what is written, or where the container may not write. */
export function copiedTerminationLog(spec: ContainerSpec, copies: readonly CopyIn[]): TerminationLog | undefined {
  const named = spec.annotations?.[pathAnnotation];
  const isMeant = ({ destination, source = "" }: Mount) =>
    named === undefined ? kubeletFile.test(source) || destination === defaultPath : destination === named;
  const { destination: path = "", source: hostPath, options = [] } = spec.mounts?.find(isMeant) ?? {};
  const copy = copies.find((one) => one.hostPath === hostPath);
  return copy === undefined || options.includes("ro") ? undefined : { path, hostPath: copy.hostPath };
}

export function nameTerminationLog(spec: ContainerSpec, { path }: TerminationLog): ContainerSpec {
  return { ...spec, annotations: { ...spec.annotations, [pathAnnotation]: path } };
}

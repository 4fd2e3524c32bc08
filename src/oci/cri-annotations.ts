// What containerd's CRI plugin and CRI-O say about a container in its annotations: whether it
// is the pod's sandbox, whose pod it joins, and the sum of the pod's limits.
import { InvalidRequest } from "../lib/errors.ts";
import { parseIdentifier } from "./identifiers.ts";

type Annotations = Readonly<Record<string, string>>;

export const criContainerType = "io.kubernetes.cri.container-type";
export const criSandboxId = "io.kubernetes.cri.sandbox-id";
export const criSandboxCpuPeriod = "io.kubernetes.cri.sandbox-cpu-period";
export const criSandboxCpuQuota = "io.kubernetes.cri.sandbox-cpu-quota";
export const criSandboxMemory = "io.kubernetes.cri.sandbox-memory";
const crioContainerType = "io.kubernetes.cri-o.ContainerType";
const crioSandboxId = "io.kubernetes.cri-o.SandboxID";

/** `single`: no orchestrator speaks (ctr, Docker); the container is a pod of its own. */
export interface SandboxRole {
  readonly role: "sandbox" | "container" | "single";
  readonly podId: string;
}

export function readSandboxRole(annotations: Annotations | undefined, containerId: string): SandboxRole {
  const type = annotations?.[criContainerType] ?? annotations?.[crioContainerType];
  if (type === undefined) return { role: "single", podId: containerId };
  if (type === "sandbox") return { role: "sandbox", podId: containerId };
  if (type !== "container") {
    throw new InvalidRequest(
      `annotations["${criContainerType}"]`,
      `must be sandbox or container, not ${JSON.stringify(type)}`,
    );
  }
  const podId = annotations?.[criSandboxId] ?? annotations?.[crioSandboxId];
  if (podId === undefined) throw new InvalidRequest(`annotations["${criSandboxId}"]`, "is missing");
  return { role: "container", podId: parseIdentifier(podId, `annotations["${criSandboxId}"]`) };
}

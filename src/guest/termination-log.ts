// What a workload left for the kubelet about its end: the tail of the file that the host copied in, as much as the
// kubelet takes.
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type * as Oci from "../oci/types.ts";
import { AgentFailure } from "./status.ts";

const MESSAGE_MAX = 4096;
const PATH_ANNOTATION = "io.kubernetes.container.terminationMessagePath";

export function readTerminationLog(container: {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: Oci.ContainerSpec;
}): string {
  const path = container.annotations[PATH_ANNOTATION];
  if (path === undefined) throw new AgentFailure("internal", "terminationMessagePath is not annotated");
  const source = container.spec.mounts?.find((mount) => mount.destination === path)?.source;
  if (source === undefined) throw new AgentFailure("internal", "termination message mount not found");
  const fd = openSync(source, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(fd);
    const tail = Buffer.alloc(MESSAGE_MAX);
    return tail.toString("utf8", 0, readSync(fd, tail, 0, MESSAGE_MAX, Math.max(0, size - MESSAGE_MAX)));
  } finally {
    closeSync(fd);
  }
}

// Where a pod's shim listens: the formula of containerd's own library (pkg/shim, SocketAddress),
// which its leak tests assume.
import { createHash } from "node:crypto";
import { join } from "node:path";

export const defaultSocketDir = "/run/containerd/s";

export interface SocketOwner {
  /** containerd's gRPC address, as given by -address */
  readonly address: string;
  readonly namespace: string;
  /** pod (sandbox) id */
  readonly podId: string;
}

export function socketPath(owner: SocketOwner, socketDir: string = defaultSocketDir): string {
  const name = createHash("sha256")
    .update(join(owner.address, owner.namespace, owner.podId))
    .digest("hex");
  return join(socketDir === "" ? defaultSocketDir : socketDir, name);
}

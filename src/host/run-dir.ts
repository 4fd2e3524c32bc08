// Where a pod keeps its run state. Short, because unix socket paths end at 107 bytes, and made by
// hashing, because ids are the caller's.
import { createHash } from "node:crypto";
import { join } from "node:path";

export const runRoot = "/run/kata-cvm";

export function podRunDir(namespace: string, podId: string, root: string = runRoot): string {
  const name = createHash("sha256").update(`${namespace}/${podId}`).digest("hex").slice(0, 16);
  return join(root, "pods", name);
}

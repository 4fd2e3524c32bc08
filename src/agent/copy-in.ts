// Puts a host file or tree at a guest path by CopyFile, the only way into a guest that shares nothing.
// One piece after the other: the agent collects a file's chunks beside its final name.
import { join } from "node:path";
import type { AgentRpc } from "./agent-client.ts";
import { readTree, type TreeLimits } from "./host-tree.ts";

/** What the reference host sends for missing parents. */
const parentMode = 0o40750;
const callLimit = { timeoutMs: 60_000 };

export async function copyIn(
  rpc: AgentRpc,
  copy: { hostPath: string; guestPath: string },
  limits?: TreeLimits,
): Promise<void> {
  for await (const piece of readTree(copy.hostPath, limits)) {
    await rpc.CopyFile(
      {
        path: join(copy.guestPath, piece.path),
        file_size: piece.sizeBytes,
        file_mode: piece.mode,
        dir_mode: parentMode,
        uid: piece.uid,
        gid: piece.gid,
        offset: piece.offset,
        data: piece.data,
      },
      callLimit,
    );
  }
}

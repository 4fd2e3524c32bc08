// One guest process's calls of the agent protocol. Reads and waits have no time limit: they end with
// the process, or with the connection.
import { ProtocolViolation } from "../lib/errors.ts";
import type { AgentRpc } from "./agent-client.ts";

/** What one read asks for; the agent allocates that much. */
export const largeReadBytes = 128 * 1024;
/** For an agent whose answers leave in packets of their own size: vhost-device-vsock 0.3 stalls at 32 KiB. */
export const smallReadBytes = 16 * 1024;
/** one WriteStdin frame; well below ttrpc's 4 MiB */
const writeBytes = 64 * 1024;
const callLimit = { timeoutMs: 30_000 };

export interface AgentProcess {
  readStdout(): Promise<Uint8Array>;
  readStderr(): Promise<Uint8Array>;
  writeStdin(bytes: Uint8Array): Promise<void>;
  closeStdin(): Promise<void>;
  wait(): Promise<number>;
  signal(signal: number): Promise<void>;
  resize(size: { rows: number; columns: number }): Promise<void>;
}

export interface ProcessTarget {
  readonly containerId: string;
  /** empty for the container's first process */
  readonly execId: string;
  readonly readBytes: number;
}

export function agentProcess(rpc: AgentRpc, target: ProcessTarget): AgentProcess {
  const { readBytes: len } = target;
  // the agent stores the first process under the container's own id
  const id = { container_id: target.containerId, exec_id: target.execId || target.containerId };
  return {
    readStdout: async () => (await rpc.ReadStdout({ ...id, len })).data,
    readStderr: async () => (await rpc.ReadStderr({ ...id, len })).data,
    writeStdin: (bytes) => writeAll(rpc, id, bytes),
    closeStdin: async () => void (await rpc.CloseStdin(id, callLimit)),
    wait: async () => (await rpc.WaitProcess(id)).status,
    signal: async (signal) => void (await rpc.SignalProcess({ ...id, signal }, callLimit)),
    resize: async ({ rows, columns }) =>
      void (await rpc.TtyWinResize({ ...id, row: rows, column: columns }, callLimit)),
  };
}

/** The agent may take less than it is given. */
async function writeAll(
  rpc: AgentRpc,
  id: { container_id: string; exec_id: string },
  bytes: Uint8Array,
): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    const { len } = await rpc.WriteStdin({ ...id, data: rest.subarray(0, writeBytes) });
    if (len === 0) throw new ProtocolViolation("agent", "WriteStdin took nothing of what it was given");
    rest = rest.subarray(len);
  }
}

// One guest process's calls of the agent protocol. Reads and waits have no time limit: they end with
// the process, or with the connection.
import { ProtocolViolation } from "../lib/errors.ts";
import type { AgentRpc } from "./agent-client.ts";

/** The agent allocates what is asked for. A larger answer stalls vhost-device-vsock 0.3 (measured: 32 KiB does). */
const readBytes = 16 * 1024;
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

export function agentProcess(rpc: AgentRpc, target: { containerId: string; execId: string }): AgentProcess {
  // the agent stores the first process under the container's own id
  const id = { container_id: target.containerId, exec_id: target.execId || target.containerId };
  return {
    readStdout: async () => (await rpc.ReadStdout({ ...id, len: readBytes })).data,
    readStderr: async () => (await rpc.ReadStderr({ ...id, len: readBytes })).data,
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

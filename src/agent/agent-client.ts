// The connection to the guest's agent: kata-agent's protocol over one stream for the pod's life.
import type { Duplex } from "node:stream";
import { AgentLost, errorText } from "../lib/errors.ts";
import { AgentService } from "../wire/gen/kata/agent.ts";
import { Health, HealthCheckResponse_ServingStatus } from "../wire/gen/kata/health.ts";
import { type ServiceClient, TtrpcClient } from "../wire/ttrpc/client.ts";

/** vsock port of the agent's API (agent-protocol §2.1). */
export const agentPort = 1024;

export type AgentRpc = ServiceClient<typeof AgentService>;

export interface AgentClient extends AsyncDisposable {
  readonly rpc: AgentRpc;
  /** release string of the agent */
  readonly version: string;
  /** resolves, never rejects, with the reason once the connection is gone */
  readonly lost: Promise<AgentLost>;
}

/** Takes the stream over; throws AgentLost when nobody that serves answers on it. */
export async function connectAgent(
  stream: Duplex,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<AgentClient> {
  const client = new TtrpcClient(stream, { peer: "guest agent" });
  const health = client.service(Health);
  try {
    const { status } = await health.Check({}, options);
    if (status !== HealthCheckResponse_ServingStatus.SERVING) {
      throw new AgentLost("connecting", `it is not serving (status ${status})`);
    }
    const { agent_version } = await health.Version({}, options);
    return {
      rpc: client.service(AgentService),
      version: agent_version,
      lost: client.closed.then((cause) => new AgentLost("the pod runs", errorText(cause), { cause })),
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

// A client of the fake agent, and what every test of src/agent begins with.
import { type AgentClient, connectAgent } from "../../../src/agent/agent-client.ts";
import { FakeAgent } from "../../fakes/fake-agent.ts";

export interface Connected extends AsyncDisposable {
  readonly agent: FakeAgent;
  readonly client: AgentClient;
}

export async function connected(): Promise<Connected> {
  const agent = await FakeAgent.listen();
  const client = await connectAgent(agent.dial(), { timeoutMs: 5000 });
  return {
    agent,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await agent[Symbol.asyncDispose]();
    },
  };
}

/** A spec that the agent takes. */
export const someSpec = { Version: "1.1.0", Process: { Args: ["true"], Cwd: "/" }, Root: { Path: "/rootfs" } };

/** An agent whose sandbox is `sb` and runs one container `sb`. */
export async function withSandbox(terminal = false): Promise<Connected> {
  const both = await connected();
  const { rpc } = both.client;
  await rpc.CreateSandbox({ sandbox_id: "sb" });
  const OCI = { ...someSpec, Process: { ...someSpec.Process, Terminal: terminal } };
  await rpc.CreateContainer({ container_id: "sb", OCI });
  await rpc.StartContainer({ container_id: "sb" });
  return both;
}

import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { connectAgent } from "../../../src/agent/agent-client.ts";
import { AgentLost, DeadlineExceeded, RemoteError } from "../../../src/lib/errors.ts";
import { FakeAgent } from "../../fakes/fake-agent.ts";
import { connected, someSpec } from "./connected.ts";

describe("the connection to the guest's agent", () => {
  it("is made once the agent says that it serves, and knows its version", async () => {
    await using both = await connected();
    assert.equal(both.client.version, "4.1.0-fake");
  });

  it("is not made to an agent that does not serve, and leaves no connection behind", async () => {
    await using agent = await FakeAgent.listen();
    agent.servingStatus = 2;
    const stream = agent.dial();
    await assert.rejects(connectAgent(stream, { timeoutMs: 5000 }), AgentLost);
    assert.ok(stream.destroyed);
  });

  it("is given up within its limit when nobody answers", async () => {
    const [near, far] = duplexPair();
    far.resume();
    await assert.rejects(connectAgent(near, { timeoutMs: 20 }), DeadlineExceeded);
    assert.ok(near.destroyed);
  });

  it("is given up at once when the boot is cancelled", async () => {
    const [near, far] = duplexPair();
    far.resume();
    const control = new AbortController();
    const connecting = connectAgent(near, { timeoutMs: 60_000, signal: control.signal });
    control.abort();
    await assert.rejects(connecting, /cancelled/);
  });

  it("tells its loss once the guest is gone, and ends the calls in flight", async () => {
    await using both = await connected();
    await both.client.rpc.CreateSandbox({ sandbox_id: "sb" });
    await both.client.rpc.CreateContainer({ container_id: "sb", OCI: someSpec });
    const waiting = both.client.rpc.WaitProcess({ container_id: "sb" });
    both.agent.die();
    await assert.rejects(waiting, /connection/);
    const lost = await both.client.lost;
    assert.ok(lost instanceof AgentLost);
    assert.match(lost.message, /lost the guest agent while the pod runs/);
  });

  it("passes on the agent's own codes and texts", async () => {
    await using both = await connected();
    await assert.rejects(both.client.rpc.StartContainer({ container_id: "nosuch" }), (error: RemoteError) => {
      assert.ok(error instanceof RemoteError);
      assert.deepEqual([error.status, error.remoteMessage], [13, "Invalid container id"]);
      return true;
    });
  });
});

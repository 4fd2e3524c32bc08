import assert from "node:assert/strict";
import { agentProcess } from "../../../src/agent/process-streams.ts";
import { ProtocolViolation, type RemoteError } from "../../../src/lib/errors.ts";
import { withSandbox } from "./connected.ts";

describe("the streams of a guest process", () => {
  it("carry the first process under the container's own id, and an exec under its own", async () => {
    await using both = await withSandbox();
    const { rpc } = both.client;
    await rpc.ExecProcess({ container_id: "sb", exec_id: "e1", process: { Args: ["ls"] } });
    both.agent.process("sb").stdout.write("first");
    both.agent.process("sb", "e1").stdout.write("second");
    const read = (execId: string) =>
      agentProcess(rpc, { containerId: "sb", execId, readBytes: 16 * 1024 }).readStdout();
    assert.equal(Buffer.from(await read("")).toString(), "first");
    assert.equal(Buffer.from(await read("e1")).toString(), "second");
  });

  it("wait for output without a limit, and end with an empty read", async () => {
    await using both = await withSandbox();
    const process = agentProcess(both.client.rpc, { containerId: "sb", execId: "", readBytes: 16 * 1024 });
    const reading = process.readStderr();
    setTimeout(() => both.agent.process("sb").stderr.write("late"), 20);
    assert.equal(Buffer.from(await reading).toString(), "late");
    both.agent.process("sb").end(3);
    assert.equal((await process.readStdout()).length, 0);
    assert.equal(await process.wait(), 3);
  });

  it("write all input although the agent takes it in parts", async () => {
    await using both = await withSandbox();
    both.agent.process("sb").takesAtMost = 7;
    const process = agentProcess(both.client.rpc, { containerId: "sb", execId: "", readBytes: 16 * 1024 });
    await process.writeStdin(Buffer.from("thirty bytes of input, all told"));
    assert.equal(both.agent.process("sb").input.toString(), "thirty bytes of input, all told");
    assert.equal(both.agent.calls.filter((call) => call === "WriteStdin").length, 5);
  });

  it("split input that is larger than one message", async () => {
    await using both = await withSandbox();
    const input = Buffer.alloc(5 * 1024 * 1024, "abc");
    await agentProcess(both.client.rpc, { containerId: "sb", execId: "", readBytes: 16 * 1024 }).writeStdin(input);
    assert.ok(both.agent.process("sb").input.equals(input));
  });

  it("send no empty input by accident: that would close it", async () => {
    await using both = await withSandbox();
    const process = agentProcess(both.client.rpc, { containerId: "sb", execId: "", readBytes: 16 * 1024 });
    await process.writeStdin(new Uint8Array());
    assert.equal(both.agent.process("sb").inputClosed, false);
    await process.closeStdin();
    assert.equal(both.agent.process("sb").inputClosed, true);
    await assert.rejects(process.writeStdin(Buffer.from("x")), /Cannot get writer/);
  });

  it("give up on an agent that takes nothing, instead of asking for ever", async () => {
    await using both = await withSandbox();
    both.agent.process("sb").takesAtMost = 0;
    const process = agentProcess(both.client.rpc, { containerId: "sb", execId: "", readBytes: 16 * 1024 });
    await assert.rejects(process.writeStdin(Buffer.from("x")), ProtocolViolation);
  });

  it("resize a terminal and signal one process", async () => {
    await using both = await withSandbox(true);
    const process = agentProcess(both.client.rpc, { containerId: "sb", execId: "", readBytes: 16 * 1024 });
    await process.resize({ rows: 25, columns: 80 });
    await process.signal(15);
    assert.deepEqual(both.agent.process("sb").sizes, ["25x80"]);
    assert.deepEqual(both.agent.process("sb").signals, [15]);
  });

  it("say what the agent says of a process that it does not know", async () => {
    await using both = await withSandbox();
    const process = agentProcess(both.client.rpc, { containerId: "sb", execId: "nosuch", readBytes: 16 * 1024 });
    await assert.rejects(process.readStdout(), (error: RemoteError) => error.status === 5);
    await assert.rejects(process.signal(9), /InvalidExecId/);
  });
});

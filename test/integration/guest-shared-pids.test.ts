// A pod without a pause container whose containers see one another's processes: the guest holds the
// namespace itself, so that no container's end is the end of the others.
import assert from "node:assert/strict";
import { AgentUnderTest, needTools } from "./guest-agent-harness.ts";

describe("a process namespace that the guest holds", function () {
  this.timeout(60_000);
  let t: AgentUnderTest;

  before(async function () {
    needTools(this);
    t = await AgentUnderTest.start();
    await t.agent.CreateSandbox({ sandbox_id: "pod", hostname: "pod", sandbox_pidns: true });
    for (const id of ["one", "two"]) await t.run(id, ["sleep", `10${id.length}`], { sandboxPidns: true });
  });
  after(async () => {
    if (t !== undefined) await t[Symbol.asyncDispose]();
  });

  const look = async (id: string, script: string) => (await t.exec(id, "look", ["sh", "-c", script])).output;

  it("shows each container's processes to the other, and its first process is neither's", async () => {
    const seen = await look("one", "ps -o pid,args");
    assert.equal(seen.match(/sleep 103/g)?.length, 2);
    assert.match(seen, /^\s*1 sleep infinity$/m);
  });

  it("outlives the container that came first, and takes a new one in", async () => {
    await t.agent.SignalProcess({ container_id: "one", signal: 9 });
    await t.agent.WaitProcess({ container_id: "one" });
    await t.agent.RemoveContainer({ container_id: "one" });
    assert.equal((await look("two", "ps -o args")).match(/sleep 103/g)?.length, 1);
    await t.run("three", ["sleep", "203"], { sandboxPidns: true });
    assert.match(await look("two", "ps -o args"), /sleep 203/);
  });

  it("keeps no dead children of processes that are gone", async () => {
    const orphans = "for i in 1 2 3; do (sleep 0.1 &); done; sleep 1; ps -o stat,args";
    assert.doesNotMatch(await look("two", orphans), /^Z/m);
  });

  it("is not for a container that does not ask for it", async () => {
    await t.run("alone", ["sleep", "303"]);
    assert.match(await look("alone", "ps -o pid,args"), /^\s*1 sleep 303$/m);
  });
});

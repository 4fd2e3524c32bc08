import assert from "node:assert/strict";
import { WrongState } from "../../../src/lib/errors.ts";
import { Lifecycle } from "../../../src/lib/lifecycle.ts";
import { podTable, processTable } from "../../../src/pod/lifecycles.ts";

type State = "new" | "up" | "down";
const table = { new: ["up", "down"], up: ["down"], down: [] } as const;

function lifecycle(): Lifecycle<State> {
  return new Lifecycle<State>("thing", table, "new");
}

describe("a lifecycle", () => {
  it("refuses a command that its state does not allow, naming subject, state and operation", () => {
    const thing = lifecycle();
    thing.move("down", "end");
    assert.throws(() => thing.move("up", "start"), WrongState);
    assert.throws(() => thing.move("up", "start"), /cannot start: thing is down/);
    assert.equal(thing.state, "down");
  });

  it("reports an illegal fact without changing its state", () => {
    const thing = lifecycle();
    assert.equal(thing.observe("down"), true);
    assert.equal(thing.observe("up"), false);
    assert.equal(thing.observe("down"), false);
    assert.equal(thing.state, "down");
  });

  it("lets an operation pass in any of the named states only", () => {
    const thing = lifecycle();
    thing.require("look", "new", "up");
    assert.throws(() => thing.require("look", "up"), /cannot look: thing is new/);
    assert.ok(thing.is("new", "down"));
    assert.ok(!thing.is("up"));
  });

  it("lets waiters through when the state comes, at once when it is there", async () => {
    const thing = lifecycle();
    const waiting = thing.until("down");
    thing.observe("up");
    await thing.until("up");
    thing.observe("down");
    await waiting;
  });

  it("rejects waiters as soon as their state cannot come any more", async () => {
    const thing = lifecycle();
    const waiting = thing.until("up");
    thing.observe("down");
    await assert.rejects(waiting, /cannot wait until up: thing is down/);
    await assert.rejects(thing.until("new"), WrongState);
  });
});

describe("the states of pods and processes", () => {
  it("let every state but the end come to its end", () => {
    for (const state of ["created", "booting", "ready", "stopping"] as const)
      assert.ok(new Lifecycle("p", podTable, state).observe("stopped"), state);
    for (const state of ["created", "starting", "running", "paused"] as const)
      assert.ok(new Lifecycle("p", processTable, state).observe("stopped"), state);
  });

  it("never let what has ended run again", () => {
    for (const next of ["created", "booting", "ready", "stopping"] as const)
      assert.ok(!new Lifecycle("p", podTable, "stopped").observe(next), next);
    for (const next of ["created", "starting", "running", "paused"] as const)
      assert.ok(!new Lifecycle("p", processTable, "stopped").observe(next), next);
  });
});

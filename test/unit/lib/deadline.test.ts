import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { pause, withDeadline } from "../../../src/lib/deadline.ts";
import { Cancelled, DeadlineExceeded, NotFound } from "../../../src/lib/errors.ts";

const never = new Promise<never>(() => undefined);

/** Those of this process; mocha arms its own only after a test has returned its promise. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

describe("withDeadline", () => {
  it("gives the work's own result or error, and leaves no timer behind", async () => {
    await turn();
    const before = timers();
    assert.equal(await withDeadline(Promise.resolve(7), { operation: "work", timeoutMs: 60_000 }), 7);
    const failing = Promise.reject(new NotFound("thing", "x"));
    await assert.rejects(withDeadline(failing, { operation: "work", timeoutMs: 60_000 }), NotFound);
    assert.equal(timers(), before);
  });

  it("names the operation and the limit when time is over", async () => {
    await assert.rejects(withDeadline(never, { operation: "asking the guest", timeoutMs: 5 }), (error: Error) => {
      assert.ok(error instanceof DeadlineExceeded);
      assert.equal(error.message, "asking the guest did not finish within 5 ms");
      return true;
    });
  });

  it("gives up for an aborted signal, before as after the abort, and lets go of the signal", async () => {
    const control = new AbortController();
    const waiting = withDeadline(never, { operation: "boot", signal: control.signal });
    control.abort();
    await assert.rejects(waiting, Cancelled);
    await assert.rejects(withDeadline(never, { operation: "boot", signal: control.signal }), /boot was cancelled/);
  });

  it("rejects with the reason that the abort carries", async () => {
    const reason = new NotFound("pod", "p");
    const waiting = withDeadline(never, { operation: "boot", signal: AbortSignal.abort(reason) });
    await assert.rejects(waiting, (error) => error === reason);
  });
});

describe("pause", () => {
  it("waits, and ends at once when aborted, leaving no timer", async () => {
    await turn();
    const before = timers();
    const began = performance.now();
    await pause(10);
    assert.ok(performance.now() - began >= 9);
    const control = new AbortController();
    const waiting = pause(60_000, control.signal);
    control.abort();
    await assert.rejects(waiting, Cancelled);
    await assert.rejects(pause(60_000, control.signal), Cancelled);
    assert.equal(timers(), before);
  });
});

import assert from "node:assert/strict";
import { CleanupStack } from "../../../src/lib/cleanup-stack.ts";
import { CleanupIncomplete } from "../../../src/lib/errors.ts";

describe("a cleanup stack", () => {
  it("runs its steps one after the other, the last first", async () => {
    const log: string[] = [];
    {
      await using stack = new CleanupStack();
      stack.defer("first", () => log.push("first"));
      stack.defer("second", async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        log.push("second");
      });
      stack.use("third", { [Symbol.asyncDispose]: async () => void log.push("third") });
    }
    assert.deepEqual(log, ["third", "second", "first"]);
  });

  it("runs every step whatever the others do, and names those that failed", async () => {
    const log: string[] = [];
    const stack = new CleanupStack();
    stack.defer("unmount", () => log.push("unmount"));
    stack.defer("unplug", () => Promise.reject(new Error("busy")));
    stack.defer("close", () => {
      throw new Error("gone");
    });
    await assert.rejects(stack[Symbol.asyncDispose](), (error: CleanupIncomplete) => {
      assert.ok(error instanceof CleanupIncomplete);
      assert.deepEqual(
        error.failures.map((failure) => failure.step),
        ["close", "unplug"],
      );
      return true;
    });
    assert.deepEqual(log, ["unmount"]);
  });

  it("does nothing once its steps were moved to another, which runs them once", async () => {
    const log: string[] = [];
    const stack = new CleanupStack();
    stack.defer("only", () => log.push("only"));
    const owner = stack.move();
    await stack[Symbol.asyncDispose]();
    assert.deepEqual(log, []);
    await owner[Symbol.asyncDispose]();
    await owner[Symbol.asyncDispose]();
    assert.deepEqual(log, ["only"]);
  });
});

import assert from "node:assert/strict";
import { raceLasting } from "../../../src/lib/race.ts";

const never = new Promise<never>(() => undefined);

describe("a race against something that lasts", () => {
  it("ends as the work does, when that is first", async () => {
    assert.equal(await raceLasting(Promise.resolve(1), never), 1);
    await assert.rejects(raceLasting(Promise.reject(new Error("work")), never), /work/);
  });

  it("ends as the lasting promise does, when that is first, for everyone who races it", async () => {
    let end: (error: Error) => void = () => undefined;
    const life = new Promise<never>((_, reject) => {
      end = reject;
    });
    const races = [raceLasting(never, life), raceLasting(never, life)];
    end(new Error("the VM ended"));
    for (const race of races) await assert.rejects(race, /the VM ended/);
    await assert.rejects(raceLasting(never, life), /the VM ended/);
    assert.equal(await raceLasting(never, Promise.resolve("exit")), "exit");
  });

  it("prefers the work when both have ended, as Promise.race does", async () => {
    const ended = Promise.reject(new Error("ended"));
    ended.catch(() => undefined);
    assert.equal(await raceLasting(Promise.resolve("done"), ended), "done");
  });

  it("leaves nothing of settled work on the lasting promise", async () => {
    let reactions = 0;
    const life = new Promise<never>(() => undefined);
    const then = life.then.bind(life);
    // biome-ignore lint/suspicious/noThenProperty: it counts who waits
    life.then = (...handlers: Parameters<typeof then>) => {
      reactions += 1;
      return then(...handlers) as never;
    };
    for (let index = 0; index < 100; index++) await raceLasting(Promise.resolve(index), life);
    assert.equal(reactions, 1);
  });
});

import assert from "node:assert/strict";
import { StrayErrors } from "../../../src/shim/stray-errors.ts";

describe("errors that no call waits for", () => {
  it("are borne ten times a minute, and not an eleventh", () => {
    let now = 0;
    const strays = new StrayErrors(() => now);
    for (let i = 0; i < 10; i++) assert.ok(!strays.isTooMany());
    now = 59_999;
    assert.ok(strays.isTooMany());
  });

  it("are borne for ever when they come slowly", () => {
    let now = 0;
    const strays = new StrayErrors(() => now);
    for (let i = 0; i < 100; i++, now += 6001) assert.ok(!strays.isTooMany(), String(i));
  });
});

import assert from "node:assert/strict";
import { decodeWaitStatus } from "../../../../src/guest/sys/reaper.ts";

describe("a wait status", () => {
  // words as wait(2) encodes them: code << 8, or the signal with 0x80 for a core dump
  for (const [word, code] of [
    [0x0000, 0],
    [0x0700, 7],
    [0xff00, 255],
    [0x0009, 137],
    [0x000f, 143],
    [0x008b, 139],
  ] as const) {
    it(`of 0x${word.toString(16)} is ${code}`, () => {
      assert.equal(decodeWaitStatus(word), code);
    });
  }
});

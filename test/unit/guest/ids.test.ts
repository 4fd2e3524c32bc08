import assert from "node:assert/strict";
import { isValidId } from "../../../src/guest/ids.ts";

describe("an id", () => {
  for (const id of ["ab", "a0.b_c-d", "0".repeat(64), "a".repeat(128)]) {
    it(`may be ${id.slice(0, 20)}`, () => assert.equal(isValidId(id), true));
  }
  for (const id of ["", "a", ".a", "-a", "a/b", "../a", "a b", "a\0b", "ä1", "a".repeat(129)]) {
    it(`may not be ${JSON.stringify(id.slice(0, 20))}`, () => assert.equal(isValidId(id), false));
  }
});

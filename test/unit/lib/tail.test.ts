import assert from "node:assert/strict";
import { Tail } from "../../../src/lib/tail.ts";

describe("a tail", () => {
  it("keeps all that was written while it fits", () => {
    const tail = new Tail(16);
    tail.push(Buffer.from("one\n"));
    tail.push(Buffer.from("two\n"));
    assert.equal(tail.text(), "one\ntwo\n");
  });

  it("keeps the last bytes, from the first whole line on", () => {
    const tail = new Tail(12);
    for (const line of ["first\n", "second\n", "third\n"]) tail.push(Buffer.from(line));
    assert.equal(tail.text(), "third\n");
  });

  it("keeps the end of one chunk that is larger than itself", () => {
    const tail = new Tail(8);
    tail.push(Buffer.from("x".repeat(100)));
    tail.push(Buffer.from("\nlast\n"));
    assert.equal(tail.text(), "last\n");
  });

  it("takes a copy, since streams reuse their buffers", () => {
    const tail = new Tail(8);
    const chunk = Buffer.from("keep");
    tail.push(chunk);
    chunk.fill(0);
    assert.equal(tail.text(), "keep");
  });

  it("stays within its limit over a long stream of small chunks", () => {
    const tail = new Tail(100);
    for (let line = 0; line < 5000; line++) tail.push(Buffer.from(`line ${line}\n`));
    assert.ok(tail.text().length <= 100);
    assert.ok(tail.text().endsWith("line 4999\n"));
  });
});

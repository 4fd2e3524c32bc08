import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogFifo } from "../../../src/shim/log-fifo.ts";

describe("the log FIFO of a bundle", () => {
  let bundle: string;
  let log: LogFifo;
  const readers: number[] = [];

  beforeEach(() => {
    bundle = mkdtempSync(join(tmpdir(), "log-fifo-"));
    execFileSync("mkfifo", [join(bundle, "log")]);
    log = new LogFifo(bundle);
  });

  afterEach(() => {
    log.close();
    for (const fd of readers.splice(0)) closeSync(fd);
    rmSync(bundle, { recursive: true, force: true });
  });

  function openReader(): number {
    const fd = openSync(join(bundle, "log"), constants.O_RDONLY | constants.O_NONBLOCK);
    readers.push(fd);
    return fd;
  }

  function readAll(fd: number): string {
    const chunks: Buffer[] = [];
    for (;;) {
      const chunk = Buffer.alloc(65536);
      try {
        const length = readSync(fd, chunk);
        if (length === 0) break;
        chunks.push(chunk.subarray(0, length));
      } catch {
        break;
      }
    }
    return Buffer.concat(chunks).toString();
  }

  it("gives a reader whole lines", () => {
    const reader = openReader();
    log.write("one");
    log.write("two");
    assert.equal(readAll(reader), "one\ntwo\n");
  });

  it("drops lines without waiting while nobody reads, and goes on when somebody does", () => {
    log.write("lost");
    const reader = openReader();
    log.write("seen");
    assert.equal(readAll(reader), "seen\n");
  });

  it("drops lines without waiting when the reader is slow, and never joins two lines", () => {
    const reader = openReader();
    const line = "x".repeat(5000);
    for (let index = 0; index < 100; index++) log.write(line);
    const first = readAll(reader);
    assert.ok(first.length <= 65536);
    log.write("after");
    const all = first + readAll(reader);
    assert.ok(all.endsWith("\nafter\n"));
    for (const each of all.split("\n").filter((text) => text !== "" && text !== "after")) {
      assert.ok(each.length <= line.length, `a line of ${each.length} bytes`);
    }
  });

  it("finds a reader that replaced the first, as after containerd's restart", () => {
    const first = openReader();
    log.write("to the first");
    assert.equal(readAll(first), "to the first\n");
    closeSync(readers.pop() ?? -1);
    log.write("to nobody");
    const second = openReader();
    log.write("to the second");
    assert.equal(readAll(second), "to the second\n");
  });

  it("bears a bundle without a FIFO, and one that was removed", () => {
    const none = new LogFifo(join(bundle, "nosuch"));
    none.write("nowhere");
    none.close();
    openReader();
    log.write("x");
    rmSync(bundle, { recursive: true });
    log.write("y");
  });
});

// Output of a process that ended must not be lost to an event loop that was busy meanwhile: real pipes, a real stall.
import assert from "node:assert/strict";
import { closeSync, writeSync } from "node:fs";
import { PipeStreams } from "../../../src/guest/streams.ts";
import { makePipe } from "../../../src/guest/sys/pipe.ts";

/** longer than the silence that ends a stream */
const STALL_MS = 700;

function stall(): void {
  for (const end = performance.now() + STALL_MS; performance.now() < end; );
}

describe("The streams of a process that ended", function () {
  this.timeout(20_000);

  it("keep what was written while the event loop was busy, though others hold the pipe open", async () => {
    const [stdin, stdout, stderr] = [makePipe(), makePipe(), makePipe()];
    const streams = new PipeStreams({ stdin: stdin.write, stdout: stdout.read, stderr: stderr.read });
    streams.processExited();
    writeSync(stdout.write, "late");
    stall();
    assert.equal((await streams.stdout.take(100)).toString(), "late");
    assert.equal((await streams.stdout.take(100)).length, 0);
    for (const fd of [stdin.read, stdout.write, stderr.write]) closeSync(fd);
  });
});

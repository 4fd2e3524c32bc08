// Output of a process that ended: none of it is lost, to an event loop that was busy or to a host that reads late, and
// others that go on writing do not keep it from ending. Real pipes, a real terminal, a real stall.
import assert from "node:assert/strict";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type OutputQueue, PipeStreams, TerminalStreams } from "../../../src/guest/streams.ts";
import { systemCall } from "../../../src/guest/sys/libc.ts";
import { makePipe } from "../../../src/guest/sys/pipe.ts";
import { openSlave } from "../../../src/guest/sys/tty-master.ts";
import { errnoOf } from "../../../src/lib/errors.ts";

/** longer than the silence that ends a stream */
const STALL_MS = 700;
const TIOCSPTLCK = 0x40045431;
const { O_NOCTTY, O_NONBLOCK, O_RDWR } = constants;

function stall(): void {
  for (const end = performance.now() + STALL_MS; performance.now() < end; );
}

/** The same end, but a writer that finds it full is told so. */
function nonBlocking(fd: number): number {
  const again = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | O_NONBLOCK);
  closeSync(fd);
  return again;
}

/** Bytes taken; 0 when there is no room. */
function tryWrite(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if (errnoOf(error) === "EAGAIN") return 0;
    throw error;
  }
}

/** Somebody who inherited the stream and never stops. */
function chatter(fd: number, bytes: Buffer): Disposable {
  const timer = setInterval(() => tryWrite(fd, bytes), 10);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function everything(queue: OutputQueue): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = await queue.take(1 << 20);
    if (chunk.length === 0) return Buffer.concat(chunks);
    chunks.push(chunk);
  }
}

function pipes() {
  const [stdin, stdout, stderr] = [makePipe(), makePipe(), makePipe()];
  const streams = new PipeStreams({ stdin: stdin.write, stdout: stdout.read, stderr: stderr.read });
  const writer = nonBlocking(stdout.write);
  const close = () => {
    for (const fd of [stdin.read, writer, stderr.write]) closeSync(fd);
  };
  return { streams, writer, [Symbol.dispose]: close };
}

describe("The streams of a process that ended", function () {
  this.timeout(20_000);

  it("keep what was written while the event loop was busy, though others hold the pipe open", async () => {
    using held = pipes();
    const { streams, writer } = held;
    streams.processExited();
    writeSync(writer, "late");
    stall();
    assert.equal((await streams.stdout.take(100)).toString(), "late");
    assert.equal((await streams.stdout.take(100)).length, 0);
  });

  it("end within three seconds though a child goes on writing, after all that the process wrote", async () => {
    using held = pipes();
    const { streams, writer } = held;
    writeSync(writer, "its own");
    streams.processExited();
    using _ = chatter(writer, Buffer.from("."));
    const began = performance.now();
    assert.match((await everything(streams.stdout)).toString(), /^its own\.+$/);
    assert.ok(performance.now() - began < 3000);
  });

  it("keep all that the process wrote for a host that reads late, and end though a child goes on", async () => {
    using held = pipes();
    const { streams, writer } = held;
    const own = Buffer.alloc(4096, "o");
    let written = 0;
    // until the queue and the pipe are full
    for (let refusals = 0; refusals < 5; await pause(5)) {
      const taken = tryWrite(writer, own);
      written += taken;
      refusals = taken === 0 ? refusals + 1 : 0;
    }
    streams.processExited();
    using _ = chatter(writer, Buffer.alloc(4096, "c"));
    await pause(2600);
    const output = await everything(streams.stdout);
    assert.ok(written > 256 * 1024);
    assert.ok(output.subarray(0, written).every((byte) => byte === own[0]));
    assert.ok(output.length >= written, `${output.length} of ${written}`);
  });

  for (const bytes of [1, 8192]) {
    it(`end on a terminal, too, to which a child writes ${bytes} bytes at a time`, async () => {
      const master = openSync("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
      systemCall("ioctl", "ioctl(TIOCSPTLCK)", [master, TIOCSPTLCK, Buffer.alloc(4)]);
      const writer = nonBlocking(openSlave(master));
      const streams = new TerminalStreams(master);
      writeSync(writer, "its own");
      await pause(20);
      streams.processExited();
      const began = performance.now();
      {
        using _ = chatter(writer, Buffer.alloc(bytes, "."));
        assert.match((await everything(streams.stdout)).toString(), /^its own\.+$/);
      }
      assert.ok(performance.now() - began < 3000);
      streams.close();
      closeSync(writer);
    });
  }
});

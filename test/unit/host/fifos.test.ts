import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openStdio, type StdioRequest } from "../../../src/host/fifos.ts";
import { Cancelled, HostCallFailed, InvalidRequest } from "../../../src/lib/errors.ts";

const ids = { containerId: "c1", containerdNamespace: "k8s.io" };
const limits = { drainMs: 300, lingerMs: 300, greetMs: 100 };
const nothing: StdioRequest = { stdin: "", stdout: "", stderr: "", terminal: false };

describe("container stdio", () => {
  let dir = "";
  let readers: ChildProcess[] = [];
  let openBefore = 0;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-fifos-"));
    for (const name of ["in", "out", "err"]) execFileSync("mkfifo", [join(dir, name)]);
    readers = [];
    openBefore = openDescriptors();
  });
  afterEach(async () => {
    for (const reader of readers) reader.kill("SIGKILL");
    rmSync(dir, { recursive: true });
    const end = Date.now() + 1000;
    while (openDescriptors() > openBefore && Date.now() < end) await sleep(10);
    assert.ok(openDescriptors() <= openBefore, "every descriptor is closed again");
  });

  /** Reads a FIFO to its end in another process, as containerd does; answers with what it read. */
  const read = (name: string, command = "cat"): Promise<Buffer> => {
    const reader = spawn("sh", ["-c", `${command} < "$1"`, "sh", join(dir, name)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    readers.push(reader);
    const chunks: Buffer[] = [];
    reader.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    return once(reader, "close").then(() => Buffer.concat(chunks));
  };
  const open = (request: Partial<StdioRequest>) => openStdio({ ...nothing, ...request }, { ...ids, limits });

  it("has no streams when no path was given", async () => {
    await using stdio = await open({});
    assert.deepEqual([stdio.stdin, stdio.stdout, stdio.stderr], [null, null, null]);
  });

  it("delivers bytes and then end of file to a reader that came first", async () => {
    const got = read("out");
    await sleep(30);
    const stdio = await open({ stdout: join(dir, "out") });
    await stdio.stdout?.write(Buffer.from("hello"));
    await stdio.close();
    assert.equal((await got).toString(), "hello");
  });

  it("delivers everything to a reader that comes after the process has ended", async () => {
    const stdio = await open({ stdout: `fifo://${join(dir, "out")}` });
    const writing = stdio.stdout?.write(Buffer.from("early"));
    const closing = stdio.close();
    const got = read("out");
    await Promise.all([writing, closing]);
    assert.equal((await got).toString(), "early");
  });

  it("opens and closes the FIFO once for a reader although no process ever wrote", async () => {
    const got = read("out");
    const stdio = await open({ stdout: join(dir, "out"), stderr: join(dir, "err") });
    await stdio.close();
    assert.equal((await got).length, 0);
  });

  it("carries 100 MiB unchanged to each of two readers", async function () {
    this.timeout(60_000);
    const out = read("out", "sha256sum");
    const err = read("err", "sha256sum");
    const stdio = await open({ stdout: join(dir, "out"), stderr: join(dir, "err") });
    const expected = await pump(stdio.stdout, 100);
    assert.equal(await pump(stdio.stderr, 1), createHash("sha256").update(pattern(0)).digest("hex"));
    await stdio.close();
    assert.equal((await out).toString().slice(0, 64), expected);
    assert.equal((await err).toString().slice(0, 64), createHash("sha256").update(pattern(0)).digest("hex"));
  });

  it("stops a writer whose reader is slow, and neither loses nor reorders its bytes", async () => {
    const got = read("out", "sleep 0.3; sha256sum");
    const stdio = await openStdio({ ...nothing, stdout: join(dir, "out") }, { ...ids, limits: { drainMs: 10_000 } });
    const state = { settled: false };
    const writing = stdio.stdout?.write(pattern(7)).then(() => {
      state.settled = true;
    });
    await sleep(100);
    assert.equal(state.settled, false, "1 MiB does not fit into the FIFO");
    await writing;
    await stdio.close();
    assert.equal((await got).toString().slice(0, 64), createHash("sha256").update(pattern(7)).digest("hex"));
  });

  it("survives a reader that goes away and another that comes", async () => {
    const first = read("out", "head -c 3");
    const stdio = await open({ stdout: join(dir, "out") });
    await stdio.stdout?.write(Buffer.from("one"));
    assert.equal((await first).toString(), "one");
    await stdio.stdout?.write(Buffer.from("two"));
    const second = read("out");
    await stdio.stdout?.write(Buffer.from("three"));
    await stdio.close();
    assert.equal((await second).toString(), "twothree");
  });

  it("waits at close for a reader that went away before it had everything", async () => {
    const first = read("out", "head -c 3");
    const stdio = await openStdio({ ...nothing, stdout: join(dir, "out") }, { ...ids, limits: { lingerMs: 5_000 } });
    await stdio.stdout?.write(Buffer.from("one"));
    await first;
    await stdio.stdout?.write(Buffer.from("two"));
    const closing = stdio.close();
    await sleep(100);
    const second = read("out");
    await closing;
    assert.equal((await second).toString(), "two");
  });

  it("closes in bounded time although nobody reads, and fails the writes it gave up", async () => {
    const stdio = await open({ stdout: join(dir, "out") });
    const holder = openSync(join(dir, "out"), constants.O_RDONLY | constants.O_NONBLOCK);
    const writing = assert.rejects(stdio.stdout?.write(pattern(1)) ?? Promise.resolve(), Cancelled);
    const started = Date.now();
    await stdio.close();
    assert.ok(Date.now() - started < 2_000);
    await writing;
    closeSync(holder);
  });

  it("closes at once after a reader took everything and left", async () => {
    const got = read("out", "head -c 2");
    const stdio = await openStdio({ ...nothing, stdout: join(dir, "out") }, { ...ids, limits: { lingerMs: 5_000 } });
    await stdio.stdout?.write(Buffer.from("ab"));
    assert.equal((await got).toString(), "ab");
    const started = Date.now();
    await stdio.close();
    assert.ok(Date.now() - started < 1_000);
  });

  it("closes without complaint although containerd has removed the FIFOs already", async () => {
    const got = read("out", "head -c 2");
    const stdio = await open({ stdout: join(dir, "out"), stderr: join(dir, "err") });
    await stdio.stdout?.write(Buffer.from("abc"));
    await got;
    for (const name of ["out", "err"]) rmSync(join(dir, name));
    await stdio.close();
  });

  it("uses no thread for FIFOs without a peer: eight of them leave file access alive", async () => {
    const stdios = await Promise.all(
      Array.from({ length: 8 }, () =>
        open({ stdin: join(dir, "in"), stdout: join(dir, "out"), stderr: join(dir, "err") }),
      ),
    );
    const writes = stdios.map((stdio) => stdio.stdout?.write(Buffer.from("x")).catch(() => undefined));
    for (const stdio of stdios) stdio.stdin?.resume();
    assert.ok((await readFile("/proc/self/stat", "utf8")).length > 0);
    await Promise.all(stdios.map((stdio) => stdio.close()));
    await Promise.all(writes);
  });

  it("ignores stderr with a terminal", async () => {
    const got = read("out");
    const stdio = await open({ stdout: join(dir, "out"), stderr: join(dir, "missing"), terminal: true });
    assert.equal(stdio.stderr, null);
    await stdio.close();
    await got;
  });

  it("ends stdin only after CloseIO, and after every byte that was written before it", async () => {
    const stdio = await open({ stdin: join(dir, "in") });
    const chunks: Buffer[] = [];
    const ended = once(stdio.stdin ?? assert.fail(), "end");
    const state = { ended: false };
    void ended.then(() => {
      state.ended = true;
    });
    execFileSync("sh", ["-c", 'printf first > "$1"', "sh", join(dir, "in")]);
    stdio.stdin?.on("data", (chunk: Buffer) => chunks.push(chunk));
    await sleep(50);
    assert.equal(state.ended, false, "a client that left does not end stdin");
    stdio.stdin?.pause();
    execFileSync("sh", ["-c", 'printf second > "$1"', "sh", join(dir, "in")]);
    stdio.closeStdin();
    stdio.stdin?.resume();
    await ended;
    assert.equal(Buffer.concat(chunks).toString(), "firstsecond");
    await stdio.close();
  });

  it("reads stdin with back-pressure: an unread FIFO fills and stays full", async () => {
    const stdio = await open({ stdin: join(dir, "in") });
    const writer = openSync(join(dir, "in"), constants.O_WRONLY | constants.O_NONBLOCK);
    stdio.stdin?.once("readable", () => undefined);
    const block = Buffer.alloc(4096, 1);
    let taken = 0;
    for (let idle = 0; idle < 5; ) {
      try {
        taken += writeSync(writer, block);
        idle = 0;
      } catch {
        idle += 1;
        await sleep(5);
      }
    }
    assert.ok(taken <= 512 * 1024, `${taken} bytes were taken from a client that nobody listens to`);
    closeSync(writer);
    await stdio.close();
  });

  it("appends both streams to one file with file://, making its directory", async () => {
    const path = join(dir, "a", "b", "log");
    const stdio = await open({ stdout: `file://${path}`, stderr: `file://${path}` });
    await stdio.stdout?.write(Buffer.from("out\n"));
    await stdio.stderr?.write(Buffer.from("err\n"));
    await stdio.close();
    assert.equal(readFileSync(path, "utf8"), "out\nerr\n");
  });

  it("runs a binary:// logger with the streams on 3 and 4, its arguments and the container's names", async () => {
    const log = join(dir, "log");
    const program = join(dir, "logger");
    const script = [
      "#!/bin/sh",
      'printf "%s %s %s %s\\n" "$CONTAINER_ID" "$CONTAINER_NAMESPACE" "$1" "$2" > "$LOG"',
      "exec 5>&-",
      'cat /dev/fd/3 >> "$LOG"; cat /dev/fd/4 >> "$LOG"',
    ];
    execFileSync("sh", ["-c", 'cat > "$1"; chmod +x "$1"', "sh", program], { input: script.join("\n") });
    const stdio = await open({ stdout: `binary://${program}?mode=fast&env.LOG=${encodeURIComponent(log)}` });
    await stdio.stdout?.write(Buffer.from("to stdout\n"));
    await stdio.stderr?.write(Buffer.from("to stderr\n"));
    await stdio.close();
    assert.equal(readFileSync(log, "utf8"), "c1 k8s.io mode fast\nto stdout\nto stderr\n");
  });

  it("names a logger that does not exist", async () => {
    await assert.rejects(open({ stdout: `binary://${dir}/none` }), /none is not on this machine/);
  });

  it("refuses a FIFO that is not there, and a stdin that is none", async () => {
    await assert.rejects(open({ stdout: join(dir, "missing") }), HostCallFailed);
    await assert.rejects(open({ stdin: `file://${dir}/x` }), InvalidRequest);
    await assert.rejects(open({ stdin: "relative" }), InvalidRequest);
  });
});

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** 1 MiB that differs from the next one. */
function pattern(seed: number): Buffer {
  const block = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < block.length; at += 4) block.writeUInt32LE(((at + seed) * 2654435761) >>> 0, at);
  return block;
}

async function pump(sink: { write(chunk: Uint8Array): Promise<void> } | null, mebibytes: number): Promise<string> {
  const hash = createHash("sha256");
  for (let n = 0; n < mebibytes; n++) {
    const block = pattern(n);
    hash.update(block);
    await sink?.write(block);
  }
  return hash.digest("hex");
}

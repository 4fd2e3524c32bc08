import assert from "node:assert/strict";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import { AgentLost, RemoteError } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import type { ByteSink, ProcessExit, ProcessStdio } from "../../../src/pod/ports.ts";
import { ContainerProcess, type ProcessDeps } from "../../../src/pod/process.ts";
import { Deferred, FakeProcess } from "./fake-world.ts";

interface Setup {
  readonly process: ContainerProcess;
  readonly guest: FakeProcess;
  readonly exits: ProcessExit[];
  readonly gone: Deferred<never>;
}

function setUp(streams: Partial<ProcessStdio> = {}, deps: Partial<ProcessDeps> = {}, terminal = false): Setup {
  const exits: ProcessExit[] = [];
  const gone = new Deferred<never>();
  gone.promise.catch(() => undefined);
  const facts = { containerId: "c", execId: "", stdioPaths: { stdin: "", stdout: "/o", stderr: "", terminal } };
  const process = new ContainerProcess(facts, {
    logger: silentLogger,
    now: () => 1,
    guestGone: gone.promise,
    onExit: (_process, exit) => exits.push(exit),
    ...deps,
  });
  process.lifecycle.move("starting", "start");
  process.lifecycle.move("running", "start");
  const close = async (): Promise<void> => undefined;
  process.attachStdio({ stdin: null, stdout: sink([]), stderr: null, closeStdin: () => undefined, close, ...streams });
  return { process, guest: new FakeProcess(), exits, gone };
}

function sink(into: string[]): ByteSink {
  return { write: async (bytes) => void into.push(Buffer.from(bytes).toString()) };
}

describe("a process", () => {
  it("asks for its exit only once its output has ended, since asking earlier would cut it off", async () => {
    const { process, guest } = setUp();
    let asked = false;
    guest.wait = () => {
      asked = true;
      return guest.exit.promise;
    };
    process.supervise(guest);
    guest.say("output");
    await turn();
    assert.equal(asked, false);
    guest.end(4);
    assert.equal((await process.wait()).status, 4);
  });

  it("ends after SIGKILL although somebody keeps its output open", async function () {
    this.timeout(15_000);
    const { process, guest, exits } = setUp();
    process.supervise(guest);
    guest.say("a child of it holds the pipe");
    process.noteKill();
    guest.exit.resolve(137);
    const began = performance.now();
    assert.equal((await process.wait()).status, 137);
    assert.ok(performance.now() - began >= 1900, "output gets its time to end");
    assert.equal(exits.length, 1);
  });

  it("reads no more output than the client takes", async () => {
    const taken = new Deferred<void>();
    const { process, guest } = setUp({ stdout: { write: () => taken.promise } });
    let reads = 0;
    const read = guest.readStdout.bind(guest);
    guest.readStdout = () => {
      reads += 1;
      return read();
    };
    process.supervise(guest);
    guest.say("one");
    guest.say("two");
    for (let index = 0; index < 20; index++) await turn();
    assert.equal(reads, 1);
    taken.resolve();
    guest.end(0);
    await process.wait();
    assert.equal(reads, 3);
  });

  it("runs on when nobody takes its output any more: the output is thrown away", async () => {
    const write = () => Promise.reject(Object.assign(new Error("EPIPE"), { code: "EPIPE" }));
    const { process, guest } = setUp({ stdout: { write } });
    process.supervise(guest);
    guest.say("lost");
    guest.say("lost too");
    guest.end(5);
    assert.equal((await process.wait()).status, 5);
  });

  it("asks for its exit at once when its client wants no output", async () => {
    const { process, guest } = setUp({ stdout: null });
    process.supervise(guest);
    guest.exit.resolve(6);
    assert.equal((await process.wait()).status, 6);
  });

  it("reads one stream of a terminal, since the second would take bytes from the first", async () => {
    const { process, guest } = setUp({}, {}, true);
    guest.readStderr = () => assert.fail("stderr of a terminal was read");
    process.supervise(guest);
    guest.end(0);
    await process.wait();
  });

  it("goes on being read where an agent's policy may deny its output, which looks like an end, until it has ended", async () => {
    const { process, guest } = setUp({}, { emptyMayBeDenial: true });
    let denied = 0;
    guest.readStdout = async () => {
      denied += 1;
      return new Uint8Array();
    };
    process.supervise(guest);
    while (denied < 3) await turn();
    guest.exit.resolve(5);
    assert.equal((await process.wait()).status, 5);
    const reads = denied;
    await pause(250);
    assert.ok(denied <= reads + 1, `${denied - reads} reads after its end`);
  });

  it("is read to its end and no further where an empty answer means that", async () => {
    const { process, guest } = setUp();
    let reads = 0;
    guest.readStdout = async () => {
      reads += 1;
      return new Uint8Array();
    };
    process.supervise(guest);
    await pause(250);
    assert.equal(reads, 1);
    guest.exit.resolve(0);
    await process.wait();
  });

  it("writes its client's input in order, then closes it", async () => {
    async function* input() {
      yield Buffer.from("one ");
      yield Buffer.from("two");
    }
    const { process, guest } = setUp({ stdin: input() });
    process.supervise(guest);
    while (!guest.inputClosed) await turn();
    assert.equal(Buffer.concat(guest.input).toString(), "one two");
    guest.end(0);
    await process.wait();
  });

  it("finds its stdin at its end when its client has no input for it, as a program that reads does with runc", async () => {
    const { process, guest } = setUp();
    const closes: string[] = [];
    guest.closeStdin = async () => void closes.push("closed");
    process.supervise(guest);
    for (let index = 0; index < 5; index++) await turn();
    guest.end(0);
    await process.wait();
    assert.deepEqual(closes, ["closed"]);
  });

  it("keeps its terminal open though its client has no input for it", async () => {
    const { process, guest } = setUp({}, {}, true);
    process.supervise(guest);
    for (let index = 0; index < 5; index++) await turn();
    guest.end(0);
    await process.wait();
    assert.equal(guest.inputClosed, false);
  });

  it("ends with its status although it was gone before its stdin could be closed", async () => {
    const { process, guest } = setUp();
    guest.closeStdin = () => Promise.reject(new RemoteError("CloseStdin", 5, "InvalidExecId"));
    process.supervise(guest);
    guest.end(3);
    assert.equal((await process.wait()).status, 3);
  });

  it("ends with its status although it left input unread", async () => {
    async function* input() {
      yield Buffer.from("never taken");
    }
    const { process, guest } = setUp({ stdin: input() });
    guest.writeStdin = () => Promise.reject(new RemoteError("WriteStdin", 13, "Cannot get writer"));
    process.supervise(guest);
    guest.end(0);
    assert.equal((await process.wait()).status, 0);
  });

  it("counts the first end only, and tells it once, after its streams are closed", async () => {
    const order: string[] = [];
    const { process } = setUp(
      { close: async () => void order.push("closed") },
      { onExit: () => order.push("told"), beforeExit: async () => void order.push("before") },
    );
    await Promise.all([process.finish(1), process.finish(2)]);
    await process.finish(3);
    assert.equal(process.exit?.status, 1);
    assert.deepEqual(order, ["before", "closed", "told"]);
  });

  it("ends although its streams cannot be closed", async () => {
    const { process } = setUp({ close: () => Promise.reject(new Error("EIO")) });
    await process.finish(9);
    assert.equal((await process.wait()).status, 9);
  });

  it("is lost with status 137 when the agent does not know it any more", async () => {
    const { process, guest } = setUp();
    process.supervise(guest);
    guest.endOutput();
    guest.exit.reject(new RemoteError("WaitProcess", 5, "InitProcessNotFound"));
    assert.equal((await process.wait()).status, 137);
  });

  it("leaves its end to the pod when the whole guest is gone", async () => {
    const { process, guest, gone, exits } = setUp();
    process.supervise(guest);
    gone.reject(new AgentLost("the pod runs", "the VM ended"));
    for (let index = 0; index < 5; index++) await turn();
    assert.deepEqual(exits, []);
    await process.finish(137);
    assert.equal(exits.length, 1);
  });

  it("reports the low eight bits of a status, as wait does", async () => {
    const { process, guest } = setUp();
    process.supervise(guest);
    guest.end(256 + 3);
    assert.equal((await process.wait()).status, 3);
  });
});

// One QMP scenario against the fake and against real QEMU. The real one needs qemu-system-x86_64 (QEMU, or
// KATA_CVM_QEMU for another path); without it the case is skipped, unless REQUIRE names "qemu".
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { pause } from "../../src/lib/deadline.ts";
import { ConnectionLost, Unsupported } from "../../src/lib/errors.ts";
import { openQmp, type QmpSession, type QmpState, type TranscriptEntry } from "../../src/wire/qmp/client.ts";
import { QmpError } from "../../src/wire/qmp/qmp-error.ts";
import { FakeQemu } from "../fakes/fake-qemu.ts";
import { skip } from "../support/tools.ts";

interface Peer extends AsyncDisposable {
  dial(): Promise<Socket>;
}

const program = process.env["KATA_CVM_QEMU"] ?? "qemu-system-x86_64";

async function dial(path: string): Promise<Socket> {
  const end = Date.now() + 5000;
  for (;;) {
    const socket = connect(path);
    const error = await new Promise<Error | undefined>((resolve) => {
      socket.once("connect", () => resolve(undefined));
      socket.once("error", resolve);
    });
    if (error === undefined) return socket;
    if (Date.now() > end) throw error;
    await pause(10);
  }
}

async function startFake(): Promise<Peer> {
  const fake = await FakeQemu.listen();
  return { dial: () => dial(fake.path), [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose]() };
}

/** A machine without board or guest: it answers QMP within some 40 ms and needs no KVM. */
async function startReal(): Promise<Peer> {
  const directory = await mkdtemp(join(tmpdir(), "qmp-contract-"));
  const path = join(directory, "qmp.sock");
  const args = ["-S", "-machine", "none", "-nodefaults", "-display", "none", "-qmp", `unix:${path},server=on,wait=off`];
  const qemu: ChildProcess = spawn(program, args, { stdio: "ignore" });
  const exited = new Promise((resolve) => qemu.once("exit", resolve));
  return {
    dial: () => dial(path),
    async [Symbol.asyncDispose]() {
      qemu.kill("SIGKILL");
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const scenarios: Readonly<Record<string, (peer: Peer) => Promise<void>>> = {
  async "negotiates, and its states follow each other"(peer) {
    const states: QmpState[] = [];
    await using qmp = await openQmp(await peer.dial(), { onState: (state) => states.push(state) });
    assert.deepEqual(states, ["negotiating", "ready"]);
    assert.ok(qmp.greeting.version.qemu.major >= 7);
    assert.equal(qmp.hasOutOfBand, true);
    qmp.close();
    assert.deepEqual(states, ["negotiating", "ready", "closed"]);
  },

  async "answers commands sent at once, each to its own caller"(peer) {
    await using qmp = await openQmp(await peer.dial());
    const [status, version, refusal] = await Promise.all([
      qmp.execute("query-status", {}),
      qmp.execute("query-version", {}),
      qmp.executeRaw("no-such-command").catch((error: unknown) => error),
    ]);
    assert.equal(status.status, "prelaunch");
    assert.deepEqual(version.qemu, qmp.greeting.version.qemu);
    assert.ok(refusal instanceof QmpError);
    assert.equal(refusal.errorClass, "CommandNotFound");
    assert.equal(refusal.command, "no-such-command");
  },

  async "refuses with class and description"(peer) {
    await using qmp = await openQmp(await peer.dial());
    await assert.rejects(
      qmp.execute("device_add", { driver: "no-such-device" }),
      (error: unknown) =>
        error instanceof QmpError &&
        error.errorClass === "GenericError" &&
        error.message === "QEMU refused device_add: 'no-such-device' is not a valid device model name",
    );
  },

  async "refuses out-of-band execution of a command that does not allow it"(peer) {
    await using qmp = await openQmp(await peer.dial());
    await assert.rejects(qmp.executeRaw("query-status", {}, { outOfBand: true }), (error: unknown) => {
      assert.ok(error instanceof QmpError);
      assert.match(error.description, /does not support OOB/);
      return true;
    });
  },

  async "reports events with data and time to listeners that were there first"(peer) {
    await using qmp = await openQmp(await peer.dial());
    using resumed = qmp.listen(["RESUME"]);
    using everything = qmp.listen();
    await qmp.execute("cont", {});
    const event = await resumed.until(() => true, { operation: "resuming", timeoutMs: 5000 });
    assert.equal(event.event, "RESUME");
    assert.ok(Math.abs((event.atMicros ?? 0) / 1000 - Date.now()) < 60_000);
    const { running } = await qmp.execute("query-status", {});
    assert.equal(running, true);
    await qmp.execute("stop", {});
    await everything.until((e) => e.event === "STOP", { operation: "stopping", timeoutMs: 5000 });
  },

  async "quits, saying why, and ends the session"(peer) {
    const transcript: TranscriptEntry[] = [];
    const qmp = await openQmp(await peer.dial(), { transcript: (entry) => transcript.push(entry) });
    using shutdown = qmp.listen(["SHUTDOWN"]);
    await qmp.execute("quit", {});
    const { data } = await shutdown.until(() => true, { operation: "quitting", timeoutMs: 5000 });
    assert.deepEqual(data, { guest: false, reason: "host-qmp-quit" });
    assert.ok((await qmp.closed) instanceof ConnectionLost);
    await assert.rejects(qmp.execute("query-status", {}), ConnectionLost);
    await assert.rejects(
      shutdown.until(() => true, { operation: "waiting on", timeoutMs: 5000 }),
      ConnectionLost,
    );
    assert.deepEqual(
      transcript.filter((e) => e.direction === "sent").map((e) => e.message),
      [
        { execute: "qmp_capabilities", arguments: { enable: ["oob"] }, id: 1 },
        { execute: "quit", id: 2 },
      ],
    );
  },
};

function contract(name: string, start: () => Promise<Peer>): void {
  describe(`a QMP session with ${name}`, () => {
    for (const [title, scenario] of Object.entries(scenarios))
      it(title, async function () {
        if (name !== "the fake" && spawnSync(program, ["--version"]).status !== 0) {
          if (process.env["REQUIRE"]?.includes("qemu")) assert.fail(`${program} is missing`);
          skip(this, `needs ${program}`);
        }
        await using peer = await start();
        await scenario(peer);
      });
  });
}

contract("the fake", startFake);
contract("real QEMU", startReal);

/** Members of the command table that real QEMU must know, whatever it was built with. */
describe("the QMP command table", () => {
  it("names commands and arguments that real QEMU has", async function () {
    if (spawnSync(program, ["--version"]).status !== 0) {
      if (process.env["REQUIRE"]?.includes("qemu")) assert.fail(`${program} is missing`);
      skip(this, `needs ${program}`);
    }
    await using peer = await startReal();
    await using qmp: QmpSession = await openQmp(await peer.dial());
    const schema = (await qmp.execute("query-qmp-schema", {})) as readonly Record<string, unknown>[];
    const known = new Set(schema.filter((e) => e["meta-type"] === "command").map((e) => e["name"]));
    const source = await import("node:fs/promises").then((fs) =>
      fs.readFile(new URL("../../src/wire/qmp/commands.ts", import.meta.url), "utf8"),
    );
    const table = source.slice(source.indexOf("interface QmpCommands"), source.indexOf("interface QmpEventData"));
    const names = [...table.matchAll(/^ {2}"?([\w-]+)"?: \{/gm)].map((m) => m[1]);
    assert.ok(names.length > 30);
    assert.deepEqual(
      names.filter((name) => !known.has(name)),
      [],
    );
    const events = new Set(schema.filter((e) => e["meta-type"] === "event").map((e) => e["name"]));
    const eventNames = [...source.slice(source.indexOf("interface QmpEventData")).matchAll(/^ {2}([A-Z_]+):/gm)].map(
      (m) => m[1],
    );
    assert.ok(eventNames.length > 8);
    assert.deepEqual(
      eventNames.filter((name) => !events.has(name)),
      [],
    );
  });

  it("leaves out-of-band execution to sessions that negotiated it", async () => {
    await using fake = await FakeQemu.listen({ capabilities: [] });
    await using qmp = await openQmp(await dial(fake.path));
    assert.equal(qmp.hasOutOfBand, false);
    await assert.rejects(qmp.executeRaw("x-oob-test", {}, { outOfBand: true }), Unsupported);
  });
});

// What real QEMU does not do on demand: silence, garbage, sudden ends. Against the fake only.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "mocha";
import { pause } from "../../src/lib/deadline.ts";
import { Cancelled, ConnectionLost, DeadlineExceeded, ProtocolViolation } from "../../src/lib/errors.ts";
import { openQmp, type TranscriptEntry } from "../../src/wire/qmp/client.ts";
import { FakeQemu, type FakeQemuOptions } from "../fakes/fake-qemu.ts";

async function open(options: FakeQemuOptions) {
  const fake = await FakeQemu.listen(options);
  const qmp = await openQmp(connect(fake.path), { commandTimeoutMs: 2000 });
  return {
    fake,
    qmp,
    async [Symbol.asyncDispose]() {
      await qmp[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

describe("a QMP session", () => {
  it("gives up on a command at its limit, ignores the late answer and goes on", async () => {
    const late = (_args: object, session: { raw(text: string): void }) =>
      void setTimeout(() => session.raw('{"return": {"status": "late"}, "id": 2}\n'), 40);
    await using peer = await open({ commands: { "query-status": late } });
    await assert.rejects(peer.qmp.execute("query-status", {}, { timeoutMs: 20 }), DeadlineExceeded);
    await pause(60);
    assert.equal((await peer.qmp.execute("query-version", {})).package, "fake");
    const stop = new AbortController();
    const aborted = peer.qmp.execute("query-status", {}, { signal: stop.signal });
    stop.abort();
    await assert.rejects(aborted, Cancelled);
    assert.equal(peer.qmp.state, "ready");
  });

  it("ends, with every command, on a line that is not QMP", async () => {
    for (const garbage of ["garbage\n", '{"neither": 1}\n', '{"return": {}, "id": 99}\n', '{"QMP": {}}\n']) {
      await using peer = await open({ commands: { stop: (_args, session) => session.raw(garbage) } });
      const waiting = peer.qmp.execute("stop", {});
      await assert.rejects(waiting, (error: unknown) => {
        assert.ok(error instanceof ConnectionLost, garbage);
        assert.ok(error.cause instanceof ProtocolViolation, garbage);
        return true;
      });
    }
  });

  it("rejects what waits for an answer or an event when QEMU goes", async () => {
    await using peer = await open({ commands: { stop: (_args, session) => session.end() } });
    using events = peer.qmp.listen(["STOP"]);
    const event = events.until(() => true, { operation: "stopping", timeoutMs: 5000 });
    const answer = peer.qmp.execute("stop", {});
    await assert.rejects(answer, ConnectionLost);
    await assert.rejects(event, ConnectionLost);
    assert.equal(peer.qmp.state, "closed");
  });

  it("does not wait for ever for a greeting, and leaves no stream open", async () => {
    const { createServer } = await import("node:net");
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, resolve));
    const address = silent.address();
    assert.ok(typeof address === "object" && address !== null);
    const socket = connect(address.port);
    await assert.rejects(openQmp(socket, { handshakeTimeoutMs: 30 }), DeadlineExceeded);
    assert.equal(socket.destroyed, true);
    silent.close();
  });

  it("finds the event that came before its answer, and only matching ones", async () => {
    const commands = {
      device_del: (args: Readonly<Record<string, unknown>>, session: { event(name: string, data?: object): void }) => {
        session.event("DEVICE_DELETED", { path: "/machine/other" });
        session.event("DEVICE_DELETED", { device: args["id"], path: "/machine/x" });
        return {};
      },
    };
    await using peer = await open({ commands: commands as FakeQemuOptions["commands"] & object });
    using deleted = peer.qmp.listen(["DEVICE_DELETED"]);
    await peer.qmp.execute("device_del", { id: "disk0" });
    const event = await deleted.until((e) => e.data.device === "disk0", { operation: "unplugging", timeoutMs: 1000 });
    assert.equal(event.data.path, "/machine/x");
    await assert.rejects(
      deleted.until(() => true, { operation: "another", timeoutMs: 20 }),
      DeadlineExceeded,
    );
  });

  it("keeps the newest events of a listener that nobody reads and counts the rest", async () => {
    const commands = {
      stop: (_args: object, session: { event(name: string, data?: object): void }) => {
        for (let n = 0; n < 1030; n += 1) session.event("RESET", { n });
        return {};
      },
    };
    await using peer = await open({ commands: commands as FakeQemuOptions["commands"] & object });
    using resets = peer.qmp.listen(["RESET"]);
    await peer.qmp.execute("stop", {});
    assert.equal(resets.dropped, 6);
    const first = await resets.until(() => true, { operation: "resetting", timeoutMs: 1000 });
    assert.deepEqual(first.data, { n: 6 });
  });

  it("shows its transcript only redacted messages", async () => {
    const transcript: TranscriptEntry[] = [];
    await using fake = await FakeQemu.listen({ commands: { "object-add": () => ({}) } });
    await using qmp = await openQmp(connect(fake.path), {
      transcript: (entry) => transcript.push(entry),
      redact: (message) => ("arguments" in message ? { ...message, arguments: "[redacted]" } : message),
    });
    await qmp.execute("object-add", { "qom-type": "secret", id: "s", data: "hunter2" });
    assert.doesNotMatch(JSON.stringify(transcript), /hunter2/);
    assert.equal(fake.executed.at(-1)?.args["data"], "hunter2");
    assert.deepEqual(
      transcript.map((e) => e.direction),
      ["received", "sent", "received", "sent", "received"],
    );
  });
});

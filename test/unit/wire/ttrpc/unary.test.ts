import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { describe, it } from "mocha";
import {
  AgentLost,
  Cancelled,
  ConnectionLost,
  DeadlineExceeded,
  InvalidRequest,
  ProtocolViolation,
  RemoteError,
} from "../../../../src/lib/errors.ts";
import { StateResponse } from "../../../../src/wire/gen/containerd/task.ts";
import { Health } from "../../../../src/wire/gen/kata/health.ts";
import { Request, Response } from "../../../../src/wire/gen/ttrpc.ts";
import { TtrpcClient } from "../../../../src/wire/ttrpc/client.ts";
import { encodeHeader, type Frame, FrameDecoder } from "../../../../src/wire/ttrpc/frame.ts";
import type { CallContext } from "../../../../src/wire/ttrpc/server-call.ts";
import { gate, openPair, Probe } from "./pair.ts";

/** A raw peer: sends bytes, collects frames. */
function rawPeer(duplex: ReturnType<typeof duplexPair>[0]) {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  const waiting: (() => void)[] = [];
  duplex.on("data", (chunk: Buffer) => {
    frames.push(...decoder.decode(chunk));
    for (const wake of waiting.splice(0)) wake();
  });
  return {
    frames,
    send(streamId: number, kind: number, payload: Uint8Array, flags = 0) {
      duplex.write(Buffer.concat([encodeHeader({ streamId, kind, flags }, payload.length), payload]));
    },
    async next(): Promise<Frame> {
      while (frames.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return frames.shift() as Frame;
    },
  };
}

function rawServer(handlers: Parameters<typeof openPair>[0]) {
  const pair = openPair(handlers);
  pair.near.removeAllListeners("data");
  return { ...pair, peer: rawPeer(pair.near) };
}

const call = (id: string) =>
  Request.encode({ service: Probe.name, method: "One", payload: Buffer.from([10, id.length, ...Buffer.from(id)]) });

describe("a unary ttrpc call", () => {
  it("reaches its handler with metadata and deadline and returns the answer", async () => {
    let seen: CallContext | undefined;
    const { probe } = openPair({
      One: (request, context) => {
        seen = context;
        return { id: `re:${request.id}`, pid: 7 };
      },
    });
    const before = Date.now();
    const answer = await probe.One(
      { id: "a" },
      { timeoutMs: 5000, metadata: { "containerd-namespace-ttrpc": "k8s.io" } },
    );
    assert.equal(answer.id, "re:a");
    assert.equal(answer.pid, 7);
    assert.equal(seen?.service, "test.Probe");
    assert.equal(seen?.method, "One");
    assert.equal(seen?.metadata.get("containerd-namespace-ttrpc"), "k8s.io");
    assert.ok(
      seen?.deadlineMs !== undefined && seen.deadlineMs >= before + 4000 && seen.deadlineMs <= Date.now() + 5000,
    );
  });

  it("is written as one request frame with an odd, rising stream id", async () => {
    const [near, far] = duplexPair();
    const peer = rawPeer(far);
    const health = new TtrpcClient(near, { peer: "the agent" }).service(Health);
    void health.Check({ service: "x" }, { timeoutMs: 1 }).catch(() => undefined);
    void health.Check({}).catch(() => undefined);
    const first = await peer.next();
    const second = await peer.next();
    assert.deepEqual([first.streamId, second.streamId], [1, 3]);
    assert.deepEqual([first.kind, first.flags], [1, 0]);
    // the same bytes as in frame.test.ts: service, method, payload, timeout_nano = 1e6
    assert.equal(
      first.payload.toString("hex"),
      "0a0b677270632e4865616c7468" + "1205436865636b" + "1a030a0178" + "20c0843d",
    );
  });

  it("takes an absent status and status 0 alike", async () => {
    const [near, far] = duplexPair();
    const peer = rawPeer(far);
    const health = new TtrpcClient(near, { peer: "the agent" }).service(Health);
    const go = health.Check({});
    const rust = health.Check({});
    peer.send(1, 2, Buffer.from("12020801", "hex")); // payload = {status: SERVING}
    peer.send(3, 2, Buffer.from("0a02080012020801", "hex")); // status {code: 0} before it
    assert.equal((await go).status, 1);
    assert.equal((await rust).status, 1);
  });

  it("fails with the peer's status when the handler throws", async () => {
    const { probe } = openPair({
      One: () => {
        throw new AgentLost("testing", "on purpose");
      },
    });
    const error = await probe.One({}).then(
      () => undefined,
      (e: unknown) => e,
    );
    assert.ok(error instanceof RemoteError);
    assert.equal(error.status, 13);
    assert.match(error.message, /^the probe One: lost the guest agent/);
  });

  it("to an unknown service or method is answered with UNIMPLEMENTED", async () => {
    const { client, probe } = openPair({});
    for (const outcome of [probe.One({}), client.service(Health).Check({})])
      await assert.rejects(outcome, (e: unknown) => e instanceof RemoteError && e.status === 12);
  });

  it("cannot reach inherited members of a handler object", async () => {
    const { peer } = rawServer({});
    for (const method of ["constructor", "toString", "__proto__"]) {
      const streamId = 1 + 2 * ["constructor", "toString", "__proto__"].indexOf(method);
      peer.send(streamId, 1, Request.encode({ service: Probe.name, method }));
      assert.equal(Response.decode((await peer.next()).payload).status?.code, 12, method);
    }
  });

  it("that takes long does not delay one that came later", async () => {
    const slow = gate();
    const order: string[] = [];
    const { probe } = openPair({
      One: async (request) => {
        if (request.id === "slow") await slow.passed;
        return { id: request.id };
      },
    });
    const first = probe.One({ id: "slow" }).then((a) => order.push(a.id));
    await probe.One({ id: "quick" }).then((a) => order.push(a.id));
    slow.open();
    await first;
    assert.deepEqual(order, ["quick", "slow"]);
  });

  it("gives up at its time limit and drops the late answer", async () => {
    const late = gate();
    const { client, probe } = openPair({
      One: async (request) => {
        if (request.id === "late") await late.passed;
        return { id: request.id };
      },
    });
    await assert.rejects(probe.One({ id: "late" }, { timeoutMs: 20 }), DeadlineExceeded);
    assert.equal(client.pendingCalls, 0);
    late.open();
    assert.equal((await probe.One({ id: "next" })).id, "next");
  });

  it("gives up when its signal aborts, with the reason given", async () => {
    const { probe } = openPair({ One: () => new Promise(() => undefined) });
    const stop = new AbortController();
    const outcome = probe.One({}, { signal: stop.signal });
    stop.abort(new AgentLost("testing", "the VM ended"));
    await assert.rejects(outcome, AgentLost);
    await assert.rejects(probe.One({}, { signal: AbortSignal.abort() }), Cancelled);
  });

  it("is answered by the server at the deadline it named, and its handler is told", async () => {
    const aborted = gate();
    const { peer } = rawServer({
      One: (_request, { signal }) => {
        signal.addEventListener("abort", () => aborted.open());
        return new Promise(() => undefined);
      },
    });
    peer.send(1, 1, Request.encode({ service: Probe.name, method: "One", timeout_nano: 20_000_000 }));
    assert.equal(Response.decode((await peer.next()).payload).status?.code, 4);
    await aborted.passed;
  });

  it("with a request above 4 MiB is refused before anything is written", async () => {
    const { probe } = openPair({ One: (r) => ({ id: r.id }) });
    await assert.rejects(probe.One({ id: "x".repeat(4 << 20) }), InvalidRequest);
    assert.equal((await probe.One({ id: "y" })).id, "y");
  });

  it("with an answer above 4 MiB fails with RESOURCE_EXHAUSTED, and the connection lives on", async () => {
    const { probe } = openPair({ One: (r) => ({ id: r.id === "big" ? "x".repeat(4 << 20) : r.id }) });
    await assert.rejects(probe.One({ id: "big" }), (e: unknown) => e instanceof RemoteError && e.status === 8);
    assert.equal((await probe.One({ id: "small" })).id, "small");
  });
});

describe("a ttrpc server", () => {
  it("answers a frame above 4 MiB with RESOURCE_EXHAUSTED on its stream and reads on", async () => {
    const { peer, near } = rawServer({ One: (r) => ({ id: r.id }) });
    peer.send(1, 1, Buffer.alloc((4 << 20) + 1));
    const refused = await peer.next();
    assert.equal(refused.streamId, 1);
    assert.equal(Response.decode(refused.payload).status?.code, 8);
    peer.send(3, 1, call("ok"));
    assert.equal(Response.decode((await peer.next()).payload).status, undefined);
    near.destroy();
  });

  it("refuses even and reused stream ids with INVALID_ARGUMENT, as Go's does", async () => {
    const { peer } = rawServer({ One: (r) => ({ id: r.id }) });
    peer.send(5, 1, call("first"));
    assert.equal(Response.decode((await peer.next()).payload).status, undefined);
    for (const id of [5, 3, 8]) {
      peer.send(id, 1, call("again"));
      const frame = await peer.next();
      assert.equal(frame.streamId, id);
      assert.equal(Response.decode(frame.payload).status?.code, 3);
    }
    peer.send(7, 1, call("next"));
    assert.equal(Response.decode((await peer.next()).payload).status, undefined);
  });

  it("answers an undecodable request with INVALID_ARGUMENT and ignores unknown frame types", async () => {
    const { peer } = rawServer({ One: (r) => ({ id: r.id }) });
    peer.send(1, 9, Buffer.from("whatever"));
    peer.send(1, 1, Buffer.from("ffff", "hex"));
    assert.equal(Response.decode((await peer.next()).payload).status?.code, 3);
  });

  it("omits the status of a success, as Go does", async () => {
    const { peer } = rawServer({ One: () => ({ pid: 1 }) });
    peer.send(1, 1, call("x"));
    const frame = await peer.next();
    assert.deepEqual([frame.kind, frame.flags, frame.payload.toString("hex")], [2, 0, "12021801"]);
  });

  it("aborts its calls when their connection ends, and no others", async () => {
    const ended: string[] = [];
    const told = gate();
    const handlers = {
      One: (request: { id: string }, { signal }: CallContext) =>
        new Promise<never>(() => {
          signal.addEventListener("abort", () => {
            ended.push(request.id);
            assert.ok(signal.reason instanceof ConnectionLost);
            told.open();
          });
        }),
    };
    const first = openPair(handlers);
    const second = openPair(handlers);
    const outcomes = [first.probe.One({ id: "first" }), second.probe.One({ id: "second" })];
    void Promise.allSettled(outcomes);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(second.server.activeCalls.length, 1);
    first.near.destroy();
    first.far.destroy();
    await told.passed;
    assert.deepEqual(ended, ["first"]);
    assert.equal(second.server.activeCalls.length, 1);
    second.client.close();
  });

  it("lets a written answer leave before it closes", async () => {
    const { probe, server } = openPair({
      One: () => {
        setImmediate(() => void server.close());
        return StateResponse.create({ id: "bye" });
      },
    });
    assert.equal((await probe.One({})).id, "bye");
    await server.closed;
  });

  it("closes although its peer does not read what is queued", async function () {
    this.timeout(5000);
    const { peer, near, server } = rawServer({ One: () => ({ id: "x".repeat(1 << 20) }) });
    near.pause();
    peer.send(1, 1, call("a"));
    await new Promise((resolve) => setImmediate(resolve));
    await server.close();
    assert.match((await server.closed).message, /its peer did not read/);
  });

  it("reports every call and its outcome", async () => {
    const log: string[] = [];
    const { probe } = openPair(
      { One: (r) => (r.id === "bad" ? Promise.reject(new Error("no")) : { id: r.id }) },
      {
        onCall:
          ({ method }) =>
          (status) =>
            void log.push(`${method} ${status.code}`),
      },
    );
    await probe.One({ id: "good" });
    await probe.One({ id: "bad" }).catch(() => undefined);
    assert.deepEqual(log, ["One 0", "One 13"]);
  });

  it("reports a call whose connection ended as cancelled, once", async () => {
    const log: string[] = [];
    const { probe, near, far } = openPair(
      { One: (_r, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", reject)) },
      {
        onCall:
          ({ method }) =>
          (status) =>
            void log.push(`${method} ${status.code}`),
      },
    );
    void probe.One({}).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    near.destroy();
    far.destroy();
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(log, ["One 1"]);
  });

  it("stops reading requests while its answers are not read", async () => {
    let handled = 0;
    const { peer, near } = rawServer({
      One: () => {
        handled += 1;
        return { id: "x".repeat(100_000) };
      },
    });
    near.pause();
    for (let i = 0; i < 200; i += 1) {
      peer.send(1 + 2 * i, 1, call("a"));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(handled < 20, `handled ${handled} of 200`);
    near.resume();
    for (let i = 0; i < 200; i += 1) await peer.next();
    assert.equal(handled, 200);
  });
});

describe("a ttrpc client", () => {
  it("rejects every pending call with the cause when the connection ends", async () => {
    const { probe, far, client } = openPair({ One: () => new Promise(() => undefined) });
    const outcomes = [probe.One({ id: "a" }), probe.One({ id: "b" })];
    setImmediate(() => far.end());
    for (const outcome of outcomes) await assert.rejects(outcome, ConnectionLost);
    await assert.rejects(probe.One({}), ConnectionLost);
    assert.ok((await client.closed) instanceof ConnectionLost);
    assert.equal(client.pendingCalls, 0);
  });

  it("says when the connection ended inside a frame", async () => {
    const [near, far] = duplexPair();
    const client = new TtrpcClient(near, { peer: "the agent" });
    far.end(Buffer.from("0000", "hex"));
    assert.match((await client.closed).message, /inside a frame/);
  });

  it("fails a call whose answer cannot be decoded, and only that", async () => {
    const [near, far] = duplexPair();
    const peer = rawPeer(far);
    const health = new TtrpcClient(near, { peer: "the agent" }).service(Health);
    const broken = health.Check({});
    const fine = health.Check({});
    peer.send(1, 2, Buffer.from("12ff", "hex"));
    peer.send(3, 2, Buffer.alloc(0));
    await assert.rejects(broken, ProtocolViolation);
    assert.equal((await fine).status, 0);
  });
});

import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { describe, it } from "mocha";
import { Cancelled, ConnectionLost, DeadlineExceeded, RemoteError, WrongState } from "../../../../src/lib/errors.ts";
import { StateRequest, StateResponse } from "../../../../src/wire/gen/containerd/task.ts";
import { Request, Response } from "../../../../src/wire/gen/ttrpc.ts";
import { TtrpcClient } from "../../../../src/wire/ttrpc/client.ts";
import { encodeHeader, type Frame, FrameDecoder } from "../../../../src/wire/ttrpc/frame.ts";
import { gate, openPair, Probe } from "./pair.ts";

async function ids(answers: AsyncIterable<StateResponse>): Promise<string[]> {
  const seen: string[] = [];
  for await (const answer of answers) seen.push(answer.id);
  return seen;
}

async function* three() {
  for (const id of ["a", "b", "c"]) yield { id };
}

/** Records what `near` receives and answers by hand. */
function scripted() {
  const [near, far] = duplexPair();
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  far.on("data", (chunk: Buffer) => frames.push(...decoder.decode(chunk)));
  const send = (kind: number, flags: number, payload: Uint8Array) =>
    far.write(Buffer.concat([encodeHeader({ streamId: 1, kind, flags }, payload.length), payload]));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { client: new TtrpcClient(near, { peer: "the probe" }), far, frames, send, settle };
}

describe("a ttrpc stream", () => {
  it("from the server delivers every item in order and then ends", async () => {
    const { probe } = openPair({ Scatter: three });
    assert.deepEqual(await ids(probe.Scatter({})), ["a", "b", "c"]);
  });

  it("from the server that fails midway delivers the items before its status", async () => {
    const { probe } = openPair({
      async *Scatter() {
        yield { id: "a" };
        throw new Error("out of items");
      },
    });
    const seen: string[] = [];
    await assert.rejects(
      async () => {
        for await (const answer of probe.Scatter({})) seen.push(answer.id);
      },
      (e: unknown) => e instanceof RemoteError && e.status === 13,
    );
    assert.deepEqual(seen, ["a"]);
  });

  it("from the client is gathered into one response", async () => {
    const { probe } = openPair({
      async Gather(requests) {
        const seen: string[] = [];
        for await (const request of requests) seen.push(request.id);
        return { id: seen.join("+") };
      },
    });
    const stream = probe.Gather();
    for (const id of ["a", "", "c"]) await stream.send({ id });
    assert.equal((await stream.finish()).id, "a++c");
  });

  it("in both directions answers while requests still come", async () => {
    const { probe } = openPair({
      async *Both(requests) {
        for await (const request of requests) yield { id: request.id.toUpperCase() };
      },
    });
    const stream = probe.Both();
    const answers = stream[Symbol.asyncIterator]();
    for (const id of ["a", "b"]) {
      await stream.send({ id });
      assert.equal((await answers.next()).value?.id, id.toUpperCase());
    }
    stream.closeSend();
    assert.equal((await answers.next()).done, true);
    await assert.rejects(stream.send({ id: "late" }), WrongState);
  });

  it("opens with remote-open, sends bare data frames and closes with remote-closed and no-data", async () => {
    const { client, frames, settle } = scripted();
    const stream = client.service(Probe).Both();
    await stream.send({ id: "x" });
    await stream.send({});
    stream.closeSend();
    await settle();
    assert.deepEqual(
      frames.map((f) => [f.streamId, f.kind, f.flags, f.kind === 3 ? f.payload.toString("hex") : ""]),
      [
        [1, 1, 2, ""],
        [1, 3, 0, "0a0178"],
        [1, 3, 0, ""],
        [1, 3, 5, ""],
      ],
    );
  });

  it("of the server kind opens with remote-closed and carries its request", async () => {
    const { client, frames, settle } = scripted();
    client.service(Probe).Scatter({ id: "x" });
    await settle();
    const [open] = frames;
    assert.deepEqual([open?.kind, open?.flags], [1, 1]);
    assert.equal(Buffer.from(Request.decode(open?.payload ?? Buffer.alloc(0)).payload).toString("hex"), "0a0178");
  });

  it("ends alike for a Go server's closing data frame and a Rust server's response", async () => {
    for (const [kind, flags] of [
      [3, 5],
      [2, 0],
    ] as const) {
      const { client, send } = scripted();
      const answers = ids(client.service(Probe).Scatter({}));
      send(3, 0, StateResponse.encode({ id: "a" }));
      send(kind, flags, Buffer.alloc(0));
      assert.deepEqual(await answers, ["a"]);
    }
  });

  it("takes an empty message and no message apart", async () => {
    const { client, send } = scripted();
    const answers = ids(client.service(Probe).Scatter({}));
    send(3, 0, Buffer.alloc(0));
    send(3, 4, Buffer.alloc(0));
    send(3, 5, Buffer.alloc(0));
    assert.deepEqual(await answers, [""]);
  });

  it("of a Go client may bring its first message in the request", async () => {
    const { near, far } = openPair({
      async Gather(requests) {
        const seen: string[] = [];
        for await (const request of requests) seen.push(request.id);
        return { id: seen.join("+") };
      },
    });
    near.removeAllListeners("data");
    const got = new Promise<Frame>((resolve) => {
      const decoder = new FrameDecoder();
      near.on("data", (chunk: Buffer) => decoder.decode(chunk).forEach(resolve));
    });
    const open = Request.encode({ service: Probe.name, method: "Gather", payload: StateRequest.encode({ id: "a" }) });
    near.write(Buffer.concat([encodeHeader({ streamId: 1, kind: 1, flags: 2 }, open.length), open]));
    near.write(encodeHeader({ streamId: 1, kind: 3, flags: 5 }, 0));
    assert.equal(StateResponse.decode(Response.decode((await got).payload).payload).id, "a");
    far.destroy();
  });

  it("data for a stream that is not open is answered with INVALID_ARGUMENT", async () => {
    const { near } = openPair({});
    near.removeAllListeners("data");
    const got = new Promise<Frame>((resolve) => {
      const decoder = new FrameDecoder();
      near.on("data", (chunk: Buffer) => decoder.decode(chunk).forEach(resolve));
    });
    near.write(encodeHeader({ streamId: 9, kind: 3, flags: 5 }, 0));
    const frame = await got;
    assert.equal(frame.streamId, 9);
    assert.equal(Response.decode(frame.payload).status?.code, 3);
  });

  it("loses to its time limit, its signal and the end of the connection", async () => {
    const never = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) });
    const { probe, near } = openPair({ Scatter: never });
    await assert.rejects(
      ids(probe.Scatter({}, { timeoutMs: 20 })),
      (e: unknown) => e instanceof DeadlineExceeded || (e instanceof RemoteError && e.status === 4),
    );
    const stop = new AbortController();
    const aborted = ids(probe.Scatter({}, { signal: stop.signal }));
    stop.abort();
    await assert.rejects(aborted, Cancelled);
    const lost = ids(probe.Scatter({}));
    near.destroy();
    await assert.rejects(lost, ConnectionLost);
    await assert.rejects(ids(probe.Scatter({})), ConnectionLost);
    await assert.rejects(probe.Both().send({}), ConnectionLost);
  });

  it("that nobody reads holds the connection, and one that is left lets go of it", async () => {
    let sent = 0;
    const { probe, client } = openPair({
      One: (r) => ({ id: r.id }),
      async *Scatter(_request, { signal }) {
        for (; !signal.aborted; sent += 1) {
          yield { id: "x".repeat(64 << 10) };
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    });
    const answers = probe.Scatter({})[Symbol.asyncIterator]();
    await answers.next();
    for (let before = -1; before !== sent; ) {
      before = sent;
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(sent >= 16 && sent < 64, `${sent} items of 64 KiB left the server`);
    const unary = probe.One({ id: "behind" });
    assert.equal(await Promise.race([unary, new Promise((resolve) => setTimeout(resolve, 50, "held"))]), "held");
    await answers.return?.(undefined);
    assert.equal((await unary).id, "behind");
    client.close();
  });

  it("ends its handler's requests when the connection ends", async () => {
    const done = gate();
    const { probe, near, far } = openPair({
      async Gather(requests) {
        try {
          for await (const _ of requests);
        } finally {
          done.open();
        }
        return {};
      },
    });
    await probe.Gather().send({ id: "a" });
    near.destroy();
    far.destroy();
    await done.passed;
  });
});

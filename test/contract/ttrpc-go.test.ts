// Our ttrpc against containerd's own Go implementation, both ways. Needs Go (and its module proxy the first time);
// without it the cases are skipped, unless REQUIRE names "go".
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { after, before, describe, it } from "mocha";
import { pause } from "../../src/lib/deadline.ts";
import { errorText, NotFound, RemoteError } from "../../src/lib/errors.ts";
import { TtrpcClient } from "../../src/wire/ttrpc/client.ts";
import { serveConnection } from "../../src/wire/ttrpc/server.ts";
import { bindService, type ServiceImpl } from "../../src/wire/ttrpc/server-call.ts";
import { skip } from "../support/tools.ts";
import { Probe } from "../unit/wire/ttrpc/pair.ts";

const handlers: ServiceImpl<typeof Probe> = {
  One({ id }, call) {
    if (id === "missing") throw new NotFound("thing", "x");
    if (id === "metadata") return { id: call.metadata.get("containerd-namespace-ttrpc") ?? "" };
    if (id === "deadline") return { id: String((call.deadlineMs ?? 0) - Date.now() > 3000) };
    if (id === "big") return { id: "x".repeat(3 << 20) };
    if (id === "too big") return { id: "x".repeat(4 << 20) };
    return { id: `ts:${id}` };
  },
  async Gather(requests) {
    const all: string[] = [];
    for await (const { id } of requests) all.push(id);
    return { id: all.join("+") };
  },
  async *Scatter({ id }) {
    for (const item of id.split("+")) yield { id: item };
  },
  async *Both(requests) {
    for await (const { id } of requests) yield { id: id.toUpperCase() };
  },
};

describe("ttrpc with containerd's Go implementation", function () {
  this.timeout(180_000);
  const at = { directory: "", peer: "" };

  before(async function () {
    if (spawnSync("go", ["version"]).status !== 0) {
      if (process.env["REQUIRE"]?.includes("go")) assert.fail("go is missing");
      skip(this, "needs go");
    }
    at.directory = await mkdtemp(join(tmpdir(), "ttrpc-go-"));
    at.peer = join(at.directory, "peer");
    const build = spawnSync("go", ["build", "-o", at.peer, "."], { cwd: join(import.meta.dirname, "ttrpc-go") });
    assert.equal(build.status, 0, String(build.stderr));
  });

  after(async () => {
    if (at.directory !== "") await rm(at.directory, { recursive: true, force: true });
  });

  it("serves a Go client unary calls, errors, deadlines, metadata and streams", async () => {
    const path = join(at.directory, "ts.sock");
    const server = createServer((socket) => {
      serveConnection(socket, [bindService(Probe, handlers)], {
        peer: "the Go client",
        toStatus: (error) => ({ code: error instanceof NotFound ? 5 : 2, message: errorText(error) }),
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const { stdout } = await promisify(execFile)(at.peer, ["call", path], { timeout: 30_000 });
    server.close();
    assert.deepEqual(stdout.trim().split("\n"), [
      'One a: "ts:a" OK ""',
      'One : "ts:" OK ""',
      'One metadata: "k8s.io" OK ""',
      'One missing: "" NotFound "thing \\"x\\" not found"',
      'One big: "3145728 bytes" OK ""',
      'One too big: "" ResourceExhausted "the answer of 4194314 bytes exceeds the maximum of 4194304"',
      'Nothing a: "" Unimplemented "method test.Probe/Nothing is not served here"',
      'One deadline: "true" OK ""',
      'Scatter: "a"',
      'Scatter: ""',
      'Scatter: "c"',
      "Scatter ends: EOF",
      'Gather: "a++c"',
      "Gather ends: EOF",
      'Both: "A"',
      "Both ends: EOF",
      'One last: "ts:last" OK ""',
    ]);
  });

  it("calls a Go server: unary calls, errors, deadlines, metadata and streams", async () => {
    const path = join(at.directory, "go.sock");
    const peer = spawn(at.peer, ["serve", path], { stdio: ["ignore", "ignore", "inherit"] });
    const exited = new Promise((resolve) => peer.once("exit", resolve));
    try {
      for (let tries = 0; !existsSync(path) && tries < 500; tries += 1) await pause(10);
      const client = new TtrpcClient(connect(path), { peer: "the Go server" });
      await callEverything(client);
      client.close();
    } finally {
      peer.kill();
      await exited;
    }
  });
});

async function callEverything(client: TtrpcClient): Promise<void> {
  const probe = client.service(Probe);
  const metadata = { "containerd-namespace-ttrpc": "k8s.io" };
  assert.equal((await probe.One({ id: "a" })).id, "go:a");
  assert.equal((await probe.One({ id: "metadata" }, { metadata })).id, "k8s.io");
  assert.equal((await probe.One({ id: "deadline" }, { timeoutMs: 5000 })).id, "true");
  assert.equal((await probe.One({ id: "big" })).id.length, 3 << 20);
  assert.equal((await probe.One({ id: "x".repeat(3 << 20) })).id.length, (3 << 20) + 3);
  await assert.rejects(probe.One({ id: "missing" }), (e: unknown) => {
    assert.ok(e instanceof RemoteError);
    assert.deepEqual([e.status, e.remoteMessage], [5, "no such thing"]);
    return true;
  });
  const many = await Promise.all(Array.from({ length: 200 }, (_, n) => probe.One({ id: String(n) })));
  assert.deepEqual(
    many.map((a) => a.id),
    Array.from({ length: 200 }, (_, n) => `go:${n}`),
  );

  const gathering = probe.Gather();
  for (const id of ["a", "", "c"]) await gathering.send({ id });
  assert.equal((await gathering.finish()).id, "a++c");

  const scattered: string[] = [];
  for await (const { id } of probe.Scatter({ id: "a++c" })) scattered.push(id);
  assert.deepEqual(scattered, ["a", "", "c"]);
  await assert.rejects(
    async () => {
      for await (const { id } of probe.Scatter({ id: "a+fail" })) assert.equal(id, "a");
    },
    (e: unknown) => e instanceof RemoteError && e.status === 10,
  );

  const mixed = probe.Both();
  await mixed.send({ id: "a" });
  const answers = mixed[Symbol.asyncIterator]();
  assert.equal((await answers.next()).value?.id, "A");
  mixed.closeSend();
  assert.equal((await answers.next()).done, true);
  assert.equal(client.pendingCalls, 0);
}

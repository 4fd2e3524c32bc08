import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { dialHybrid, hybridListenPath, listenHybrid } from "../../../src/host/hybrid-vsock.ts";
import { loadLibc } from "../../../src/host/libc.ts";
import { readPeerCredentials } from "../../../src/host/peer-credentials.ts";
import { adopt, dialVsock, isRetryableDial, listenVsock } from "../../../src/host/vsock.ts";
import { Cancelled, DeadlineExceeded, HostCallFailed, ProtocolViolation } from "../../../src/lib/errors.ts";
import type { OwnedThing, Ownership } from "../../../src/lib/owned.ts";
import { skip } from "../../support/tools.ts";

const openDescriptors = () => readdirSync("/proc/self/fd").length;

describe("the kernel's vsock", () => {
  it("adopts a connected descriptor as a socket that carries data and half-closes", async () => {
    const libc = await loadLibc();
    await using server = await listening((socket) => socket.pipe(socket));
    // A TCP socket stands in: the adopted handle never learns the family.
    const fd = libc.socket(2, 1 | 0o2000000, 0);
    const address = Buffer.alloc(16);
    address.writeUInt16LE(2, 0);
    address.writeUInt16BE(server.port, 2);
    address.set([127, 0, 0, 1], 4);
    assert.equal(libc.connect(fd, address, 16), 0);
    const socket = new net.Socket({ handle: adopt(fd), allowHalfOpen: true } as net.SocketConstructorOpts);
    socket.end(Buffer.alloc(1_000_000, 7));
    assert.equal((await text(socket)).length, 1_000_000);
  });

  it("connects, carries data and half-closes over the loopback context", async function () {
    if (!existsSync("/dev/vsock") || !hasLoopback()) skip(this, "needs /dev/vsock and its loopback");
    const server = await listenVsock(50_000 + (process.pid % 10_000), (socket) => socket.pipe(socket));
    const socket = await dialVsock(1, 50_000 + (process.pid % 10_000), { timeoutMs: 2_000 });
    socket.end(Buffer.alloc(1_000_000, 7));
    assert.equal((await text(socket)).length, 1_000_000);
    server.close();
  });

  it("listens once a port, and tells who is second", async function () {
    if (!existsSync("/dev/vsock")) skip(this, "needs /dev/vsock");
    const port = 40_000 + (process.pid % 10_000);
    const before = openDescriptors();
    const server = await listenVsock(port, (socket) => socket.destroy());
    await assert.rejects(
      listenVsock(port, (socket) => socket.destroy()),
      (error: unknown) => {
        assert.ok(error instanceof HostCallFailed);
        assert.equal(error.errno, "EADDRINUSE");
        return true;
      },
    );
    await new Promise((resolve) => server.close(resolve));
    assert.ok(openDescriptors() <= before);
  });

  it("knows which failures mean not yet", () => {
    assert.ok(isRetryableDial(new HostCallFailed("connect", "ECONNRESET")));
    assert.ok(isRetryableDial(new HostCallFailed("connect", "ENODEV")));
    assert.ok(!isRetryableDial(new HostCallFailed("connect", "EACCES")));
    assert.ok(!isRetryableDial(new Cancelled("connect")));
  });
});

describe("vsock behind a Unix socket", () => {
  let dir = "";
  const claims: OwnedThing[] = [];
  const ownership: Ownership = { claim: async (thing) => void claims.push(thing), release: async () => undefined };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-vsock-"));
    claims.length = 0;
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** A daemon that insists on the handshake, then answers with `reply`. */
  const daemon = (reply: (port: string, socket: net.Socket) => void) =>
    listening(
      (socket) => {
        socket.once("data", (data: Buffer) => {
          const port = /^CONNECT ([0-9]+)\n$/.exec(data.toString())?.[1];
          if (port === undefined) socket.destroy();
          else reply(port, socket);
        });
      },
      join(dir, "vsock"),
    );
  const dial = (timeoutMs = 1_000, signal?: AbortSignal) => dialHybrid(join(dir, "vsock"), 1024, { timeoutMs, signal });

  it("connects by the handshake and then carries what follows, both ways", async () => {
    await using _server = await daemon((port, socket) => {
      socket.write(`OK ${port}\n`);
      socket.pipe(socket);
    });
    const socket = await dial();
    socket.end("payload");
    assert.equal(await text(socket), "payload");
  });

  it("loses no byte that arrives together with the answer, however the answer is cut", async () => {
    for (const pieces of [
      ["OK 1073741824\nfirst words"],
      ["O", "K 5", "\n", "first words"],
      ["OK 5\nfirst", " words"],
    ]) {
      await using _server = await daemon((_, socket) => {
        const send = ([piece, ...rest]: readonly string[]) => {
          if (piece === undefined) socket.end();
          else socket.write(piece, () => setTimeout(send, 5, rest));
        };
        send(pieces);
      });
      const socket = await dial();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(await text(socket), "first words");
      socket.destroy();
    }
  });

  it("reports a daemon that hangs up as a failure that may pass", async () => {
    await using _server = await daemon((_, socket) => socket.end());
    await assert.rejects(dial(), isRetryableDial);
    await assert.rejects(dialHybrid(join(dir, "none"), 1024, { timeoutMs: 1_000 }), isRetryableDial);
  });

  it("refuses an answer that is none, and one without end", async () => {
    for (const answer of ["NO\n", "HTTP/1.1 400\n", "O".repeat(100)]) {
      await using _server = await daemon((_, socket) => socket.write(answer));
      await assert.rejects(dial(), ProtocolViolation);
    }
  });

  it("gives up at its deadline and when cancelled", async () => {
    await using _server = await daemon(() => undefined);
    await assert.rejects(dial(50), DeadlineExceeded);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(dial(1_000, controller.signal), Cancelled);
  });

  it("listens for the guest at the path with the port in its name, claimed first", async () => {
    const path = hybridListenPath(join(dir, "vsock"), 7000);
    const server = await listenHybrid({ path: join(dir, "vsock"), port: 7000, ownership }, (socket) =>
      socket.end("hi"),
    );
    assert.equal(path, join(dir, "vsock_7000"));
    assert.deepEqual(claims, [{ kind: "path", path }]);
    assert.equal(await text(net.connect(path)), "hi");
    server.close();
  });

  it("tells who connected", async () => {
    const seen: unknown[] = [];
    await using _server = await listening(
      (socket) => {
        void readPeerCredentials(socket).then((who) => {
          seen.push(who);
          socket.end();
        });
      },
      join(dir, "s"),
    );
    await text(net.connect(join(dir, "s")));
    assert.deepEqual(seen, [{ pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() }]);
  });
});

async function listening(onConnection: (socket: net.Socket) => void, path?: string) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, "127.0.0.1", resolve) : server.listen(path, resolve),
  );
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function hasLoopback(): boolean {
  return existsSync("/sys/module/vsock_loopback");
}

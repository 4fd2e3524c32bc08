import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { joinGuestPort } from "../../../src/runtime/guest-forward.ts";

/** The guest's forwarder, as far as the test says, and a client; `dialled` is our end of the guest's connection. */
async function forward(serve: (guest: Socket) => void) {
  const folder = mkdtempSync(join(tmpdir(), "guest-forward-"));
  const dialled: Socket[] = [];
  const forwarder = createServer({ allowHalfOpen: true }, (guest) => {
    guest.on("error", () => undefined);
    serve(guest);
  });
  const clients = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await Promise.all([forwarder, clients].map((server, at) => once(server.listen(join(folder, `${at}`)), "listening")));
  const client = connect({ path: join(folder, "1"), allowHalfOpen: true });
  const [accepted] = (await once(clients, "connection")) as [Socket];
  const vm = {
    dialGuest: async () => {
      const socket = connect({ path: join(folder, "0"), allowHalfOpen: true });
      dialled.push(socket);
      await once(socket, "connect");
      return socket;
    },
  };
  return {
    client,
    dialled,
    joined: joinGuestPort(accepted, { vm, forwarder: 7, port: 80, answerMs: 200 }),
    [Symbol.dispose]() {
      for (const socket of [client, accepted, ...dialled]) socket.destroy();
      forwarder.close();
      clients.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function isGone(socket: Socket | undefined): Promise<void> {
  assert.ok(socket);
  if (!socket.closed) await once(socket, "close", { signal: AbortSignal.timeout(2000) });
}

describe("a forwarded connection", () => {
  it("is joined with the port of the guest, and each side's end goes on to the other", async () => {
    using both = await forward((guest) => {
      guest.once("data", (request) => {
        assert.equal(request.toString(), "CONNECT 80\n");
        guest.write("OK\nhello");
        guest.on("data", (bytes) => guest.write(bytes)).on("end", () => guest.end());
      });
    });
    await both.joined;
    both.client.end(" again");
    let heard = "";
    for await (const bytes of both.client) heard += String(bytes);
    assert.equal(heard, "hello again");
    await isGone(both.dialled[0]);
  });

  for (const [what, serve, reason] of [
    ["nobody listens on the port", (guest) => guest.end(), /nobody listens/],
    ["the guest answers something else", (guest) => guest.write("NO\n"), /answers "NO"/],
    ["the guest's answer has no end", (guest) => guest.write("x".repeat(100)), /has no end/],
    ["the guest says nothing", () => undefined, /did not finish within 200 ms/],
  ] as readonly [string, (guest: Socket) => void, RegExp][]) {
    it(`leaves no connection to the guest where ${what}`, async () => {
      using both = await forward(serve);
      await assert.rejects(both.joined, reason);
      await isGone(both.dialled[0]);
    });
  }

  it("that breaks off while it is made is no error of anybody else's", async () => {
    using both = await forward((guest) => guest.once("data", () => both.dialled[0]?.destroy(new Error("ECONNRESET"))));
    await assert.rejects(both.joined, /nobody listens/);
  });
});

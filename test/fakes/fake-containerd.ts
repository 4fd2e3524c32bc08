// containerd's ttrpc socket as a shim sees it: only the Events service, refusing what the real one
// refuses (core/events/exchange: zero timestamp, bad namespace, topic without slash). Faults are
// asked for by the test: refuse, stay silent, cut connections, go away and come back.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { errorText } from "../../src/lib/errors.ts";
import type { Envelope, ForwardRequest } from "../../src/wire/gen/containerd/events_service.ts";
import { Events } from "../../src/wire/gen/containerd/events_service.ts";
import { serveConnection } from "../../src/wire/ttrpc/server.ts";
import { bindService } from "../../src/wire/ttrpc/server-call.ts";

export type Fault = "refuse" | "mute" | "cut";

export class FakeContainerd implements AsyncDisposable {
  readonly path: string;
  /** envelopes that were accepted, in order */
  readonly received: Envelope[] = [];
  /** topics that arrived, accepted or not */
  readonly attempts: string[] = [];
  /** consulted for each call, first to last; without one left calls succeed */
  readonly faults: Fault[] = [];
  connections = 0;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  private constructor(path: string) {
    this.path = path;
  }

  static async listen(): Promise<FakeContainerd> {
    const fake = new FakeContainerd(join(await mkdtemp(join(tmpdir(), "fake-containerd-")), "c.ttrpc"));
    await fake.comeBack();
    return fake;
  }

  get topics(): readonly string[] {
    return this.received.map((envelope) => envelope.topic);
  }

  /** As at containerd's restart: connections break, and nobody listens. */
  async goAway(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    this.#server = null;
  }

  async comeBack(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
  }

  async untilReceived(count: number, limitMs = 5000): Promise<void> {
    for (const end = Date.now() + limitMs; this.received.length < count; await pause(5)) {
      if (Date.now() > end) throw new Error(`${this.received.length} of ${count} events came: ${this.topics.join()}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goAway();
    await rm(join(this.path, ".."), { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    const forward = async ({ envelope }: ForwardRequest) => {
      this.attempts.push(envelope?.topic ?? "");
      const fault = this.faults.shift();
      if (fault === "cut") socket.destroy();
      if (fault === "cut" || fault === "mute") await new Promise(() => undefined);
      if (fault === "refuse") throw new Error("the exchange is closed");
      this.received.push(validate(envelope));
      return {};
    };
    serveConnection(socket, [bindService(Events, { Forward: forward })], {
      peer: "the shim",
      toStatus: (error) => ({ code: 3, message: errorText(error) }),
    });
  }
}

function validate(envelope: Envelope | undefined): Envelope {
  const { timestamp, namespace = "", topic = "", event } = envelope ?? {};
  if (envelope === undefined || (timestamp?.seconds ?? 0n) === 0n) throw new Error("timestamp must be set on envelope");
  if (!/^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/.test(namespace)) throw new Error(`event envelope has invalid namespace`);
  if (!/^\/[A-Za-z0-9-]+(\/[A-Za-z0-9-]+)*$/.test(topic)) throw new Error(`must start with "/": ${topic}`);
  if (event === undefined || event.type_url === "") throw new Error("event is missing");
  return envelope;
}

// A QMP server that enforces QEMU's protocol rules on a real Unix socket: greeting first, nothing but
// qmp_capabilities before negotiation, ids echoed, answers in order except out-of-band ones. The contract tests run
// the same scenario against real QEMU, which keeps this honest. Faults are injected by name of a command.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Json = Readonly<Record<string, unknown>>;
type Respond = (args: Json, session: FakeSession) => unknown;

export interface FakeQemuOptions {
  /** where to listen; a folder of its own when absent */
  readonly path?: string;
  readonly capabilities?: readonly string[];
  /** answers by command name; a thrown QmpRefusal becomes an error answer */
  readonly commands?: Readonly<Record<string, Respond>>;
  /** commands that are never answered */
  readonly mute?: readonly string[];
}

/** What a command answers when it refuses, in QMP's words. */
export class QmpRefusal extends Error {
  readonly errorClass: string;

  constructor(description: string, errorClass = "GenericError") {
    super(description);
    this.errorClass = errorClass;
  }
}

export interface FakeSession {
  event(name: string, data?: Json): void;
  /** bytes as they are, for tests of broken peers */
  raw(text: string): void;
  end(): void;
}

const qemuVersion = { qemu: { micro: 0, minor: 0, major: 10 }, package: "fake" };
/** Commands with `allow-oob` in QEMU's schema that the fake knows. */
const outOfBandCommands = ["migrate-pause", "x-oob-test"];

export class FakeQemu implements AsyncDisposable {
  /** every command that was accepted for execution, in order */
  readonly executed: { readonly command: string; readonly args: Json }[] = [];
  readonly path: string;
  readonly #server: Server;
  readonly #options: FakeQemuOptions;
  readonly #sockets = new Set<Socket>();
  #status = { status: "prelaunch", running: false };

  private constructor(path: string, options: FakeQemuOptions) {
    this.path = path;
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async listen(options: FakeQemuOptions = {}): Promise<FakeQemu> {
    const path = options.path ?? join(await mkdtemp(join(tmpdir(), "fake-qemu-")), "qmp.sock");
    const fake = new FakeQemu(path, options);
    await new Promise<void>((resolve) => fake.#server.listen(fake.path, resolve));
    return fake;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(join(this.path, ".."), { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    const say = (message: Json) => socket.write(`${JSON.stringify(message)}\r\n`);
    const session: FakeSession = {
      event: (event, data) => say({ timestamp: clock(), event, ...(data === undefined ? {} : { data }) }),
      raw: (text) => void socket.write(text),
      end: () => void socket.end(),
    };
    const { capabilities = ["oob"] } = this.#options;
    say({ QMP: { version: qemuVersion, capabilities } });
    const state = { isNegotiated: false, hasOutOfBand: false };
    let pending = "";
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      const lines = (pending + text).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines.filter((l) => l.trim() !== "")) this.#answer(line, { state, session, say });
    });
  }

  #answer(
    line: string,
    to: {
      state: { isNegotiated: boolean; hasOutOfBand: boolean };
      session: FakeSession;
      say: (message: Json) => void;
    },
  ): void {
    let request: Json;
    try {
      request = JSON.parse(line) as Json;
    } catch {
      to.say({ error: { class: "GenericError", desc: "JSON parse error" } });
      return;
    }
    const id = "id" in request ? { id: request["id"] } : {};
    try {
      const result = this.#execute(request, to);
      if (result !== undefined) to.say({ return: result, ...id });
      if (request["execute"] === "quit") to.session.end();
    } catch (error) {
      if (!(error instanceof QmpRefusal)) throw error;
      to.say({ ...id, error: { class: error.errorClass, desc: error.message } });
    }
  }

  #execute(
    request: Json,
    to: { state: { isNegotiated: boolean; hasOutOfBand: boolean }; session: FakeSession },
  ): unknown {
    const isOutOfBand = "exec-oob" in request;
    const command = String(request["exec-oob"] ?? request["execute"]);
    const args = (request["arguments"] ?? {}) as Json;
    checkMembers(request);
    if (isOutOfBand && !to.state.hasOutOfBand) throw new QmpRefusal("QMP input member 'exec-oob' is unexpected");
    if (command === "qmp_capabilities") return negotiate(args, to.state, this.#options.capabilities ?? ["oob"]);
    if (!to.state.isNegotiated)
      throw new QmpRefusal("Expecting capabilities negotiation with 'qmp_capabilities'", "CommandNotFound");
    if (isOutOfBand && !outOfBandCommands.includes(command))
      throw new QmpRefusal(`The command ${command} does not support OOB`);
    const respond = this.#options.commands?.[command] ?? this.#builtin[command];
    if (respond === undefined) throw new QmpRefusal(`The command ${command} has not been found`, "CommandNotFound");
    this.executed.push({ command, args });
    if (this.#options.mute?.includes(command)) return undefined;
    return respond(args, to.session);
  }

  readonly #builtin: Readonly<Record<string, Respond>> = {
    "query-status": () => this.#status,
    "query-version": () => qemuVersion,
    cont: (_args, session) => {
      if (!this.#status.running) session.event("RESUME");
      this.#status = { status: "running", running: true };
      return {};
    },
    stop: (_args, session) => {
      if (this.#status.running) session.event("STOP");
      this.#status = { status: "paused", running: false };
      return {};
    },
    quit: (_args, session) => {
      session.event("SHUTDOWN", { guest: false, reason: "host-qmp-quit" });
      return {};
    },
    device_add: ({ driver }) => {
      throw new QmpRefusal(`'${String(driver)}' is not a valid device model name`);
    },
  };
}

function checkMembers(request: Json): void {
  const extra = Object.keys(request).find((key) => !["execute", "exec-oob", "arguments", "id"].includes(key));
  if (extra !== undefined) throw new QmpRefusal(`QMP input member '${extra}' is unexpected`);
}

function negotiate(
  args: Json,
  state: { isNegotiated: boolean; hasOutOfBand: boolean },
  offered: readonly string[],
): Json {
  if (state.isNegotiated)
    throw new QmpRefusal("Capabilities negotiation is already complete, command ignored", "CommandNotFound");
  const enable = (args["enable"] ?? []) as readonly string[];
  const unknown = enable.find((capability) => !offered.includes(capability));
  if (unknown !== undefined) throw new QmpRefusal(`Capability ${unknown} is not available`);
  state.isNegotiated = true;
  state.hasOutOfBand = enable.includes("oob");
  return {};
}

function clock(): Json {
  const now = Date.now();
  return { seconds: Math.floor(now / 1000), microseconds: (now % 1000) * 1000 };
}

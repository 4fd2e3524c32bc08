// Attach by the control service: a second listener on a container's first process, and a second writer
// to it. The client of containerd that the process belongs to keeps its streams, its speed and its end.
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { InvalidRequest, NotFound } from "../lib/errors.ts";
import { raceLasting } from "../lib/race.ts";
import type { Container } from "../pod/container.ts";
import type { Pod } from "../pod/pod.ts";
import type { AttachInput, AttachOutput, AttachStart, WindowSize } from "../wire/gen/control.ts";
import { boundedSender, failCall, type HeldInput, holdInput } from "./control-calls.ts";

type AttachCall = ServerDuplexStream<AttachInput, Partial<AttachOutput>>;

export function attachToPod(call: AttachCall, pod: Pod): void {
  const session = new AttachSession(call, pod);
  call.on("data", (input: AttachInput) => session.take(input));
  call.on("cancelled", () => session.leave());
  // a client that says nothing more detaches: the process's stdin stays open for its owner
  call.on("end", () => session.leave());
}

class AttachSession {
  readonly #call: AttachCall;
  readonly #pod: Pod;
  readonly #input: HeldInput;
  readonly #left: Promise<void>;
  #leave: () => void = () => undefined;
  #container: Container | null = null;

  constructor(call: AttachCall, pod: Pod) {
    this.#call = call;
    this.#pod = pod;
    this.#input = holdInput(call);
    this.#left = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  take({ start, stdin, resize }: AttachInput): void {
    if (start !== undefined) void this.#run(start).catch((error: unknown) => failCall(this.#call, error));
    else if (stdin !== undefined) this.#input.push(stdin);
    else if (resize !== undefined) void this.#resize(resize);
  }

  leave(): void {
    this.#leave();
  }

  async #run(start: AttachStart): Promise<void> {
    const container = this.#begin(start);
    const { init } = container;
    const send = boundedSender<Partial<AttachOutput>>(this.#call);
    using _output = init.listen((stream, bytes) => send({ [stream]: bytes }, bytes.length));
    this.#call.write({ attached: { terminal: init.facts.stdioPaths.terminal } });
    if (start.stdin) void this.#pumpInput(container);
    const exit = await raceLasting(this.#left, init.wait());
    this.#input.stream.destroy();
    if (this.#call.writableEnded) return;
    if (exit !== undefined) this.#call.write({ exit_status: exit.status });
    this.#call.end();
  }

  #begin(start: AttachStart): Container {
    if (this.#container !== null) throw new InvalidRequest("start", "was sent twice");
    if (start.pod_id !== this.#pod.id) throw new NotFound("pod", start.pod_id);
    const container = this.#pod.container(start.container_id);
    container.init.lifecycle.require("attach to it", "running", "paused");
    if (start.stdin && container.facts.stdio.stdin === "") {
      throw new InvalidRequest("stdin", `container ${start.container_id} was started without`);
    }
    this.#container = container;
    return container;
  }

  async #resize(size: WindowSize): Promise<void> {
    await this.#container?.resize("", size).catch(() => undefined);
  }

  async #pumpInput({ init }: Container): Promise<void> {
    try {
      for await (const bytes of this.#input.stream) await init.feed(bytes as Uint8Array);
    } catch {
      if (!this.#call.writableEnded) this.#call.write({ stdin_closed: true });
    }
  }
}

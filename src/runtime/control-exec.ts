// Exec by the control service: a process in a container whose streams are the gRPC call's own. It
// begins as the container's first process did (user, environment, capabilities), as `kubectl exec` does.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PassThrough } from "node:stream";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { errnoOf, InvalidRequest, NotFound } from "../lib/errors.ts";
import { parseSpec } from "../oci/parse-spec.ts";
import type { Process } from "../oci/types.ts";
import type { Container } from "../pod/container.ts";
import type { Pod } from "../pod/pod.ts";
import type { ByteSink, ProcessStdio } from "../pod/ports.ts";
import type { ExecInput, ExecOutput, ExecStart } from "../wire/gen/control.ts";
import { failCall, type HeldInput, holdInput } from "./control-calls.ts";

type ExecCall = ServerDuplexStream<ExecInput, Partial<ExecOutput>>;

export function execInPod(call: ExecCall, pod: Pod): void {
  const session = new ExecSession(call, pod);
  call.on("data", (input: ExecInput) => session.take(input));
  // a client that is gone takes its process with it
  call.on("cancelled", () => session.abandon());
  call.on("end", () => session.endInput());
}

class ExecSession {
  readonly #call: ExecCall;
  readonly #pod: Pod;
  readonly #stdin: HeldInput;
  #running: { readonly container: Container; readonly execId: string } | null = null;
  #begun = false;

  constructor(call: ExecCall, pod: Pod) {
    this.#call = call;
    this.#pod = pod;
    this.#stdin = holdInput(call);
  }

  take(input: ExecInput): void {
    if (input.start !== undefined) void this.#run(input.start).catch((error: unknown) => failCall(this.#call, error));
    else if (input.stdin !== undefined) this.#stdin.push(input.stdin);
    else if (input.close_stdin) this.#stdin.stream.end();
    else void this.#forward(input).catch(() => undefined);
  }

  endInput(): void {
    this.#stdin.stream.end();
  }

  abandon(): void {
    void this.#forward({ signal: 9 }).catch(() => undefined);
  }

  async #forward(input: Partial<ExecInput>): Promise<void> {
    if (this.#running === null) return;
    const { container, execId } = this.#running;
    if (input.resize !== undefined) await container.resize(execId, input.resize);
    if (input.signal !== undefined) {
      await this.#pod.kill(container.facts.id, { execId, signal: input.signal, all: false });
    }
  }

  async #run(start: ExecStart): Promise<void> {
    if (this.#begun) throw new InvalidRequest("start", "was sent twice");
    this.#begun = true;
    if (start.pod_id !== this.#pod.id) throw new NotFound("pod", start.pod_id);
    const container = this.#pod.container(start.container_id || this.#pod.id);
    const execId = `control-${randomBytes(6).toString("hex")}`;
    const paths = { stdin: "", stdout: "", stderr: "", terminal: start.terminal };
    const process = container.addExec(execId, await composeProcess(container, start), paths);
    process.attachStdio(callStdio(this.#call, this.#stdin.stream, start.terminal));
    try {
      await container.startExec(execId);
      this.#running = { container, execId };
      if (start.size !== undefined) await this.#forward({ resize: start.size });
      if (this.#call.cancelled) this.abandon();
      const { status: exit_status } = await process.wait();
      this.#call.write({ exit_status });
      this.#call.end();
    } finally {
      this.#running = null;
      container.deleteExec(execId);
    }
  }
}

async function composeProcess(container: Container, start: ExecStart): Promise<Process> {
  const base = await readFirstProcess(container.facts.bundle);
  const names = new Set(start.env.map(nameOf));
  return {
    ...base,
    args: start.args,
    env: [...(base.env ?? []).filter((entry) => !names.has(nameOf(entry))), ...start.env],
    cwd: start.cwd || base.cwd,
    terminal: start.terminal,
  };
}

/** Of the bundle, where containerd keeps it while the container lives. */
async function readFirstProcess(bundle: string): Promise<Process> {
  const fallback: Process = { cwd: "/", user: { uid: 0, gid: 0 } };
  try {
    return parseSpec(await readFile(join(bundle, "config.json"))).process ?? fallback;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return fallback;
    throw error;
  }
}

function nameOf(entry: string): string {
  return entry.split("=", 1)[0] ?? "";
}

function callStdio(call: ExecCall, stdin: PassThrough, terminal: boolean): ProcessStdio {
  const sink = (render: (data: Buffer) => Partial<ExecOutput>): ByteSink => ({
    write: (bytes) =>
      new Promise((resolve, reject) => {
        const gone = () => reject(new Error("the client is gone"));
        if (call.cancelled || call.destroyed) return gone();
        if (call.write(render(Buffer.from(bytes)))) return resolve();
        // gRPC tells of a client that left by `cancelled`, and then never drains
        const settle = (act: () => void) => () => {
          call.off("drain", onDrain);
          call.off("cancelled", onGone);
          act();
        };
        const onDrain = settle(resolve);
        const onGone = settle(gone);
        call.once("drain", onDrain);
        call.once("cancelled", onGone);
      }),
  });
  return {
    stdin,
    stdout: sink((stdout) => ({ stdout })),
    stderr: terminal ? null : sink((stderr) => ({ stderr })),
    closeStdin: () => void stdin.end(),
    close: async () => void stdin.destroy(),
  };
}

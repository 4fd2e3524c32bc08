// Exec by the control service: a process in a container whose streams are the gRPC call's own.
import { randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { errorText, InvalidRequest } from "../lib/errors.ts";
import type { Pod } from "../pod/pod.ts";
import type { ByteSink, ProcessStdio } from "../pod/ports.ts";
import type { ExecInput, ExecOutput, ExecStart } from "../wire/gen/control.ts";

type ExecCall = ServerDuplexStream<ExecInput, Partial<ExecOutput>>;

export async function execInPod(call: ExecCall, pod: Pod): Promise<void> {
  const stdin = new PassThrough();
  const session: { execId: string; containerId: string } = { execId: "", containerId: "" };
  call.on("data", (input: ExecInput) => {
    if (input.start !== undefined) void begin(input.start).catch(fail);
    else if (input.stdin !== undefined) stdin.write(input.stdin);
    else if (input.close_stdin) stdin.end();
    else if (session.execId !== "") void forward(input).catch(() => undefined);
  });
  // a client that is gone takes its process with it
  call.on("cancelled", () => void forward({ signal: 9 }).catch(() => undefined));
  call.on("end", () => stdin.end());

  const fail = (error: unknown): void => {
    call.destroy(
      Object.assign(new Error(errorText(error)), { code: status.FAILED_PRECONDITION, details: errorText(error) }),
    );
  };
  const forward = async (input: Partial<ExecInput>): Promise<void> => {
    const { containerId: id, execId } = session;
    if (input.resize !== undefined) await pod.container(id).resize(execId, input.resize);
    if (input.signal !== undefined) await pod.kill(id, { execId, signal: input.signal, all: false });
  };
  const begin = async (start: ExecStart): Promise<void> => {
    if (session.execId !== "") throw new InvalidRequest("start", "was sent twice");
    const containerId = start.container_id || pod.id;
    const container = pod.container(containerId);
    session.containerId = containerId;
    session.execId = `control-${randomBytes(6).toString("hex")}`;
    const paths = { stdin: "", stdout: "", stderr: "", terminal: start.terminal };
    const spec = {
      args: start.args,
      env: start.env,
      cwd: start.cwd || "/",
      terminal: start.terminal,
      user: { uid: 0, gid: 0 },
    };
    const process = container.addExec(session.execId, spec, paths);
    process.attachStdio(callStdio(call, stdin, start.terminal));
    try {
      await container.startExec(session.execId);
      if (start.size !== undefined) await forward({ resize: start.size });
      const { status: exit_status } = await process.wait();
      call.write({ exit_status });
      call.end();
    } finally {
      container.deleteExec(session.execId);
    }
  };
}

function callStdio(call: ExecCall, stdin: PassThrough, terminal: boolean): ProcessStdio {
  const sink = (render: (data: Buffer) => Partial<ExecOutput>): ByteSink => ({
    write: (bytes) =>
      new Promise((resolve, reject) => {
        const output = render(Buffer.from(bytes));
        if (call.cancelled) reject(new Error("the client is gone"));
        else if (call.write(output)) resolve();
        else call.once("drain", resolve);
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

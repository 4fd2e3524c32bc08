// `attach`: what a running container writes from now on, and, when asked for, input to it. The container
// belongs to containerd's client: leaving it (Ctrl-P Ctrl-Q, a signal) does nothing to it.
import { InvalidRequest } from "../lib/errors.ts";
import { type ArgsOf, type CommandResult, defineCommand } from "./command.ts";
import type { ControlClient } from "./control-client.ts";
import { DetachKeys } from "./detach-keys.ts";
import { chooseContainer } from "./exec.ts";
import { podOption, withControl } from "./inspect.ts";
import { Collected, onResize, onSignals, openInput, rawTerminal, sinkOf, windowSize } from "./terminal.ts";

const options = {
  pod: podOption,
  container: { type: "string", describe: "container id, or the beginning of one (default: the only one)" },
  interactive: { type: "boolean", alias: "i", describe: "pass stdin on; Ctrl-P Ctrl-Q leaves", default: false },
} as const;
type Args = ArgsOf<typeof options>;
type AttachCall = ReturnType<typeof beginAttach>;

const beginAttach = (client: ControlClient) => client.converse("Attach");
type AttachAnswer = AttachCall extends AsyncIterable<infer Answer> ? Answer : never;
const nothing: Disposable = { [Symbol.dispose]: () => undefined };

export const attachCommand = defineCommand({
  command: "attach <pod> [container]",
  describe: "join a running container's streams: its output from now on, and with -i its input",
  options,
  run: async (args) => {
    if ((args.rest ?? []).length > 0) throw new InvalidRequest("command", "is not taken by attach; use exec");
    const container = await chooseContainer(args.pod, args.container);
    return await withControl(args.pod, (client, podId) => attachTo(client, { podId, container, args }));
  },
});

async function attachTo(
  client: ControlClient,
  { podId, container, args }: { podId: string; container: string; args: Args },
): Promise<CommandResult> {
  const call = beginAttach(client);
  call.write({ start: { pod_id: podId, container_id: container, stdin: args.interactive } });
  using _signals = leaveOnSignals(call);
  const answers = call[Symbol.asyncIterator]();
  const first = await answers.next();
  const terminal = first.done !== true && first.value.attached?.terminal === true;
  const keyed = terminal && args.interactive && process.stdin.isTTY;
  using _raw = keyed ? rawTerminal(process.stdin) : nothing;
  using _size = terminal ? followSize(call) : nothing;
  const input = args.interactive ? openInput(process.stdin) : undefined;
  if (input !== undefined) void sendInput(call, input.bytes, keyed ? new DetachKeys() : undefined);
  try {
    return await receive({ [Symbol.asyncIterator]: () => answers }, args.json === true, call);
  } finally {
    input?.close();
  }
}

/** The first leaves; a daemon that does not answer to that must not keep us. */
function leaveOnSignals(call: AttachCall): Disposable {
  let asked = 0;
  return onSignals(() => {
    asked += 1;
    if (asked === 1) call.end();
    else call.cancel();
  });
}

function followSize(call: AttachCall): Disposable {
  const resize = windowSize(process.stdout);
  if (resize !== undefined) call.write({ resize });
  return onResize(process.stdout, (next) => call.write({ resize: next }));
}

/** The end of our input is not the end of the container's. */
async function sendInput(call: AttachCall, bytes: AsyncIterable<Uint8Array>, keys?: DetachKeys): Promise<void> {
  for await (const chunk of bytes) {
    const { passed, detached } = keys?.take(chunk) ?? { passed: chunk, detached: false };
    if (passed.length > 0 && !call.write({ stdin: passed })) await call.drained();
    if (detached) return call.end();
  }
}

async function receive(
  answers: AsyncIterable<AttachAnswer>,
  asJson: boolean,
  call: AttachCall,
): Promise<CommandResult> {
  const collected = asJson ? { stdout: new Collected(), stderr: new Collected() } : undefined;
  const sinks = collected ?? {
    stdout: sinkOf(process.stdout, () => call.cancel()),
    stderr: sinkOf(process.stderr, () => undefined),
  };
  let exit: number | null = null;
  for await (const { stdout, stderr, stdin_closed, exit_status } of answers) {
    if (stdout !== undefined) await sinks.stdout.write(stdout);
    if (stderr !== undefined) await sinks.stderr.write(stderr);
    if (stdin_closed) process.stderr.write("kata-cvm: the container takes no more input\n");
    if (exit_status !== undefined) exit = exit_status;
  }
  const json = { exitCode: exit, stdout: collected?.stdout.text(), stderr: collected?.stderr.text() };
  return { json, text: "", exitCode: exit ?? 0 };
}

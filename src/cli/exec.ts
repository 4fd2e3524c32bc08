// `exec`, `console`, `events`, `logs`: streams of a running pod, by its control service.
import { InvalidRequest, NotFound } from "../lib/errors.ts";
import { type ArgsOf, type Command, type CommandResult, defineCommand } from "./command.ts";
import type { ControlClient } from "./control-client.ts";
import { inspect, podOption, withControl } from "./inspect.ts";
import { pickById } from "./pod-directory.ts";
import { execOptions } from "./run.ts";
import { Collected, onResize, onSignals, openInput, rawTerminal, sinkOf, windowSize } from "./terminal.ts";

const containerOption = {
  type: "string",
  describe: "container id, or the beginning of one (default: the only one)",
} as const;
const options = { pod: podOption, container: containerOption, ...execOptions } as const;
type Args = ArgsOf<typeof options>;

const execCommand = defineCommand({
  command: "exec <pod> [container]",
  describe: "run a command in a container",
  tail: "-- CMD...",
  options,
  run: async (args) => {
    if ((args.rest ?? []).length === 0) throw new InvalidRequest("command", "is missing: give it after --");
    const container = await chooseContainer(args.pod, args.container);
    return await withControl(args.pod, (client, podId) => execIn(client, { podId, container, args }));
  },
});

/** The sandbox holds nothing to run: it is meant only when it is named. */
export async function chooseContainer(pod: string, wanted: string | undefined): Promise<string> {
  const { containers } = await inspect(pod);
  const running = containers.filter(({ state }) => state === "running");
  if (wanted !== undefined) return pickById("running container", wanted, new Map(running.map(({ id }) => [id, id])));
  const candidates = running.filter(({ role }) => role !== "sandbox");
  if (candidates.length === 1) return candidates[0]?.id ?? "";
  if (candidates.length === 0) throw new NotFound("running container of pod", pod);
  throw new InvalidRequest("container", `name one of: ${candidates.map(({ id }) => id).join(", ")}`);
}

async function execIn(
  client: ControlClient,
  { podId, container, args }: { podId: string; container: string; args: Args },
): Promise<CommandResult> {
  const call = beginExec(client);
  const size = args.tty ? windowSize(process.stdout) : undefined;
  call.write({
    start: {
      pod_id: podId,
      container_id: container,
      args: [...(args.rest ?? [])],
      env: [...(args.env ?? [])],
      cwd: args.workdir ?? "",
      terminal: args.tty,
      size,
    },
  });
  using _raw = args.tty && args.interactive ? rawTerminal(process.stdin) : nothing;
  using _resize = args.tty ? onResize(process.stdout, (resize) => call.write({ resize })) : nothing;
  using _signals = forwardSignals(call);
  const input = args.interactive ? openInput(process.stdin) : undefined;
  if (input === undefined) call.write({ close_stdin: true });
  else void sendInput(call, input.bytes);
  try {
    return await receive(call, args);
  } finally {
    input?.close();
  }
}

/** A daemon or guest that does not answer must not keep us: the third signal ends the call, and with it us. */
function forwardSignals(call: ExecCall): Disposable {
  let asked = 0;
  return onSignals((signal) => {
    asked += 1;
    if (asked < patience) call.write({ signal });
    else call.cancel();
  });
}

const patience = 3;
const nothing: Disposable = { [Symbol.dispose]: () => undefined };

const beginExec = (client: ControlClient) => client.converse("Exec");

type ExecCall = ReturnType<typeof beginExec>;

async function sendInput(call: ExecCall, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const stdin of bytes) {
    if (!call.write({ stdin })) await call.drained();
  }
  call.write({ close_stdin: true });
}

async function receive(call: ExecCall, args: Args): Promise<CommandResult> {
  const collected = args.json === true ? { stdout: new Collected(), stderr: new Collected() } : undefined;
  const stdout = collected?.stdout ?? sinkOf(process.stdout, () => call.cancel());
  const stderr = collected?.stderr ?? sinkOf(process.stderr, () => undefined);
  for await (const output of call) {
    if (output.stdout !== undefined) await stdout.write(output.stdout);
    else if (output.stderr !== undefined) await stderr.write(output.stderr);
    else if (output.exit_status !== undefined) {
      const exitCode = output.exit_status;
      const json = { exitCode, stdout: collected?.stdout.text(), stderr: collected?.stderr.text() };
      return { json, text: "", exitCode };
    }
  }
  throw new NotFound("exit status of the command in pod", args.pod);
}

const followOption = { type: "boolean", alias: "f", describe: "go on with what comes", default: false } as const;

const consoleCommand = defineCommand({
  command: "console <pod>",
  describe: "print the guest's serial console (the last 64 KiB)",
  options: { pod: podOption, follow: followOption },
  run: async ({ pod, follow, json }) => {
    refuseFollowedJson(follow, json);
    const collected = new Collected();
    const sink = json === true ? collected : sinkOf(process.stdout, () => process.exit(0));
    await withControl(pod, async (client, pod_id) => {
      for await (const { data } of client.stream("Console", { pod_id, follow })) await sink.write(data);
    });
    return { json: { console: collected.text() }, text: "", exitCode: 0 };
  },
});

interface Happening {
  readonly at: string;
  readonly area: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const eventsCommand = defineCommand({
  command: "events <pod>",
  describe: "what happened to a pod: its containers, the launch, QEMU, the daemon's log",
  options: {
    pod: podOption,
    follow: followOption,
    area: { type: "string", describe: "only these", choices: ["pod", "launch", "qemu", "log"] },
  },
  run: async ({ pod, follow, area, json }) => {
    refuseFollowedJson(follow, json);
    return await showHappenings(pod, { follow, json, accepts: (one) => area === undefined || one.area === area });
  },
});

const logsCommand = defineCommand({
  command: "logs <pod>",
  describe: "the daemon's log of a pod and then the guest's console; a container's own output is containerd's",
  options: { pod: podOption },
  run: async ({ pod, json }) => {
    const log = await collectHappenings(pod, (one) => one.area === "log");
    const guest = new Collected();
    await withControl(pod, async (client, pod_id) => {
      for await (const { data } of client.stream("Console", { pod_id, follow: false })) await guest.write(data);
    });
    if (json === true) return { json: { log, console: guest.text() }, text: "", exitCode: 0 };
    const text = [...log.map(renderHappening), "", "guest console:", guest.text().trimEnd()].join("\n");
    return { json: null, text, exitCode: 0 };
  },
});

function refuseFollowedJson(follow: boolean, json: boolean | undefined): void {
  if (follow && json === true) throw new InvalidRequest("--json", "prints one document, so it cannot follow");
}

type Accepts = (one: Happening) => boolean;

async function showHappenings(
  pod: string,
  { follow, json, accepts }: { follow: boolean; json: boolean | undefined; accepts: Accepts },
): Promise<CommandResult> {
  if (!follow) {
    const events = await collectHappenings(pod, accepts);
    return { json: { events }, text: json === true ? "" : events.map(renderHappening).join("\n"), exitCode: 0 };
  }
  const sink = sinkOf(process.stdout, () => process.exit(0));
  await eachHappening(pod, true, async (one) => {
    if (accepts(one)) await sink.write(Buffer.from(`${renderHappening(one)}\n`));
  });
  return { json: null, text: "", exitCode: 0 };
}

async function collectHappenings(pod: string, accepts: Accepts): Promise<readonly Happening[]> {
  const kept: Happening[] = [];
  await eachHappening(pod, false, async (one) => {
    if (accepts(one)) kept.push(one);
  });
  return kept;
}

async function eachHappening(pod: string, follow: boolean, take: (one: Happening) => Promise<void>): Promise<void> {
  await withControl(pod, async (client, pod_id) => {
    for await (const { unix_ms, area, name, data_json } of client.stream("Events", { pod_id, follow })) {
      const data = JSON.parse(Buffer.from(data_json).toString("utf8")) as Happening["data"];
      await take({ at: new Date(Number(unix_ms)).toISOString(), area, name, data });
    }
  });
}

export function renderHappening({ at, area, name, data }: Happening): string {
  const facts = Object.entries(data).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return `${at.slice(11, 23)} ${area.padEnd(6)} ${name}${facts.length === 0 ? "" : `  ${facts.join(" ")}`}`;
}

export const streamCommands: readonly Command[] = [execCommand, consoleCommand, eventsCommand, logsCommand];

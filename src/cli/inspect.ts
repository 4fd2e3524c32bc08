// `inspect`, `timeline`, `stop`, `qmp`, `agent`: one question each to a pod's daemon.
import { join } from "node:path";
import { InvalidRequest } from "../lib/errors.ts";
import { type Command, defineCommand } from "./command.ts";
import { ControlClient } from "./control-client.ts";
import { findLivingPod } from "./pod-directory.ts";
import { renderTable } from "./table.ts";

export const podOption = { type: "string", describe: "pod id, or the beginning of one", demandOption: true } as const;

/** Opens the control service of a pod for one piece of work. */
export async function withControl<T>(
  pod: string,
  work: (client: ControlClient, podId: string) => Promise<T>,
): Promise<T> {
  const known = await findLivingPod(pod);
  using client = new ControlClient(join(known.runDir, "control.sock"));
  return await work(client, known.record.podId);
}

interface PodState {
  readonly timeline: readonly { stage: string; atMs: number }[];
  readonly containers: readonly { id: string; role: string; state: string }[];
}

export async function inspect(pod: string): Promise<PodState> {
  const state = await withControl(pod, (client, pod_id) => client.call("Inspect", { pod_id }));
  return JSON.parse(Buffer.from(state.state_json).toString("utf8")) as PodState;
}

const inspectCommand = defineCommand({
  command: "inspect <pod>",
  describe: "show what a pod's daemon knows: containers, launch plan, devices, timeline",
  options: { pod: podOption },
  run: async ({ pod }) => {
    const json = await inspect(pod);
    return { json, text: JSON.stringify(json, null, 2), exitCode: 0 };
  },
});

const timelineCommand = defineCommand({
  command: "timeline <pod>",
  describe: "show when each stage of a pod's launch was reached",
  options: { pod: podOption },
  run: async ({ pod }) => {
    const { timeline } = await inspect(pod);
    return { json: renderStages(timeline), text: renderTimeline(timeline), exitCode: 0 };
  },
});

/** `ms` since the launch began. */
export function renderStages(timeline: PodState["timeline"]) {
  return { stages: timeline.map(({ stage, atMs }) => ({ name: stage, ms: atMs })) };
}

function renderTimeline(timeline: PodState["timeline"]): string {
  const rows = timeline.map((mark, index) => {
    const since = mark.atMs - (timeline[index - 1]?.atMs ?? 0);
    return [`${mark.atMs.toFixed(1)} ms`, `+${since.toFixed(1)}`, mark.stage];
  });
  return renderTable(["AT", "TOOK", "STAGE"], rows);
}

const stopCommand = defineCommand({
  command: "stop <pod>",
  describe: "end a pod's VM and everything in it; containerd hears of it",
  options: { pod: podOption },
  run: async ({ pod }) => {
    const id = await withControl(pod, async (client, pod_id) => {
      await client.call("Stop", { pod_id });
      return pod_id;
    });
    return { json: { stopped: id }, text: `stopped ${id}`, exitCode: 0 };
  },
});

const qmpCommand = defineCommand({
  command: "qmp <pod> <name> [arguments]",
  describe: "send one QMP command to a pod's QEMU; arguments are a JSON object",
  options: {
    pod: podOption,
    name: { type: "string", describe: "such as query-status", demandOption: true },
    arguments: { type: "string", describe: "JSON object", default: "{}" },
  },
  run: async (args) => {
    const arguments_json = jsonBytes("arguments", args.arguments);
    const { return_json } = await withControl(args.pod, (client, pod_id) =>
      client.call("Qmp", { pod_id, command: args.name, arguments_json }),
    );
    return jsonResult(return_json);
  },
});

const agentCommand = defineCommand({
  command: "agent <pod> <method> [request]",
  describe: "send one request of the agent protocol to a pod's guest; the request is JSON with proto field names",
  options: {
    pod: podOption,
    method: { type: "string", describe: "such as GetGuestDetails", demandOption: true },
    request: { type: "string", describe: "JSON object", default: "{}" },
  },
  run: async (args) => {
    const request_json = jsonBytes("request", args.request);
    const { response_json } = await withControl(args.pod, (client, pod_id) =>
      client.call("Agent", { pod_id, method: args.method, request_json }),
    );
    return jsonResult(response_json);
  },
});

export const inspectCommands: readonly Command[] = [
  inspectCommand,
  timelineCommand,
  stopCommand,
  qmpCommand,
  agentCommand,
];

function jsonBytes(field: string, text: string): Uint8Array {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new InvalidRequest(field, `is not JSON: ${error instanceof Error ? error.message : text}`);
  }
  return Buffer.from(text);
}

function jsonResult(bytes: Uint8Array) {
  const json: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  return { json, text: JSON.stringify(json, null, 2), exitCode: 0 as const };
}

// Fuzz targets of the streams: what a hostile guest, QEMU or caller may write into a connection, driven through
// the real client, server and session over a stream that goes nowhere.
import { Duplex } from "node:stream";
import { readContainerStats } from "../../src/agent/container-stats.ts";
import { ConnectionLost, ProtocolViolation, RemoteError } from "../../src/lib/errors.ts";
import { ConsoleChunk, Control, ExecInput } from "../../src/wire/gen/control.ts";
import {
  AgentService,
  CreateContainerRequest,
  GuestDetailsResponse,
  Interfaces,
  StatsContainerResponse,
  WriteStreamRequest,
} from "../../src/wire/gen/kata/agent.ts";
import { Request, Response } from "../../src/wire/gen/ttrpc.ts";
import { QmpSession } from "../../src/wire/qmp/client.ts";
import { QmpError } from "../../src/wire/qmp/qmp-error.ts";
import { TtrpcClient } from "../../src/wire/ttrpc/client.ts";
import { encodeHeader, Flag, MessageKind } from "../../src/wire/ttrpc/frame.ts";
import { serveConnection } from "../../src/wire/ttrpc/server.ts";
import { bindService } from "../../src/wire/ttrpc/server-call.ts";
import { disturb, disturbances } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";

const LF = 0x0a;
const peer = "fuzz";
const lost = [ProtocolViolation, RemoteError, ConnectionLost, QmpError];

class Nowhere extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

function frame(streamId: number, kind: number, payload: Uint8Array, flags = 0): Buffer {
  return Buffer.concat([encodeHeader({ streamId, kind, flags }, payload.length), payload]);
}

function answer(streamId: number, payload: Uint8Array): Buffer {
  const status = { code: 0, message: "" };
  return frame(streamId, MessageKind.response, Response.encode({ status, payload }));
}

function request(streamId: number, method: string, payload: Uint8Array): Buffer {
  const metadata = [{ key: "a", value: "b" }];
  const call = { service: AgentService.name, method, payload, timeout_nano: 1_000_000_000n, metadata };
  return frame(streamId, MessageKind.request, Request.encode(call));
}

const stats = StatsContainerResponse.encode({
  cgroup_stats: {
    cpu_stats: { cpu_usage: { total_usage: 12n, percpu_usage: [1n, 2n] }, throttling_data: { periods: 3n } },
    memory_stats: { usage: { usage: 4096n, limit: 2n ** 63n }, stats: { oom_kill: 1n } },
    pids_stats: { current: 4n },
  },
});
const container = CreateContainerRequest.encode({
  container_id: "c",
  exec_id: "c",
  storages: [{ driver: "blk", source: "/dev/vda", fstype: "erofs", options: ["ro"], mount_point: "/run/x" }],
  OCI: {
    Version: "1.1.0",
    Process: { Args: ["sh", "-c", "true"], Cwd: "/", User: { UID: 1, AdditionalGids: [1, 2] } },
    Mounts: [{ destination: "/proc", type: "proc", source: "proc", options: ["nosuid"] }],
    Annotations: { "io.kubernetes.cri.container-type": "container" },
  },
});

/** In two pieces, so that frames are cut at every place. */
function feed(duplex: Duplex, bytes: Uint8Array): void {
  const cut = bytes.length >> 1;
  duplex.emit("data", Buffer.from(bytes.subarray(0, cut)));
  duplex.emit("data", Buffer.from(bytes.subarray(cut)));
}

/** Waits for all; throws what is no refusal of the peer's bytes. */
async function settle(calls: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(calls)) {
    if (result.status === "rejected" && !lost.some((type) => result.reason instanceof type)) throw result.reason;
  }
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _item of stream);
}

async function answerClient(bytes: Uint8Array): Promise<void> {
  const duplex = new Nowhere();
  const client = new TtrpcClient(duplex, { peer });
  const agent = client.service(AgentService);
  const control = client.service(Control);
  const calls = [
    agent.StatsContainer({}).then(readContainerStats),
    agent.GetGuestDetails({}),
    agent.ListInterfaces({}),
    agent.ReadStdout({}),
    drain(control.Console({})),
  ];
  feed(duplex, bytes);
  client.close();
  await settle(calls);
}

async function requestServer(bytes: Uint8Array): Promise<void> {
  const duplex = new Nowhere();
  const agent = bindService(AgentService, {
    CreateContainer: async () => ({}),
    WriteStdin: async ({ data }) => ({ len: data.length }),
    StatsContainer: () => Promise.reject(new Error("refused")),
  });
  const echo = bindService(Control, {
    async *Exec(requests) {
      for await (const item of requests) yield { stdout: item.stdin ?? new Uint8Array() };
    },
  });
  const toStatus = () => ({ code: 13, message: "refused" });
  await using server = serveConnection(duplex, [agent, echo], { peer, toStatus });
  feed(duplex, bytes);
  await server.close();
}

/** Line by line, since each answer belongs to a command that the one before it allowed. */
async function talkQmp(bytes: Uint8Array): Promise<void> {
  const duplex = new Nowhere();
  const session = new QmpSession(duplex);
  const events = drain(session.listen());
  const calls = [
    session.negotiate().then(async () => {
      await session.execute("query-status", {});
      await session.executeRaw("query-cpus-fast");
    }),
    events,
  ];
  const settled = settle(calls);
  for (let at = 0; at < bytes.length; ) {
    const lf = bytes.indexOf(LF, at);
    const end = lf < 0 ? bytes.length : lf + 1;
    duplex.emit("data", Buffer.from(bytes.subarray(at, end)));
    at = end;
    for (let turns = 0; turns < 4; turns++) await undefined;
  }
  session.close();
  await settled;
}

const qmp = [
  { QMP: { version: { qemu: { major: 10, minor: 0, micro: 2 }, package: "Debian" }, capabilities: ["oob"] } },
  { return: {}, id: 1 },
  { timestamp: { seconds: 1, microseconds: 2 }, event: "GUEST_PANICKED", data: { action: "pause" } },
  { return: { status: "running", running: true }, id: 2 },
  { error: { class: "GenericError", desc: "no" }, id: 3 },
];

function lines(messages: unknown): Buffer {
  const list: readonly unknown[] = Array.isArray(messages) ? messages : [messages];
  return Buffer.from(list.map((message) => `${JSON.stringify(message)}\n`).join(""));
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "ttrpc-answers",
    refusals: lost,
    seeds: () => [
      answer(1, stats),
      answer(3, GuestDetailsResponse.encode({ mem_block_size_bytes: 1n, agent_details: { version: "1" } })),
      Buffer.concat([
        answer(5, Interfaces.encode({ Interfaces: [{ name: "eth0", mtu: 1500n }] })),
        frame(9, MessageKind.data, ConsoleChunk.encode({ data: Buffer.from("hi") })),
        frame(9, MessageKind.data, new Uint8Array(), Flag.remoteClosed | Flag.noData),
        frame(1, MessageKind.response, Response.encode({ status: { code: 5, message: "absent" } })),
      ]),
    ],
    run: answerClient,
  },
  {
    name: "ttrpc-requests",
    refusals: lost,
    seeds: () => [
      request(1, "CreateContainer", container),
      Buffer.concat([
        request(1, "WriteStdin", WriteStreamRequest.encode({ container_id: "c", data: Buffer.from("hello") })),
        request(3, "StatsContainer", new Uint8Array()),
        request(5, "NoSuchMethod", new Uint8Array()),
      ]),
      Buffer.concat([
        frame(1, MessageKind.request, Request.encode({ service: Control.name, method: "Exec" }), Flag.remoteOpen),
        frame(1, MessageKind.data, ExecInput.encode({ stdin: Buffer.from("hi") })),
        frame(1, MessageKind.data, new Uint8Array(), Flag.remoteClosed | Flag.noData),
      ]),
    ],
    run: requestServer,
  },
  {
    name: "qmp",
    refusals: lost,
    seeds: () => [lines(qmp)],
    run: talkQmp,
  },
  {
    name: "qmp-values",
    refusals: lost,
    seeds: () => disturbances(32),
    run: (bytes) => talkQmp(lines(disturb(qmp, bytes))),
  },
];

// QEMU and vhost-device-vsock as programs that the shim itself starts, without a machine between them: the
// monitor takes every device, and behind the vsock answers the fake agent, where an exec says its arguments
// and ends. For promises that need many pods. What QEMU is asked about itself, the real one answers.
import { spawnSync } from "node:child_process";
import { createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { FakeAgent } from "./fake-agent.ts";
import { FakeQemu } from "./fake-qemu.ts";

const realQemu = "/usr/bin/qemu-system-x86_64";
const argv = process.argv.slice(2);

function after(flag: string): string | undefined {
  const at = argv.indexOf(flag);
  return at < 0 ? undefined : argv[at + 1];
}

async function beQemu(monitor: string): Promise<void> {
  const accept = () => ({});
  const commands = Object.fromEntries(
    ["blockdev-add", "blockdev-del", "chardev-add", "device_add"].map((name) => [name, accept]),
  );
  await FakeQemu.listen({
    path: monitor,
    commands: {
      ...commands,
      device_del: ({ id }, session) => {
        session.event("DEVICE_DELETED", { device: id, path: `/machine/peripheral/${String(id)}` });
        return {};
      },
      quit: () => {
        setImmediate(() => process.exit(0));
        return {};
      },
    },
  });
}

async function beVsock(socket: string, hybridSocket: string): Promise<void> {
  // its own socket goes with the pod's run directory
  process.env["TMPDIR"] = dirname(hybridSocket);
  const agent = await FakeAgent.listen();
  agent.before.set("ExecProcess", () => setImmediate(() => runLastExec(agent)));
  createServer().listen(socket);
  createServer((client) => connectGuest(client, agent)).listen(hybridSocket);
}

function runLastExec(agent: FakeAgent): void {
  const { request } = agent.requests.findLast(({ method }) => method === "ExecProcess") ?? {};
  const {
    container_id,
    exec_id,
    process: spec,
  } = request as {
    container_id: string;
    exec_id: string;
    process: { Args: string[] };
  };
  const exec = agent.process(container_id, exec_id);
  exec.stdout.write(`${spec.Args.join(" ")}\n`);
  exec.end(0);
}

/** The hybrid protocol: `CONNECT port`, `OK number`, then the stream. */
function connectGuest(client: Socket, agent: FakeAgent): void {
  client.on("error", () => undefined);
  client.once("data", () => {
    const guest = agent.dial();
    guest.on("error", () => client.destroy());
    client.write("OK 1\n");
    client.pipe(guest);
    guest.pipe(client);
  });
}

const monitor = argv.map((word) => /path=([^,]+),server=on/.exec(word)?.[1]).find((path) => path !== undefined);
const [socket, hybridSocket] = [after("--socket"), after("--uds-path")];
if (socket !== undefined && hybridSocket !== undefined) await beVsock(socket, hybridSocket);
else if (monitor !== undefined) await beQemu(monitor);
else process.exitCode = spawnSync(realQemu, argv, { stdio: "inherit" }).status ?? 1;

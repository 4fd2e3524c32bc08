// Entry of the guest agent: listens on vsock port 1024 (or where it is told), serves every connection
// with the same sandbox, and ends the guest when the sandbox ends. The image starts it from a snapshot of
// Node's heap in which all of this is loaded already, so nothing may be opened or read before `main`.
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Duplex } from "node:stream";
import { startupSnapshot } from "node:v8";
import { errorText } from "../lib/errors.ts";
import { createLogger, type Logger } from "../lib/logger.ts";
import { serveConnection } from "../wire/ttrpc/server.ts";
import { LISTENING_MARK } from "./boot-times.ts";
import { hostDoor, refusePolicy } from "./host-doors.ts";
import { type AgentOptions, type ListenAddress, parseOptions } from "./options.ts";
import { servePortForward } from "./port-forward.ts";
import { runCommand } from "./run-command.ts";
import { OciRuntime } from "./runtime.ts";
import { Sandbox } from "./sandbox.ts";
import { agentServices } from "./service.ts";
import { statusOf } from "./status.ts";
import { Reaper } from "./sys/reaper.ts";
import { listenVsock } from "./sys/vsock-listener.ts";

const RUNTIME_ROOT = "/run/kata-agent-runtime";

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), readFileSync("/proc/cmdline", "utf8"));
  const log = createLogger({ write: (line) => process.stdout.write(`${line}\n`) }, { level: options.logLevel });
  process.on("uncaughtException", (error) => log.error("uncaught exception", { error: error.stack }));
  process.on("unhandledRejection", (error) => log.error("unhandled rejection", { error: errorText(error) }));
  refusePolicy();
  const tools = {
    runtime: new OciRuntime({ root: RUNTIME_ROOT, cgroupManager: options.cgroupManager }),
    reaper: new Reaper(),
  };
  const sandbox = new Sandbox(tools, { hotplugLimitMs: options.hotplugLimitMs, log });
  const services = agentServices(sandbox, {
    endOfSandbox: () => endGuest(options, log),
    execDoor: hostDoor(options.exec),
  });
  const serve = (stream: Duplex) => {
    serveConnection(stream, services, {
      peer: "host",
      toStatus: (error, call) => {
        const status = statusOf(error);
        log.warn("call failed", { method: call.method, code: status.code, error: status.message });
        return status;
      },
    });
  };
  await listen(options.listen, serve);
  if (options.listen.kind === "vsock") await servePortForward(log, hostDoor(options.portForward));
  performance.mark(LISTENING_MARK);
  log.info("listening", {
    address: describe(options.listen),
    nodeMs: Math.round(performance.nodeTiming.bootstrapComplete),
    sinceStartMs: Math.round(performance.now()),
  });
}

function listen(address: ListenAddress, serve: (stream: Duplex) => void): Promise<unknown> {
  if (address.kind === "vsock") return listenVsock(address.port, serve);
  return new Promise((resolve, reject) => {
    const server = createServer(serve);
    server.once("error", reject);
    server.listen(address.path, () => resolve(server));
  });
}

function describe(address: ListenAddress): string {
  return address.kind === "vsock" ? `vsock port ${address.port}` : address.path.replace("\0", "@");
}

/** systemd's FailureAction would do it too; asking first lets file systems be synced. */
function endGuest(options: AgentOptions, log: Logger): void {
  log.info("the sandbox is gone", { next: options.afterDestroy });
  const exit = () => process.exit(0);
  if (options.afterDestroy === "exit") {
    setTimeout(exit, 100);
    return;
  }
  runCommand("systemctl", ["poweroff", "--force"], { timeoutMs: 5000 }).catch(exit);
}

function run(): void {
  main().catch((error: unknown) => {
    process.stderr.write(`kata agent: ${errorText(error)}\n`);
    process.exit(1);
  });
}

if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(run);
else run();

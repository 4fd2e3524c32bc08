// The daemon: builds every part, joins them, and serves one pod's containerd until nothing is left.
// This is where the compiler checks that the folders below fit together.

import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { loadLibc } from "../host/libc.ts";
import { errorText } from "../lib/errors.ts";
import { createLogger, type Logger } from "../lib/logger.ts";
import { Pod } from "../pod/pod.ts";
import type { PodEvent } from "../pod/ports.ts";
import { serveControl } from "../runtime/control-socket.ts";
import { PodHost } from "../runtime/pod-host.ts";
import { ServerConnection } from "../wire/ttrpc/server.ts";
import type { BoundService } from "../wire/ttrpc/server-call.ts";
import { configPathOf } from "./class-config.ts";
import type { Invocation } from "./flags.ts";
import { LogFifo } from "./log-fifo.ts";
import { PodTable } from "./pod-table.ts";
import { Publisher } from "./publisher.ts";
import { sandboxService } from "./sandbox-service.ts";
import { renderStateDump } from "./state-dump.ts";
import { rpcCode, toRpcStatus } from "./status.ts";
import { StrayErrors } from "./stray-errors.ts";
import { taskServices } from "./task-service.ts";

/** the listening socket, bound by `start` */
const listenFd = 3;
/** a daemon that nobody gives a container is an orphan of a `start` that was killed */
const orphanLimitMs = Number(process.env["KATA_CVM_ORPHAN_LIMIT_MS"] ?? 60_000);

export async function serve(invocation: Invocation): Promise<void> {
  const logger = createLogger(new LogFifo(invocation.bundle), {
    level: invocation.debug ? "debug" : "info",
    fields: { runtime: "kata-cvm", pod: invocation.id },
  });
  const daemon = new Daemon(invocation, logger);
  const strays = new StrayErrors(() => performance.now());
  process.on("SIGTERM", () => void daemon.stop("SIGTERM"));
  process.on("SIGINT", () => void daemon.stop("SIGINT"));
  process.on("SIGUSR1", () => daemon.dump());
  process.on("SIGPIPE", () => undefined);
  // such as too many listeners: what Node would write to a stderr that nobody reads
  process.on("warning", ({ name, message }) => logger.warn("Node warns", { name, message }));
  process.on("uncaughtException", (error) => {
    logger.error("unexpected error", { error: error.stack ?? errorText(error) });
    if (strays.isTooMany()) void daemon.stop("too many unexpected errors");
  });
  process.on("unhandledRejection", (reason) => {
    logger.error("unexpected rejection", { error: reason instanceof Error ? reason.stack : errorText(reason) });
  });
  await daemon.listen();
}

class Daemon {
  readonly #invocation: Invocation;
  readonly #logger: Logger;
  readonly #publisher: Publisher;
  readonly #pods: PodTable;
  readonly #connections = new Set<ServerConnection>();
  #server: Server | null = null;
  #ended = false;

  constructor(invocation: Invocation, logger: Logger) {
    this.#invocation = invocation;
    this.#logger = logger;
    this.#publisher = new Publisher({
      address: process.env["TTRPC_ADDRESS"] ?? `${invocation.address}.ttrpc`,
      namespace: invocation.namespace,
      logger: logger.child({ area: "events" }),
    });
    this.#pods = new PodTable((podId, bundle) => this.#makePod(podId, bundle));
  }

  async listen(): Promise<void> {
    const configPath = configPathOf(process.env);
    // the answer to the request that asks for it leaves first
    const shutdown = () => setImmediate(() => void this.stop("Shutdown"));
    const services = [
      ...taskServices({
        pods: this.#pods,
        emit: (event) => this.#publisher.publish(event),
        defaultConfigPath: configPath,
        shutdown,
      }),
      sandboxService({ pods: this.#pods, configPath, shutdown }),
    ];
    this.#server = createServer((socket) => this.#serve(socket, services));
    await new Promise<void>((resolve, reject) => {
      this.#server?.once("error", reject).listen({ fd: listenFd }, resolve);
    });
    this.#watchOrphan();
    this.#logger.info("serving", { pid: process.pid });
  }

  /** Ends pods, tells containerd, and exits; later calls do nothing. */
  async stop(why: string): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#logger.info("stopping", { why });
    await Promise.all(this.#pods.pods.map((pod) => pod.end()));
    await this.#publisher.drain(2000);
    // while it is ours: once nobody listens, the next daemon of this id may make its own in its place
    await rm(this.#invocation.socket, { force: true });
    this.#server?.close();
    // answers that are on their way leave before the process does
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    // an ordinary exit waits for threads of Node's pool, and one may hang in a file system of the host
    process.kill(process.pid, "SIGKILL");
  }

  dump(): void {
    for (const line of renderStateDump(this.#pods, [...this.#connections])) this.#logger.info(line);
  }

  #serve(socket: Socket, services: readonly BoundService[]): void {
    const connection = new ServerConnection(socket, services, {
      peer: "containerd",
      toStatus: (error, call) => {
        const status = toRpcStatus(error, call);
        // clients ask for what is gone as a matter of course
        const level = status.code === rpcCode.notFound ? "debug" : "warn";
        this.#logger[level]("request failed", { method: call.method, code: status.code, error: status.message });
        return status;
      },
    });
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
  }

  #watchOrphan(): void {
    let idleSince = Date.now();
    const timer = setInterval(() => {
      if (this.#pods.busy) idleSince = Date.now();
      else if (Date.now() - idleSince > orphanLimitMs) {
        clearInterval(timer);
        void this.stop("nobody gave it a container");
      }
    }, orphanLimitMs / 10);
    timer.unref();
  }

  #makePod(podId: string, bundle: string): Pod {
    // now, while its files are there: an upgrade may replace them under a running pod
    void loadLibc().catch((error: unknown) => this.#logger.error("no system calls", { error: errorText(error) }));
    const { namespace, socket } = this.#invocation;
    const logger = this.#logger.child({ pod: podId });
    const emit = (event: PodEvent) => this.#publisher.publish(event);
    const host = new PodHost({ namespace, podId, bundle, socket, logger, emit });
    const pod = new Pod(podId, host, host.logger);
    const control = serveControl({ pod, host, logger: host.logger });
    host.beforeReclaim.push(() => control.close());
    return pod;
  }
}

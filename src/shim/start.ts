// `start`: find or launch the pod's daemon and tell containerd its address. containerd reads
// stdout and stderr as one pipe to its end, so nothing else may be written and no child may hold
// fds 0-2; and it dials at once, so the socket listens before this process ends: we bind it here
// and hand the listening descriptor to the daemon.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname } from "node:path";
import { EnvironmentLacks, errnoOf, errorText, HostCallFailed, InvalidRequest, NotFound } from "../lib/errors.ts";
import { readSandboxRole } from "../oci/cri-annotations.ts";
import { answers } from "./answers.ts";
import { type BootstrapParams, parseBootstrapParams, readConfigPath, renderAnswer } from "./bootstrap.ts";
import type { Invocation } from "./flags.ts";
import { socketPath } from "./socket-path.ts";

export interface StartContext {
  readonly invocation: Invocation;
  /** whole stdin */
  readonly input: Uint8Array;
  /** command and leading arguments that run this program again as the daemon */
  readonly self: readonly string[];
}

/** Bytes for stdout: the address, in the form that this containerd understands. */
export async function start(context: StartContext): Promise<Uint8Array> {
  const { invocation, input } = context;
  const params = parseBootstrapParams(input, invocation);
  const annotations = readAnnotations();
  // a bundle of the Sandbox API has no config.json: such an id is a pod of its own
  const group = readSandboxRole(annotations, invocation.id);
  const path = socketPath({ ...invocation, podId: group.podId }, params?.socketDir);
  if (group.role === "container") await requireLiveDaemon(path, group.podId);
  else await ensureDaemon(path, { ...context, params, configPath: params?.configPath ?? readConfigPath(input) });
  const address = `unix://${path}`;
  // containerd 1.x finds the shim again by this file after its own restart
  writeFileSync("address", address, { mode: 0o600 });
  return renderAnswer(address, { params, annotations, bundle: process.cwd() });
}

/** Those of the bundle's spec; none when it has no config.json. */
function readAnnotations(): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync("config.json", "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return {};
    throw new HostCallFailed("read config.json of the bundle", errnoOf(error) ?? errorText(error), { cause: error });
  }
  let spec: { annotations?: Record<string, string> } | null;
  try {
    spec = JSON.parse(text) as typeof spec;
  } catch (error) {
    throw new InvalidRequest("config.json", `is not JSON: ${errorText(error)}`, { cause: error });
  }
  return spec?.annotations ?? {};
}

async function requireLiveDaemon(path: string, podId: string): Promise<void> {
  if (!(await answers(path))) throw new NotFound("running pod (its shim does not answer)", podId);
}

interface DaemonContext extends StartContext {
  readonly params: BootstrapParams | null;
  readonly configPath: string;
}

async function ensureDaemon(path: string, context: DaemonContext): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let server = await listen(path);
  if (server === null) {
    if (await answers(path)) return;
    rmSync(path, { force: true });
    server = await listen(path);
  }
  if (server === null) throw new HostCallFailed(`listen on ${path}`, "EADDRINUSE");
  chmodSync(path, 0o600);
  try {
    launchDaemon(server, path, context);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

function launchDaemon(server: Server, path: string, context: DaemonContext): void {
  const { invocation, self } = context;
  const [command = "", ...leading] = self;
  const flags = ["-namespace", invocation.namespace, "-id", invocation.id, "-address", invocation.address];
  flags.push("-socket", path);
  if (invocation.publishBinary !== "") flags.push("-publish-binary", invocation.publishBinary);
  if (invocation.debug) flags.push("-debug");
  const child = spawn(command, [...leading, ...flags, "-bundle", process.cwd(), "serve"], {
    cwd: "/",
    detached: true,
    env: daemonEnvironment(context),
    stdio: ["ignore", "ignore", "ignore", listeningFd(server)],
  });
  if (child.pid === undefined) throw new EnvironmentLacks(`cannot run ${command}`, "install Node 20 or newer on PATH");
  child.unref();
  server.unref();
  raiseOomScore(child.pid);
}

function daemonEnvironment({ params, configPath }: DaemonContext): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _ignored, ...env } = process.env;
  return {
    ...env,
    ...(params === null || params.ttrpcAddress === "" ? {} : { TTRPC_ADDRESS: params.ttrpcAddress }),
    ...(configPath === "" ? {} : { KATA_CVM_CONFIG: configPath }),
  };
}

/** net.Server does not expose the descriptor it listens on; its handle does. */
function listeningFd(server: Server): number {
  const handle = (server as unknown as { _handle?: { fd?: number } })._handle;
  if (handle?.fd === undefined || handle.fd < 0) throw new HostCallFailed("take the listening descriptor", "EBADF");
  return handle.fd;
}

/** The daemon is to be killed after containerd, so one above it (pkg/shim, AdjustOOMScore). */
function raiseOomScore(pid: number): void {
  try {
    const own = Number(readFileSync(`/proc/${process.ppid}/oom_score_adj`, "utf8"));
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(Math.min(own + 1, 1000)));
  } catch {
    // no right to lower it (no CAP_SYS_RESOURCE), or the child is gone: containerd will see that at once
  }
}

function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      if (errnoOf(error) === "EADDRINUSE") resolve(null);
      else reject(new HostCallFailed(`listen on ${path}`, errnoOf(error) ?? errorText(error), { cause: error }));
    });
    server.listen({ path, backlog: 128 }, () => resolve(server));
  });
}

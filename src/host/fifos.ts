// Opens the three streams of a container process as containerd named them (shim-contract §4.2,
// §4.3). Nothing here may block: a FIFO opened or read through Node's fs would hold one of libuv's
// four threads for as long as the peer stays away.
import { constants, statSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { CleanupStack } from "../lib/cleanup-stack.ts";
import { errnoOf, HostCallFailed, InvalidRequest } from "../lib/errors.ts";
import { FifoReader, type InputSource } from "./fifo-reader.ts";
import { FifoWriter, type FifoWriterLimits, type OutputSink } from "./fifo-writer.ts";
import { openLogger } from "./logger-process.ts";
import { once } from "./once.ts";
import { parseStdioUri, type StdioTarget } from "./stdio-uri.ts";

export interface StdioRequest {
  /** the three strings of the request, unchanged; empty means not wanted */
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

export interface StdioOptions {
  /** handed to a logger */
  readonly containerId: string;
  readonly containerdNamespace: string;
  readonly limits?: FifoWriterLimits;
}

export interface Stdio extends AsyncDisposable {
  /** pauses when not read */
  readonly stdin: Readable | null;
  /** with a terminal: all of its output */
  readonly stdout: OutputSink | null;
  /** always null with a terminal */
  readonly stderr: OutputSink | null;
  /** CloseIO: stdin ends after the bytes that the client has written; idempotent */
  closeStdin(): void;
  /** ends everything, also when no process ever ran; readers see end of file; idempotent */
  close(): Promise<void>;
}

export async function openStdio(request: StdioRequest, options: StdioOptions): Promise<Stdio> {
  const targets = {
    stdin: parseStdioUri("stdin", request.stdin),
    stdout: parseStdioUri("stdout", request.stdout),
    stderr: request.terminal ? ({ kind: "none" } as const) : parseStdioUri("stderr", request.stderr),
  };
  await using cleanup = new CleanupStack();
  const outputs = await openOutputs(targets, options, cleanup);
  const input = openInput(targets.stdin);
  if (input !== null) cleanup.use("close stdin", input);
  const owned = cleanup.move();
  // All at once: a reader that is away must not keep another stream from its end of file.
  const close = once(async () => {
    await Promise.allSettled([outputs.stdout?.close(), outputs.stderr?.close(), input?.close()]);
    await owned[Symbol.asyncDispose]();
  });
  return {
    stdin: input?.stream ?? null,
    ...outputs,
    closeStdin: () => input?.closeAfterDrain(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Outputs {
  readonly stdout: OutputSink | null;
  readonly stderr: OutputSink | null;
}

async function openOutputs(
  targets: { stdout: StdioTarget; stderr: StdioTarget },
  options: StdioOptions,
  cleanup: CleanupStack,
): Promise<Outputs> {
  const own = <T extends OutputSink | null>(name: string, sink: T): T => {
    if (sink !== null) cleanup.use(name, sink);
    return sink;
  };
  // One logger serves both streams, and stdout alone names it.
  if (targets.stdout.kind === "logger") {
    const logger = await openLogger(targets.stdout, options);
    return { stdout: own("close stdout", logger.stdout), stderr: own("close stderr", logger.stderr) };
  }
  const stdout = own("close stdout", await openOutput(targets.stdout, options));
  if (samePath(targets.stdout, targets.stderr)) return { stdout, stderr: stdout };
  return { stdout, stderr: own("close stderr", await openOutput(targets.stderr, options)) };
}

async function openOutput(target: StdioTarget, options: StdioOptions): Promise<OutputSink | null> {
  switch (target.kind) {
    case "none":
      return null;
    case "path":
      return isFifo(target.path) ? new FifoWriter(target.path, options.limits) : await openFileSink(target.path, 0);
    case "file":
      await mkdir(dirname(target.path), { recursive: true, mode: 0o755 });
      return await openFileSink(target.path, constants.O_CREAT);
    case "logger":
      throw new InvalidRequest("stderr", "a logger is named by stdout and serves both streams");
  }
}

function openInput(target: StdioTarget): InputSource | null {
  if (target.kind === "none") return null;
  if (target.kind !== "path" || !isFifo(target.path)) throw new InvalidRequest("stdin", "must be a FIFO");
  return new FifoReader(target.path);
}

async function openFileSink(path: string, extraFlags: number): Promise<OutputSink> {
  // O_NONBLOCK: should the path turn out to be a FIFO after all, no thread waits for its reader.
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | extraFlags;
  const file = await open(path, flags, 0o644).catch((cause: unknown) => {
    throw new HostCallFailed(`open ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause });
  });
  const state: { last: Promise<unknown> } = { last: Promise.resolve() };
  const close = once(async () => {
    await state.last;
    await file.close();
  });
  return {
    write: (chunk) => {
      const written = state.last.then(() => file.appendFile(chunk));
      state.last = written.catch(() => undefined);
      return written.catch((cause: unknown) => {
        throw new HostCallFailed(`write ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause });
      });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function isFifo(path: string): boolean {
  try {
    return statSync(path).isFIFO();
  } catch (cause) {
    throw new HostCallFailed(`stat ${path}`, errnoOf(cause) ?? "EUNKNOWN", { cause });
  }
}

function samePath(a: StdioTarget, b: StdioTarget): boolean {
  return "path" in a && "path" in b && a.path === b.path;
}

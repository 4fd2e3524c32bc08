// containerd's `binary://` logging: a program that reads stdout from descriptor 3 and stderr from 4, and writes a
// byte to 5 or closes it when it is ready; by `binary-v2://` the byte alone counts, so that one that died is not
// taken for ready (shim-contract §4.2). It gets real pipes, since a logger may open /dev/fd/3, which fails for the
// socket pairs that Node would pass.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import net from "node:net";
import { withDeadline } from "../lib/deadline.ts";
import { errnoOf, HostCallFailed } from "../lib/errors.ts";
import { spawnFailure } from "./exec.ts";
import type { OutputSink } from "./fifo-writer.ts";
import { checked, loadLibc } from "./libc.ts";
import { once } from "./once.ts";
import type { LoggerTarget } from "./stdio-uri.ts";

const readyMs = 10_000;
// The time containerd gives a logger to write what it holds.
const termMs = 12_000;
const eofMs = 1_000;
const oCloexec = 0o2000000;

export async function openLogger(
  command: LoggerTarget,
  ids: { containerId: string; containerdNamespace: string },
): Promise<{ stdout: OutputSink; stderr: OutputSink }> {
  const [stdout, stderr, ready] = [await openPipe(), await openPipe(), await openPipe()];
  const child = spawn(command.program, command.args, {
    stdio: ["ignore", "ignore", "ignore", stdout.readFd, stderr.readFd, ready.writeFd],
    env: { ...command.env, CONTAINER_ID: ids.containerId, CONTAINER_NAMESPACE: ids.containerdNamespace },
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (cause) => reject(spawnFailure(command.program, cause)));
  });
  for (const fd of [stdout.readFd, stderr.readFd, ready.writeFd]) closeSync(fd);
  const sinks = [pipeSink(stdout.writeFd, "stdout"), pipeSink(stderr.writeFd, "stderr")] as const;
  const teardown = once(() => endLogger(child, exited));
  try {
    const operation = `waiting for the logger ${command.program}`;
    await withDeadline(Promise.race([becameReady(ready.readFd, command), failed]), { operation, timeoutMs: readyMs });
  } catch (error) {
    await Promise.all(sinks.map((sink) => sink.close()));
    child.kill("SIGKILL");
    throw error;
  }
  const state = { open: sinks.length };
  const withTeardown = (sink: OutputSink): OutputSink => {
    const close = once(async () => {
      await sink.close();
      state.open -= 1;
      if (state.open === 0) await teardown();
    });
    return { write: (chunk) => sink.write(chunk), close, [Symbol.asyncDispose]: close };
  };
  return { stdout: withTeardown(sinks[0]), stderr: withTeardown(sinks[1]) };
}

interface PipeEnds {
  readonly readFd: number;
  readonly writeFd: number;
}

async function openPipe(): Promise<PipeEnds> {
  const libc = await loadLibc();
  const fds = Buffer.alloc(8);
  checked(libc, "make a pipe", libc.pipe2(fds, oCloexec));
  return { readFd: fds.readInt32LE(0), writeFd: fds.readInt32LE(4) };
}

function becameReady(fd: number, command: LoggerTarget): Promise<void> {
  const socket = new net.Socket({ fd, readable: true, writable: false });
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => () => {
      socket.destroy();
      outcome();
    };
    const closed = () => {
      if (command.ready === "closing") resolve();
      else reject(new HostCallFailed(`start the logger ${command.program}: it closed descriptor 5 unready`, "EPROTO"));
    };
    socket.once("data", settle(resolve)).once("end", settle(closed)).once("error", settle(closed));
  });
}

function pipeSink(fd: number, name: string): OutputSink {
  const socket = new net.Socket({ fd, readable: false, writable: true });
  socket.on("error", () => undefined);
  const close = once(async () => {
    if (socket.closed) return;
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end(() => socket.destroy());
    setTimeout(() => socket.destroy(), termMs).unref();
    await closed;
  });
  return {
    write: (chunk) =>
      new Promise((resolve, reject) => {
        socket.write(chunk, (error) => {
          if (!error) resolve();
          else reject(new HostCallFailed(`write ${name} to the logger`, errnoOf(error) ?? "EUNKNOWN"));
        });
      }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function endLogger(child: ChildProcess, exited: Promise<void>): Promise<void> {
  // End of file on its pipes is the kind way to end a logger; SIGTERM may cost what it still holds.
  const asker = setTimeout(() => child.kill("SIGTERM"), eofMs);
  const killer = setTimeout(() => child.kill("SIGKILL"), termMs);
  await exited;
  clearTimeout(asker);
  clearTimeout(killer);
}

// One process of a VM: QEMU itself or a helper. Claimed in the ledger before it exists, in a
// process group of its own, its last words kept, and gone for good once disposed.
import { type ChildProcess, spawn } from "node:child_process";
import { spawnFailure } from "../host/exec.ts";
import { readStartTime, terminate } from "../host/process.ts";
import { EnvironmentLacks, errnoOf } from "../lib/errors.ts";
import type { OwnedProcess, Ownership } from "../lib/owned.ts";
import { Tail } from "../lib/tail.ts";

export interface ChildExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
}

export interface ChildRequest {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** stands in `args`, and in no other pod's */
  readonly match: string;
  /** SIGTERM's share before SIGKILL */
  readonly graceMs: number;
}

export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** resolves, never rejects */
  readonly exited: Promise<ChildExit>;
  /** SIGTERM, then SIGKILL; resolves once it is gone */
  end(graceMs?: number): Promise<void>;
}

export async function spawnChild(request: ChildRequest, ownership: Ownership): Promise<Child> {
  const { name, match } = request;
  const claim: OwnedProcess = { kind: "process", name, match };
  await ownership.claim(claim);
  const process_ = spawn(request.file, request.args, {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
  const exited = watch(process_);
  const pid = process_.pid;
  if (pid === undefined) {
    await ownership.release(claim);
    throw await notSpawned(process_, request.file);
  }
  const startTime = await readStartTime(pid);
  const owned: OwnedProcess = { ...claim, pid, ...(startTime === undefined ? {} : { startTime }) };
  await ownership.claim(owned);
  const end = async (graceMs = request.graceMs): Promise<void> => {
    if (startTime !== undefined) await terminate({ pid, startTime }, { graceMs });
    await exited;
  };
  return {
    pid,
    exited,
    end,
    [Symbol.asyncDispose]: async () => {
      await end();
      await ownership.release(owned);
    },
  };
}

function watch(child: ChildProcess): Promise<ChildExit> {
  const stderr = new Tail();
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve) => {
    const settle = () => resolve({ exitCode: child.exitCode, signal: child.signalCode, stderrTail: stderr.text() });
    child.once("error", () => undefined);
    child.once("close", settle);
    // Something it forked may hold the pipe open; its own end is what counts. An immediate runs after the pipe was
    // read once more, which a busy machine may not have done when the timer comes.
    child.once("exit", () => setTimeout(() => setImmediate(settle), pipeGraceMs).unref());
  });
}

const pipeGraceMs = 500;

async function notSpawned(child: ChildProcess, file: string): Promise<Error> {
  const cause = await new Promise<unknown>((resolve) => child.once("error", resolve));
  if (errnoOf(cause) === "EACCES") return new EnvironmentLacks(`${file} cannot be run`, "check its mode", { cause });
  return spawnFailure(file, cause);
}

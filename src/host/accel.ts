// Whether KVM can run a guest here. A /dev/kvm that answers is no proof: nested or paravirtual hosts
// may offer one that dies at the first x87 instruction, or QEMU at an MSR it cannot set. So QEMU
// boots a payload of 300 bytes, with the CPU model of the launch, and must exit the payload's way.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, constants, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withDeadline } from "../lib/deadline.ts";
import { errnoOf, errorText } from "../lib/errors.ts";
import { Tail } from "../lib/tail.ts";
import { spawnFailure } from "./exec.ts";
import { hostCall, ifPresent } from "./host-call.ts";
import { kvmPayloadExitCode, renderKvmPayload } from "./kvm-payload.ts";
import { killGroup } from "./process.ts";

export type KvmVerdict =
  | { readonly usable: true }
  /** one line: what was seen */
  | { readonly usable: false; readonly reason: string };

export interface KvmTest {
  /** absolute path of QEMU */
  readonly qemu: string;
  /** as after `-cpu`, such as `host` or `EPYC-v4` */
  readonly cpu: string;
  /** as after `-machine`, without options; default q35 */
  readonly machine?: string;
  /** keeps verdicts and the payload; on tmpfs */
  readonly runDir: string;
  /** for the guest, QEMU's start included; default 5 s */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

interface StoredVerdict {
  readonly verdict: KvmVerdict;
  /** a test that ran out of time may have met a busy machine: ask again later */
  readonly validUntilMs?: number;
}

const lateVerdictMs = 300_000;
/** QEMU keeps a guest that KVM gave up on, stopped, for the debugger; only its stderr tells. */
const fatalLine = /KVM internal error|KVM: entry failed|error: kvm run failed/;
const settleMs = 50;

/** The verdict of this boot for this QEMU and CPU model; tests at most once. */
export async function probeKvm(test: KvmTest): Promise<KvmVerdict> {
  const lacking = await deviceProblem();
  if (lacking !== undefined) return { usable: false, reason: lacking };
  const file = join(test.runDir, `kvm-${await keyOf(test)}.json`);
  const stored = await readVerdict(file);
  if (stored !== undefined) return stored;
  const fresh = await runTest(test);
  const temporary = `${file}.${process.pid}`;
  await hostCall(`keep ${file}`, async () => {
    await writeFile(temporary, JSON.stringify(fresh));
    await rename(temporary, file);
  });
  return fresh.verdict;
}

async function deviceProblem(): Promise<string | undefined> {
  try {
    await access("/dev/kvm", constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? "/dev/kvm is not there" : `/dev/kvm cannot be opened: ${errorText(error)}`;
  }
}

async function keyOf(test: KvmTest): Promise<string> {
  const bootId = await hostCall("read the boot id", () => readFile("/proc/sys/kernel/random/boot_id", "utf8"));
  const qemu = await ifPresent(`look at ${test.qemu}`, () => stat(test.qemu));
  const identity = [bootId, test.qemu, qemu?.dev, qemu?.ino, qemu?.size, qemu?.mtimeMs, test.cpu, machineOf(test)];
  return createHash("sha256").update(identity.join("\0")).digest("hex").slice(0, 16);
}

async function readVerdict(file: string): Promise<KvmVerdict | undefined> {
  const text = await ifPresent(`read ${file}`, () => readFile(file, "utf8"));
  if (text === undefined) return undefined;
  try {
    const { verdict, validUntilMs } = JSON.parse(text) as Partial<StoredVerdict>;
    return validUntilMs !== undefined && Date.now() > validUntilMs ? undefined : verdict;
  } catch {
    return undefined;
  }
}

async function runTest(test: KvmTest): Promise<StoredVerdict> {
  const payload = await placePayload(test.runDir);
  const { exitCode, signal, stderr, isLate } = await bootPayload(test, payload);
  if (exitCode === kvmPayloadExitCode) return { verdict: { usable: true } };
  const said = interestingLine(stderr);
  const ended = signal === null ? `exited with ${exitCode}` : `was ended by ${signal}`;
  if (!isLate) return { verdict: { usable: false, reason: said ?? `QEMU ${ended} in the self-test` } };
  const reason = said ?? `the self-test's guest did not finish within ${timeoutOf(test)} ms`;
  return { verdict: { usable: false, reason }, validUntilMs: Date.now() + lateVerdictMs };
}

/** The payload's file never changes once named, so it is kept, and can be shared. */
async function placePayload(runDir: string): Promise<string> {
  const image = renderKvmPayload();
  const path = join(runDir, `kvm-payload-${createHash("sha256").update(image).digest("hex").slice(0, 16)}.bin`);
  await hostCall(`write ${path}`, async () => {
    await mkdir(runDir, { recursive: true, mode: 0o700 });
    if ((await ifPresent(path, () => stat(path)))?.size === image.length) return;
    await writeFile(`${path}.${process.pid}`, image);
    await rename(`${path}.${process.pid}`, path);
  });
  return path;
}

interface BootOutcome {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  /** ended by us for want of time */
  readonly isLate: boolean;
}

async function bootPayload(test: KvmTest, payload: string): Promise<BootOutcome> {
  const child = spawn(test.qemu, renderArgv(test, payload), { stdio: ["ignore", "ignore", "pipe"], detached: true });
  const stderr = new Tail();
  const kill = () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) killGroup(child.pid);
  };
  const state = { isLate: false };
  const timer = setTimeout(() => {
    state.isLate = true;
    kill();
  }, timeoutOf(test));
  child.stderr.on("data", (chunk: Buffer) => {
    stderr.push(chunk);
    if (fatalLine.test(stderr.text())) setTimeout(kill, settleMs);
  });
  const closed = new Promise<void>((resolve, reject) => {
    child.once("error", (cause) => reject(spawnFailure(test.qemu, cause)));
    child.once("close", () => resolve());
  });
  try {
    // The timer above ends QEMU; this one is for a QEMU that even SIGKILL cannot end at once.
    const timeoutMs = timeoutOf(test) + 5_000;
    await withDeadline(closed, { operation: "the KVM self-test", timeoutMs, signal: test.signal });
  } finally {
    clearTimeout(timer);
    kill();
  }
  return { exitCode: child.exitCode, signal: child.signalCode, stderr: stderr.text(), ...state };
}

function renderArgv(test: KvmTest, payload: string): readonly string[] {
  return [
    ...["-accel", "kvm", "-machine", machineOf(test), "-cpu", test.cpu, "-m", "64", "-smp", "1"],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-bios", payload],
    ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
  ];
}

/** The first line that is no mere warning. */
function interestingLine(stderr: string): string | undefined {
  const lines = stderr.split("\n").map((line) => line.trim());
  return lines.find((line) => fatalLine.test(line)) ?? lines.find((line) => line !== "" && !line.includes("warning:"));
}

function machineOf(test: KvmTest): string {
  return test.machine ?? "q35";
}

function timeoutOf(test: KvmTest): number {
  return test.timeoutMs ?? 5_000;
}

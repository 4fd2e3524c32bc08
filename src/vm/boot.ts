// LaunchPlan -> running VM: run directory, helpers, QEMU stopped, devices over QMP, `cont`. Each
// thing is claimed before it is acquired, and each wait loses to QEMU's death, whose stderr is
// then the explanation.
import { mkdir, rm, writeFile } from "node:fs/promises";
import type { DialPort } from "../host/vsock.ts";
import { CleanupStack } from "../lib/cleanup-stack.ts";
import { pause } from "../lib/deadline.ts";
import { Cancelled, errnoOf, HostCallFailed, KataError, LaunchFailed, type VmExitFacts } from "../lib/errors.ts";
import { type Logger, silentLogger } from "../lib/logger.ts";
import type { Ownership } from "../lib/owned.ts";
import type { LaunchPlan, VsockPlan } from "../plan/launch-plan.ts";
import { type QmpStep, renderQmpSteps } from "../plan/qmp-steps.ts";
import type { QmpSession, TranscriptEntry } from "../wire/qmp/client.ts";
import type { Child } from "./child.ts";
import { type GuestConsole, openConsole } from "./console.ts";
import { dialerOf } from "./dial.ts";
import { explainExit, recognise } from "./failure-causes.ts";
import { cidOfStep, takeFreeCid } from "./guest-cid.ts";
import { HelperLoss, type StartedHelper } from "./helper-loss.ts";
import { startHelper } from "./helpers.ts";
import { connectQmp, spawnQemu } from "./qemu-process.ts";
import { RunningVm } from "./running-vm.ts";

export interface BootOptions {
  readonly ownership: Ownership;
  readonly logger?: Logger;
  readonly signal?: AbortSignal | undefined;
  /** takes a mark for each stage reached */
  readonly timeline?: { mark(stage: string): void };
  /** what the devices need besides the plan, in the making while QEMU starts; its failure is the boot's */
  readonly devicesReady?: Promise<unknown>;
  readonly transcript?: (entry: TranscriptEntry) => void;
  /** how guest ports are reached; the plan's transport when absent */
  readonly dial?: DialPort;
  /** limit for QEMU's monitor to answer, default 20 s */
  readonly monitorTimeoutMs?: number;
}

export async function bootVm(plan: LaunchPlan, options: BootOptions): Promise<RunningVm> {
  await using cleanup = new CleanupStack();
  await makeRunDir(plan, options.ownership, cleanup);
  const guestConsole = cleanup.use("guest console", await openConsole(plan.runFiles.console));
  markFirstByte(guestConsole, options);
  const helpers = await startHelpers(plan, options, cleanup);
  options.timeline?.mark("helpers ready");
  const qemu = cleanup.use("qemu process", await spawnQemu(plan, options.ownership));
  options.timeline?.mark("qemu started");
  const logger = options.logger ?? silentLogger;
  const loss = new HelperLoss(logger);
  const exited = qemu.exited.then(
    (exit): VmExitFacts => ({ ...exit, consoleTail: guestConsole.text(), ...loss.facts }),
  );
  const { qmp, vsock } = await drive(plan, { qemu, exited, console: guestConsole }, options);
  cleanup.use("qmp session", qmp);
  for (const helper of helpers) void loss.watch(helper, qemu);
  const dial = options.dial ?? dialerOf(vsock);
  return new RunningVm({
    plan: { ...plan, vsock },
    qemu,
    qmp,
    console: guestConsole,
    exited,
    dial,
    logger,
    cleanup: cleanup.move(),
  });
}

interface Launching {
  readonly qemu: Child;
  readonly exited: Promise<VmExitFacts>;
  readonly console: GuestConsole;
}

/** Connects, runs the steps and `cont`. */
async function drive(
  plan: LaunchPlan,
  vm: Launching,
  options: BootOptions,
): Promise<{ qmp: QmpSession; vsock: VsockPlan }> {
  const signal = lostOr(options.signal, vm.exited);
  const progress = { during: "connecting to QEMU" };
  let qmp: QmpSession | undefined;
  try {
    qmp = await connectQmp(plan.runFiles.qmp, { ...monitorOptions(options), signal });
    options.timeline?.mark("qmp ready");
    await options.devicesReady;
    let { vsock } = plan;
    for (const step of renderQmpSteps(plan)) {
      progress.during = step.execute === "cont" ? "starting the guest" : `plugging devices (${step.execute})`;
      if (step.execute === "cont") options.timeline?.mark("devices plugged");
      const cid = await runStep(step, qmp, { timeoutMs: stepTimeoutMs, signal });
      if (cid !== undefined) vsock = { transport: "vhost", cid };
    }
    if (plan.tee.kind === "snp") await requireSnp(qmp);
    options.timeline?.mark("guest running");
    return { qmp, vsock };
  } catch (error) {
    qmp?.close();
    throw await explain(error, { plan, vm, during: progress.during, signal: options.signal });
  }
}

/** Answers with the vsock id that a step took. */
async function runStep(
  step: QmpStep,
  qmp: QmpSession,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<number | undefined> {
  const planned = cidOfStep(step);
  const execute = (change: object) => qmp.executeRaw(step.execute, { ...step.arguments, ...change }, limits);
  if (planned !== undefined) return await takeFreeCid(planned, (cid) => execute({ "guest-cid": cid }));
  await qmp.executeRaw(step.execute, step.arguments, limits);
  return undefined;
}

function monitorOptions({ monitorTimeoutMs = 20_000, transcript }: BootOptions) {
  return { timeoutMs: monitorTimeoutMs, ...(transcript === undefined ? {} : { transcript }) };
}

/** Aborts when QEMU is gone, or with `signal`. */
function lostOr(signal: AbortSignal | undefined, exited: Promise<unknown>): AbortSignal {
  const dead = new AbortController();
  void exited.then(() => dead.abort());
  return signal === undefined ? dead.signal : AbortSignal.any([dead.signal, signal]);
}

/** Launching a large confidential guest encrypts all of its first pages at `cont`. */
const stepTimeoutMs = 60_000;
/** How long a QEMU that cut the monitor may take to be gone. */
const deathRattleMs = 1_000;

interface Failure {
  readonly plan: LaunchPlan;
  readonly vm: Launching;
  readonly during: string;
  readonly signal: AbortSignal | undefined;
}

async function explain(error: unknown, { plan, vm, during, signal }: Failure): Promise<unknown> {
  if (signal?.aborted) return error instanceof KataError ? error : new Cancelled(during, { cause: error });
  // A cut monitor mostly means that QEMU is dying: its last words are worth a moment.
  const exit = await Promise.race([vm.exited, pause(deathRattleMs).then(() => undefined)]);
  if (exit !== undefined) return explainExit(exit, during, plan);
  const said = error instanceof Error ? error.message : String(error);
  return recognise({ during, said, console: vm.console.text() }, plan) ?? error;
}

/** QEMU accepts the object also where it has no effect; only this tells that the guest is encrypted. */
async function requireSnp(qmp: QmpSession): Promise<void> {
  const sev = await qmp.execute("query-sev", {});
  if (sev.enabled && sev["sev-type"] === "sev-snp" && sev.state === "running") return;
  throw new LaunchFailed({
    reason: "not-encrypted",
    cause: "QEMU started the guest without SEV-SNP",
    fix: "report this with the output of `kata-cvm plan`; the guest was stopped before it got any data",
    evidence: `query-sev: ${JSON.stringify(sev)}`,
  });
}

async function makeRunDir(plan: LaunchPlan, ownership: Ownership, cleanup: CleanupStack): Promise<void> {
  const { dir } = plan.runFiles;
  const owned = { kind: "path", path: dir } as const;
  await ownership.claim(owned);
  cleanup.defer("remove the VM's run directory", async () => {
    await rm(dir, { recursive: true, force: true });
    await ownership.release(owned);
  });
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const file of plan.files) await writeFile(file.path, Buffer.from(file.base64, "base64"), { mode: 0o600 });
  } catch (error) {
    throw (
      recognise({ during: "preparing", said: spaceError(error), console: "" }, plan) ??
      new HostCallFailed(`prepare ${dir}`, errnoOf(error) ?? "EUNKNOWN", { cause: error })
    );
  }
}

function spaceError(error: unknown): string {
  return errnoOf(error) === "ENOSPC" ? "No space left on device" : "";
}

/** Side by side: the TPM's manufacture takes most of a second. */
async function startHelpers(
  plan: LaunchPlan,
  options: BootOptions,
  cleanup: CleanupStack,
): Promise<readonly StartedHelper[]> {
  const context = { ownership: options.ownership, runDir: plan.runFiles.dir, signal: options.signal };
  const results = await Promise.allSettled(plan.helpers.map((helper) => startHelper(helper, context)));
  for (const result of results) if (result.status === "fulfilled") cleanup.use("helper process", result.value);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return plan.helpers.flatMap(({ kind }, at) => {
    const result = results[at];
    return result?.status === "fulfilled" ? [{ kind, exited: result.value.exited }] : [];
  });
}

function markFirstByte(guestConsole: GuestConsole, options: BootOptions): void {
  const forget = guestConsole.listen(() => {
    options.timeline?.mark("console speaks");
    forget();
  });
}

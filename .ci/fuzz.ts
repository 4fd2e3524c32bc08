// npm run fuzz -- [TARGET|all] --runs N --seed S: feeds mutated inputs to every parser. Input i of a
// seed is always the same, so a finding is a number. Each target runs in its own process, which a
// hang, a crash or memory out of proportion cannot hide in.
import { fork } from "node:child_process";
import { mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mutate, random } from "../test/fuzz/mutate.ts";
import { type FuzzTarget, isRefusal } from "../test/fuzz/target.ts";

const PROGRESS_MS = 2000;
/** CPU time of one input; a loaded machine must not look like a hang */
const INPUT_LIMIT_MS = 2000;
/** and of one that waits for something that never comes */
const INPUT_WAIT_MS = 60_000;
const CLOCK_TICK_MS = 10;
const MEMORY_LIMIT = 768 << 20;
const findings = join(tmpdir(), "kata-cvm-fuzz");

interface Job {
  readonly target: string;
  readonly runs: number;
  readonly seed: number;
  /** two u32: index of the input in work, how many were accepted; written before each input */
  readonly progress: string;
}
type Outcome = { readonly kind: "done" } | { readonly kind: "failure"; readonly error: string };

async function loadTargets(): Promise<FuzzTarget[]> {
  const dir = join(import.meta.dirname, "../test/fuzz");
  const files = readdirSync(dir).filter((file) => file.endsWith(".fuzz.ts"));
  const modules = await Promise.all(
    files.map(async (file) => (await import(join(dir, file))) as { targets: FuzzTarget[] }),
  );
  return modules.flatMap((module) => module.targets);
}

/** The unmutated seeds come first, then mutations of a seed picked by the index's own random numbers. */
function inputAt(seeds: readonly Uint8Array[], seed: number, index: number): Uint8Array {
  const plain = seeds[index];
  if (plain !== undefined) return plain;
  const next = random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0);
  for (let warm = 0; warm < 4; warm++) next(2);
  const start = seeds[next(seeds.length)] ?? new Uint8Array(0);
  return mutate(start, next);
}

async function work({ target: name, runs, seed, progress }: Job): Promise<Outcome> {
  const target = (await loadTargets()).find((one) => one.name === name);
  if (target === undefined) return { kind: "failure", error: `there is no target ${name}` };
  const seeds = target.seeds();
  const file = openSync(progress, "w");
  const state = new Uint32Array(2);
  for (let index = 0; index < runs; index++) {
    state[0] = index;
    writeSync(file, state, 0, 8, 0);
    if (index % 1024 === 0 && process.memoryUsage().rss > MEMORY_LIMIT)
      return { kind: "failure", error: "memory grows" };
    const input = inputAt(seeds, seed, index);
    try {
      const running = target.run(input);
      if (running !== undefined) await running;
      state[1] = (state[1] ?? 0) + 1;
    } catch (error) {
      if (isRefusal(target, error)) continue;
      return { kind: "failure", error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
  }
  state[0] = runs;
  writeSync(file, state, 0, 8, 0);
  return { kind: "done" };
}

async function fuzz(target: FuzzTarget, options: { runs: number; seed: number }): Promise<boolean> {
  if (target.seeds().length === 0) {
    console.log(`${target.name}: no seeds on this machine, skipped`);
    return true;
  }
  mkdirSync(findings, { recursive: true });
  const job: Job = {
    target: target.name,
    ...options,
    progress: join(findings, `${target.name}.${process.pid}.progress`),
  };
  writeFileSync(job.progress, Buffer.alloc(8));
  const started = performance.now();
  const outcome = await runJob(job);
  const [index, accepted] = readProgress(job);
  rmSync(job.progress);
  if (outcome.kind === "failure") return report(target, options.seed, { index, error: outcome.error });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${target.name}: ${options.runs} inputs, ${accepted} accepted, no finding, ${seconds} s`);
  return true;
}

async function runJob(job: Job): Promise<Outcome> {
  const execArgv = ["--import", "tsx", "--max-old-space-size=512"];
  const child = fork(import.meta.filename, ["--job", JSON.stringify(job)], { execArgv });
  let timer: NodeJS.Timeout | undefined;
  const outcome = await new Promise<Outcome>((resolve) => {
    timer = watch(job, child.pid ?? 0, (error) => resolve({ kind: "failure", error }));
    child.once("message", (message) => resolve(message as Outcome));
    child.once("exit", (code, signal) => resolve({ kind: "failure", error: `the process ended with ${signal ?? code}` }));
  });
  clearInterval(timer);
  child.kill("SIGKILL");
  return outcome;
}

/** Tells the progress, and when one input takes too long. */
function watch(job: Job, pid: number, fail: (error: string) => void): NodeJS.Timeout {
  let seen = { index: 0, since: performance.now(), cpuMs: 0 };
  let told = performance.now();
  return setInterval(() => {
    const [index, accepted] = readProgress(job);
    const now = performance.now();
    const cpuMs = cpuTimeOf(pid);
    if (index !== seen.index) seen = { index, since: now, cpuMs };
    else if (index > 0 && index < job.runs) {
      if (cpuMs - seen.cpuMs > INPUT_LIMIT_MS) fail(`takes longer than ${INPUT_LIMIT_MS} ms`);
      if (now - seen.since > INPUT_WAIT_MS) fail(`is not done after ${INPUT_WAIT_MS} ms`);
    }
    if (now - told < PROGRESS_MS) return;
    told = now;
    console.log(`  ${job.target}: ${index} of ${job.runs} inputs, ${accepted} accepted`);
  }, 100);
}

/** utime and stime of proc_pid_stat(5), all threads; 0 once the process is gone. */
function cpuTimeOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS;
  } catch {
    return 0;
  }
}

function readProgress({ progress }: Job): [number, number] {
  const bytes = readFileSync(progress);
  return bytes.length < 8 ? [0, 0] : [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}

function report(target: FuzzTarget, seed: number, { index, error }: { index: number; error: string }): false {
  const file = join(findings, `${target.name}-${seed}-${index}.hex`);
  writeFileSync(file, Buffer.from(inputAt(target.seeds(), seed, index)).toString("hex"));
  console.log(`${target.name}: input ${index} of seed ${seed} failed: ${error}\n  input: ${file}`);
  return false;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: "string", default: "20000" },
      seed: { type: "string", default: "1" },
      job: { type: "string" },
    },
  });
  if (values.job !== undefined) {
    process.send?.(await work(JSON.parse(values.job) as Job));
    return;
  }
  const [name = "all"] = positionals;
  const options = { runs: Number(values.runs), seed: Number(values.seed) };
  const all = await loadTargets();
  const chosen = name === "all" ? all : all.filter((target) => target.name === name);
  if (chosen.length === 0 || !(options.runs > 0) || !Number.isInteger(options.seed)) {
    console.error(`usage: npm run fuzz -- [all|${all.map((target) => target.name).join("|")}] --runs N --seed S`);
    process.exitCode = 2;
    return;
  }
  for (const target of chosen) if (!(await fuzz(target, options))) process.exitCode = 1;
}

await main();

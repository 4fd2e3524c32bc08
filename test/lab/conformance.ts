// critest against a handler of ours, offline, by one command; prints a table by class and writes JSON.
// See USAGE. Exits 2 for an option that it does not take, and 1 for a case that neither passes nor is excepted, that
// the peer passes and we do not, that passes under one seed only, for a daemon that grew beyond 1.2 times, and for
// anything left behind.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConformanceOptions, parseOptions, USAGE } from "./conformance-options.ts";
import { runCritest } from "./critest.ts";
import { exceptionsFor } from "./critest-classes.ts";
import { type Case, flaky, renderTable, worseThan } from "./critest-report.ts";
import { FirstPod } from "./daemon-memory.ts";
import { handlers } from "./handlers.ts";
import { settle } from "./leftovers.ts";
import { startLab } from "./start-lab.ts";
import { toolPath } from "./tools.ts";

const options = readOptions();

function readOptions(): ConformanceOptions {
  try {
    const read = parseOptions(process.argv.slice(2));
    const known = handlers().map(({ name }) => name);
    const unknown = [read.handler, read.peer ?? read.handler].find((name) => !known.includes(name));
    if (unknown === undefined) return read;
    throw new Error(`${unknown} is none of the handlers ${known.join(", ")}; ours need npm run build`);
  } catch (error) {
    process.stderr.write(`conformance: ${textOf(error)}\nusage: ${USAGE}\n`);
    process.exit(2);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function counts(cases: readonly Case[]) {
  const total = (state: Case["state"]) => cases.filter((entry) => entry.state === state).length;
  return { passed: total("passed"), failed: total("failed"), skipped: total("skipped") };
}

function tell(title: string, names: readonly string[]): void {
  process.stdout.write(`${title}: ${names.length === 0 ? "nothing" : ["", ...names].join("\n  ")}\n`);
}

async function main(): Promise<void> {
  const { handler, seeds } = options;
  const { containerd: named } = options;
  const containerd = "folder" in named ? named.folder : toolPath(`containerd-${named.version}`);
  const folder = mkdtempSync(join(tmpdir(), "kata-cvm-critest-"));
  if (process.env["E2E_KEEP"] === undefined)
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  await using lab = await startLab({ folder, handlers: handlers(), containerd });
  const before = await lab.holdings();
  const suite = async (who: string, seed: string) => {
    const exceptions = exceptionsFor({ containerd: lab.containerdVersion, handler: who });
    const wanted = { handler: who, exceptions, seed };
    return await runCritest(lab, {
      ...wanted,
      ...(options.focus === undefined ? {} : { focus: options.focus }),
      ...(options.log === undefined ? {} : { log: options.log }),
    });
  };
  const peer = options.peer === undefined ? [] : await suite(options.peer, seeds[0] ?? "1");
  const firstPod = handler.startsWith("kata-cvm") ? await FirstPod.run(lab, handler) : undefined;
  const runs: Case[][] = [];
  for (const seed of seeds) {
    const cases = await suite(handler, seed);
    runs.push(cases);
    process.stdout.write(`seed ${seed}\n${renderTable(cases)}\n`);
  }
  const growth = await firstPod?.end();
  const left = await settle(before, () => lab.holdings(), 20_000);
  const worse = [...new Set(runs.flatMap((cases) => worseThan(peer, cases)))];
  const flakes = flaky(runs);
  if (options.peer !== undefined) tell(`passed by ${options.peer} only, outside class D`, worse);
  if (seeds.length > 1) tell("passed under one seed, failed under another", flakes);
  if (growth !== undefined) {
    const { firstMiB, laterMiB, ratio } = growth;
    const figures = `${firstMiB.toFixed(1)} MiB, then ${laterMiB.toFixed(1)} MiB: ${ratio.toFixed(2)} times`;
    process.stdout.write(`memory of the first pod's daemon: ${figures}\n`);
  }
  tell("left behind", left);
  const head = { containerd: lab.containerdVersion, handler, leftBehind: left, worseThanPeer: worse, flaky: flakes };
  const summary = {
    ...head,
    daemonMemory: growth,
    runs: runs.map((cases, at) => ({ seed: seeds[at], ...counts(cases), cases })),
  };
  if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(summary, null, 1)}\n`);
  for (const [at, cases] of runs.entries()) {
    const { passed, failed, skipped } = counts(cases);
    const of = `containerd ${lab.containerdVersion}, handler ${handler}, seed ${seeds[at]}`;
    process.stdout.write(`${of}: ${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
  const unexpected = runs.some((cases) => cases.some((entry) => entry.unexpected));
  const grown = growth?.withinLimit === false;
  process.exitCode = unexpected || grown || worse.length + flakes.length + left.length > 0 ? 1 : 0;
}

await main().catch((error: unknown) => {
  process.stderr.write(`conformance: ${textOf(error)}\n`);
  process.exitCode = 1;
});

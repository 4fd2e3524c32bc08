// Benchmarks by one command; a table on stdout and JSON in a file. Every number that has a target is
// told as a ratio to something measured in the same run.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { handlers } from "../handlers.ts";
import { startLab } from "../start-lab.ts";
import { toolPath } from "../tools.ts";
import { benchFloor } from "./floor.ts";
import { benchMeasure } from "./measure.ts";
import { benchPods } from "./pods.ts";
import type { Run } from "./samples.ts";
import { type BenchContext, benchStart } from "./shim.ts";
import { benchStdout } from "./stdout.ts";

type Benchmark = (context: BenchContext) => Promise<Run[]>;

const benchmarks: Readonly<Record<string, Benchmark>> = {
  start: benchStart,
  pods: benchPods,
  floor: (context) => benchFloor(context.lab.folder),
  stdout: (context) => benchStdout(context.lab.folder, context.rounds),
  measure: (context) => benchMeasure(context.lab.folder, context.rounds),
};

const USAGE = "npm run bench -- --out FILE [--only start,pods,floor,stdout,measure] [--rounds N] [--handler NAME]";

/** Ends this process with 2 for words that it does not know. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        out: { type: "string" },
        only: { type: "string", default: Object.keys(benchmarks).join(",") },
        rounds: { type: "string", default: "10" },
        handler: { type: "string", default: "kata-cvm-fast" },
      },
    });
    const chosen = values.only.split(",").map((name) => {
      const benchmark = benchmarks[name];
      if (benchmark === undefined) throw new Error(`there is no benchmark ${name}`);
      return [name, benchmark] as const;
    });
    const rounds = Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is no number of rounds`);
    return { ...values, chosen, rounds };
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\nusage: ${USAGE}\n`);
    process.exit(2);
  }
}

function printTable(runs: readonly Run[]): void {
  const width = Math.max(...runs.map((run) => run.name.length));
  for (const { name, unit, median, min, max, peer, ratio } of runs) {
    const own = `${name.padEnd(width)}  ${median.toFixed(1).padStart(9)} ${unit.padEnd(4)}  [${min.toFixed(1)}–${max.toFixed(1)}]`;
    process.stdout.write(
      peer === undefined ? `${own}\n` : `${own}  ${ratio?.toFixed(2)} × ${peer.name} (${peer.median.toFixed(1)})\n`,
    );
  }
}

async function main(): Promise<void> {
  const { chosen, rounds, handler, out } = readOptions();
  const folder = mkdtempSync(join(tmpdir(), "kata-cvm-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const containerd = toolPath("containerd-1.6");
  await using lab = await startLab({ folder, handlers: handlers(), containerd });
  const runs: Run[] = [];
  for (const [name, benchmark] of chosen) {
    process.stderr.write(`bench: ${name}\n`);
    runs.push(...(await benchmark({ lab, rounds, handler })));
  }
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    load: loadavg()[0],
    node: process.version,
    os: /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1],
    containerd: lab.containerdVersion,
    handler,
  };
  printTable(runs);
  if (out !== undefined) writeFileSync(out, `${JSON.stringify({ machine, runs }, null, 1)}\n`);
}

await main();

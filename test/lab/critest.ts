// One run of critest in a lab, with progress. The suite names one public image by its digest, which no
// image made here can have: a copy of the binary asks for ours instead (same length, replaced in place).
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CritestException } from "./critest-classes.ts";
import { type Case, judge, type Spec } from "./critest-report.ts";
import type { Lab } from "./start-lab.ts";
import { testImages, toolPath } from "./tools.ts";

export interface SuiteRun {
  readonly handler: string;
  readonly exceptions: readonly CritestException[];
  readonly seed: string;
  /** a regular expression over the cases' names */
  readonly focus?: string;
  /** where the suite's own words go, beside the progress */
  readonly log?: string;
}

const PUBLIC_DIGEST = "9700f9a2f5bf2c45f2f605a0bd3bce7cf37420ec9d3ed50ac2758413308766bf";
const RUN_LIMIT_MS = 80 * 60_000;

function patchedCritest(folder: string): string {
  const path = join(folder, "critest");
  if (existsSync(path)) return path;
  const bytes = readFileSync(toolPath("critest"));
  const ours = readFileSync(join(testImages(), "pinned-digest"), "utf8").trim().slice("sha256:".length);
  let found = 0;
  for (let at = bytes.indexOf(PUBLIC_DIGEST); at >= 0; at = bytes.indexOf(PUBLIC_DIGEST, at + 1)) {
    bytes.write(ours, at, "latin1");
    found += 1;
  }
  if (found === 0) throw new Error("this critest does not name the digest that we know");
  writeFileSync(path, bytes);
  chmodSync(path, 0o755);
  return path;
}

/** A line on standard error for each case that ends; Ginkgo's -v prints one "• [1.2 seconds]" for each. */
function progress(label: string): (chunk: Buffer) => void {
  let rest = "";
  let total = "?";
  let [ended, failed] = [0, 0];
  return (chunk) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      total = /^Will run (\d+) of/.exec(line)?.[1] ?? total;
      const end = /^(?:•|S) (?:\[(\w+)\] )?\[([\d.]+) seconds\]/.exec(line);
      if (end === null) continue;
      ended += 1;
      if (end[1] !== undefined && end[1] !== "SKIPPED") failed += 1;
      process.stderr.write(`${label}: ${ended} of ${total}, ${failed} failed (last case ${end[2]} s)\n`);
    }
  };
}

function arguments_(lab: Lab, run: SuiteRun, report: string): string[] {
  const endpoint = "unix:///run/containerd/containerd.sock";
  const leaveOut = run.exceptions.filter((entry) => entry.leaveOut).map((entry) => entry.name.replace(/^\^/, ""));
  const args = ["-runtime-endpoint", endpoint, "-image-endpoint", endpoint, "-runtime-handler", run.handler];
  args.push("-ginkgo.v", "-ginkgo.no-color", "-ginkgo.json-report", report, "-ginkgo.timeout", "75m");
  args.push("-ginkgo.seed", run.seed);
  // Only some versions of the suite have cases for NRI.
  if (readFileSync(toolPath("critest")).includes("nri-socket") && !lab.containerdVersion.startsWith("1.")) {
    args.push("-nri-socket", "/run/nri/nri.sock");
  }
  if (leaveOut.length > 0) args.push("-ginkgo.skip", leaveOut.join("|"));
  if (run.focus !== undefined) args.push("-ginkgo.focus", run.focus);
  return args;
}

/**
 * A case of mount propagation that is refused ends before it made its second mount, fails to unmount that, and leaves
 * its first (critest 1.36, createHostPathForMountPropagation). One that our side still held would be busy, and stay.
 */
async function unmountWhatCasesLeft(lab: Lab): Promise<void> {
  const script = 'for each in "$0"/test*/mnt; do ! mountpoint -q "$each" || umount "$each"; done';
  await lab.exec(["sh", "-c", script, lab.folder]);
}

export async function runCritest(lab: Lab, run: SuiteRun): Promise<Case[]> {
  const report = join(lab.folder, "report.json");
  rmSync(report, { force: true });
  const argv = ["env", `TMPDIR=${lab.folder}`, patchedCritest(lab.folder), ...arguments_(lab, run, report)];
  const onStdout = progress(`${run.handler}, seed ${run.seed}`);
  const outcome = await lab.exec(argv, { cwd: lab.folder, timeoutMs: RUN_LIMIT_MS, onStdout });
  await unmountWhatCasesLeft(lab);
  if (run.log !== undefined) writeFileSync(run.log, outcome.stdout);
  if (!existsSync(report)) {
    const said = outcome.stderr.trim() || outcome.stdout.toString("utf8").trim();
    throw new Error(`critest wrote no report: ${said.slice(0, 500)}`);
  }
  const suites = JSON.parse(readFileSync(report, "utf8")) as { SpecReports: Spec[] }[];
  const specs = suites.flatMap((suite) => suite.SpecReports).filter((spec) => spec.LeafNodeType === "It");
  return judge(specs, run.exceptions);
}

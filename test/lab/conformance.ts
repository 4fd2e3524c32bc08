// critest against a handler of ours, offline, by one command; prints a table by class and writes JSON.
//   npm run conformance -- --containerd 1.6|1.7|2|FOLDER --out FILE [--handler NAME] [--focus RE] [--seed N]
// The suite names one public image by its digest, which no image made here can have: a copy of the
// binary asks for ours instead (same length, replaced in place).
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CaseClass, type CritestException, classMeaning, classOf, exceptionsFor } from "./critest-classes.ts";
import { handlers } from "./handlers.ts";
import { settle } from "./leftovers.ts";
import { type Lab, startLab } from "./start-lab.ts";
import { type ToolName, testImages, toolPath } from "./tools.ts";

interface Spec {
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly State: string;
  readonly RunTime: number;
  readonly Failure?: { readonly Message?: string };
}

interface Case {
  readonly name: string;
  readonly class: CaseClass;
  readonly state: "passed" | "failed" | "skipped";
  /** not what the exceptions allow */
  readonly unexpected: boolean;
  readonly reason?: string;
  readonly seconds: number;
}

const PUBLIC_DIGEST = "9700f9a2f5bf2c45f2f605a0bd3bce7cf37420ec9d3ed50ac2758413308766bf";
const RUN_LIMIT_MS = 80 * 60_000;

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

function patchedCritest(folder: string): string {
  const bytes = readFileSync(toolPath("critest"));
  const ours = readFileSync(join(testImages(), "pinned-digest"), "utf8").trim().slice("sha256:".length);
  let found = 0;
  for (let at = bytes.indexOf(PUBLIC_DIGEST); at >= 0; at = bytes.indexOf(PUBLIC_DIGEST, at + 1)) {
    bytes.write(ours, at, "latin1");
    found += 1;
  }
  if (found === 0) throw new Error("this critest does not name the digest that we know");
  const path = join(folder, "critest");
  writeFileSync(path, bytes);
  chmodSync(path, 0o755);
  return path;
}

async function runSuite(
  lab: Lab,
  wanted: { handler: string; exceptions: readonly CritestException[] },
): Promise<Spec[]> {
  const report = join(lab.folder, "report.json");
  const endpoint = "unix:///run/containerd/containerd.sock";
  const leaveOut = wanted.exceptions.filter((entry) => entry.leaveOut).map((entry) => entry.name.replace(/^\^/, ""));
  const args = ["-runtime-endpoint", endpoint, "-image-endpoint", endpoint, "-runtime-handler", wanted.handler];
  args.push("-ginkgo.no-color", "-ginkgo.json-report", report, "-ginkgo.timeout", "75m");
  args.push("-ginkgo.seed", option("seed") ?? "1");
  // Only some versions of the suite have cases for NRI.
  if (readFileSync(toolPath("critest")).includes("nri-socket") && !lab.containerdVersion.startsWith("1.")) {
    args.push("-nri-socket", "/run/nri/nri.sock");
  }
  if (leaveOut.length > 0) args.push("-ginkgo.skip", leaveOut.join("|"));
  const focus = option("focus");
  if (focus !== undefined) args.push("-ginkgo.focus", focus);
  const tmp = `TMPDIR=${lab.folder}`;
  const outcome = await lab.exec(["env", tmp, patchedCritest(lab.folder), ...args], {
    cwd: lab.folder,
    timeoutMs: RUN_LIMIT_MS,
  });
  const log = option("log");
  if (log !== undefined) writeFileSync(log, outcome.stdout);
  if (!existsSync(report))
    throw new Error(
      `critest wrote no report: ${(outcome.stderr.trim() || outcome.stdout.toString("utf8").trim()).slice(0, 500)}`,
    );
  const suites = JSON.parse(readFileSync(report, "utf8")) as { SpecReports: Spec[] }[];
  return suites.flatMap((suite) => suite.SpecReports).filter((spec) => spec.LeafNodeType === "It");
}

function judge(specs: readonly Spec[], exceptions: readonly CritestException[]): Case[] {
  const cases = specs.map((spec): Case | undefined => {
    const parts = [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText];
    const name = parts.map((part) => part.replace(/^\[k8s\.io\] /, "")).join(" > ");
    if (/benchmark/i.test(name)) return undefined;
    const exception = exceptions.find((entry) => new RegExp(entry.name).test(name));
    const said = spec.Failure?.Message?.replace(/\s+/g, " ").slice(0, 500);
    // Skipped without a word: not selected by --focus.
    if (spec.State === "skipped" && said === undefined && exception?.leaveOut !== true) return undefined;
    const state = spec.State === "passed" || spec.State === "skipped" ? spec.State : "failed";
    const reason = state === "passed" ? undefined : [exception?.reason, said].filter(Boolean).join(": ");
    const unexpected = state !== "passed" && exception === undefined;
    const common = { name, class: classOf(name), state, unexpected, seconds: spec.RunTime / 1e9 } as const;
    return reason === undefined ? common : { ...common, reason };
  });
  return cases.filter((entry) => entry !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function printTable(cases: readonly Case[]): void {
  const count = (among: readonly Case[], state: Case["state"]) => among.filter((entry) => entry.state === state).length;
  process.stdout.write("class  passed  failed  skipped  unexpected  what it asks\n");
  for (const [name, meaning] of Object.entries(classMeaning)) {
    const among = cases.filter((entry) => entry.class === name);
    const numbers = [count(among, "passed"), count(among, "failed"), count(among, "skipped")];
    const unexpected = among.filter((entry) => entry.unexpected).length;
    const columns = [
      ...numbers.map((number, at) => String(number).padStart(at === 2 ? 9 : 8)),
      String(unexpected).padStart(12),
    ];
    process.stdout.write(`${name.padEnd(5)}${columns.join("")}  ${meaning}\n`);
  }
  for (const entry of cases.filter((each) => each.unexpected)) {
    process.stdout.write(`\nnot expected: ${entry.state}: ${entry.name}\n  ${entry.reason ?? ""}\n`);
  }
}

async function main(): Promise<void> {
  const wanted = option("containerd") ?? "1.6";
  const handler = option("handler") ?? "kata-cvm-fast";
  const containerd = wanted.startsWith("/") ? wanted : toolPath(`containerd-${wanted}` as ToolName);
  const folder = mkdtempSync(join(tmpdir(), "kata-cvm-critest-"));
  if (process.env["E2E_KEEP"] === undefined)
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  await using lab = await startLab({ folder, handlers: handlers(), containerd });
  const before = await lab.holdings();
  const exceptions = exceptionsFor({ containerd: lab.containerdVersion, handler });
  const cases = judge(await runSuite(lab, { handler, exceptions }), exceptions);
  const left = await settle(before, () => lab.holdings(), 20_000);
  const total = (state: Case["state"]) => cases.filter((entry) => entry.state === state).length;
  const [passed, failed, skipped] = [total("passed"), total("failed"), total("skipped")];
  printTable(cases);
  process.stdout.write(`\nleft behind: ${left.length === 0 ? "nothing" : left.join(", ")}\n`);
  const summary = { containerd: lab.containerdVersion, handler, passed, failed, skipped, leftBehind: left, cases };
  const out = option("out");
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(summary, null, 1)}\n`);
  process.stdout.write(
    `containerd ${lab.containerdVersion}, handler ${handler}: ${passed} passed, ${failed} failed, ${skipped} skipped\n`,
  );
  process.exitCode = cases.some((entry) => entry.unexpected) || left.length > 0 ? 1 : 0;
}

await main();

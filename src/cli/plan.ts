// `kata-cvm plan`: what would be launched, from the very planLaunch that launches; nothing is started.
// Facts of a machine that is not at hand come from a file.
import { readFile } from "node:fs/promises";
import { podRunDir, runRoot } from "../host/run-dir.ts";
import { InvalidRequest } from "../lib/errors.ts";
import { silentLogger } from "../lib/logger.ts";
import { renderReference } from "../measure/evidence/reference.ts";
import { parseSpec } from "../oci/parse-spec.ts";
import type { HostFacts } from "../plan/inputs.ts";
import type { LaunchPlan } from "../plan/launch-plan.ts";
import type { VmSize } from "../plan/limits.ts";
import { planLaunch } from "../plan/plan-launch.ts";
import { renderQemuArgv } from "../plan/qemu-argv.ts";
import { renderQmpSteps } from "../plan/qmp-steps.ts";
import { sizeRange } from "../plan/resize.ts";
import { expectedValues } from "../runtime/expected-values.ts";
import { defineCommand } from "./command.ts";
import { annotationOption, configOption, loadConfigFor, parseAnnotations } from "./config-option.ts";
import { readHostFacts } from "./facts-file.ts";
import { readInput } from "./read-input.ts";

const podId = "plan";

export const planCommand = defineCommand({
  command: "plan",
  describe: "print a launch: QEMU's argv, the QMP steps, the files, the expected measurement; starts nothing",
  options: {
    config: configOption,
    spec: { type: "string", describe: "OCI config.json of the pod: its annotations and limits count" },
    annotation: annotationOption,
    facts: { type: "string", describe: "host facts as JSON, instead of asking this host" },
  },
  run: async (args) => {
    const annotations = { ...(await specAnnotations(args.spec)), ...parseAnnotations(args.annotation) };
    const { config } = await loadConfigFor(args.config, annotations);
    const facts = await readHostFacts(config, args.facts, silentLogger);
    const initdata = config.initdata.file === "" ? undefined : await readFile(config.initdata.file, "utf8");
    const plan = planLaunch(config, facts, {
      podId,
      runDir: podRunDir("kata-cvm-plan", podId, runRoot),
      nics: [],
      annotations,
      ...(initdata === undefined ? {} : { initdata }),
    });
    const json = {
      class: plan.class,
      size: sizeRange(plan),
      argv: [plan.qemu, ...renderQemuArgv(plan)],
      qmp: renderQmpSteps(plan),
      files: Object.fromEntries(plan.files.map(({ path, base64 }) => [path, base64])),
      cmdline: plan.cmdline,
      helpers: plan.helpers,
      facts,
      expected: await readExpected(plan),
    };
    return { json, text: renderPlan(plan, json), exitCode: 0 };
  },
});

/** By the names of reference values; `unknown` says why one is missing. */
async function readExpected(plan: LaunchPlan): Promise<Readonly<Record<string, unknown>>> {
  const { values, unknown } = await expectedValues(plan);
  return {
    ...(renderReference({ subject: plan.class, values })["values"] as Readonly<Record<string, unknown>>),
    ...(unknown.length === 0 ? {} : { unknown }),
    ...(plan.initdata === undefined ? {} : { initdata: plan.initdata }),
  };
}

async function specAnnotations(path: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (path === undefined) return {};
  const { annotations = {}, process } = parseSpec(await readInput("--spec", path));
  if (process === undefined) throw new InvalidRequest("--spec", `${path} describes no process`);
  return annotations;
}

interface Rendered {
  readonly argv: readonly string[];
  readonly qmp: ReturnType<typeof renderQmpSteps>;
  readonly facts: HostFacts;
  readonly expected: Readonly<Record<string, unknown>>;
}

function renderPlan(plan: LaunchPlan, { argv, qmp, facts, expected }: Rendered): string {
  const [qemu = "", ...options] = argv;
  const [start, most] = [sizeText(sizeRange(plan).start), sizeText(sizeRange(plan).most)];
  const lines = [
    `class    ${plan.class}, ${plan.accelerator} (${plan.cpu.model}), ${start}${start === most ? "" : `; grows to ${most}`}`,
    `cmdline  ${plan.cmdline}`,
    ...(plan.tee.kind === "snp" ? [`c-bit    ${plan.tee.cbitpos} (${facts.snp.origin})`] : []),
    "",
    qemu,
    ...optionLines(options).map((line) => `  ${line}`),
    "",
    ...qmp.map((step) => `qmp      ${step.execute}${renderArguments(step.arguments)}`),
    ...plan.files.map(({ path, base64 }) => `file     ${path}, ${Buffer.from(base64, "base64").length} bytes`),
    ...plan.helpers.map((helper) => `helper   ${helper.binary}`),
    "",
    ...Object.entries(expected).map(([name, value]) => `expected ${name} = ${renderExpected(value)}`),
  ];
  return lines.join("\n");
}

function sizeText({ vcpus, memoryMiB }: VmSize): string {
  return `${vcpus} vCPUs, ${memoryMiB} MiB`;
}

/** An option and its value on one line. */
function optionLines(argv: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const word of argv) {
    if (word.startsWith("-") || lines.length === 0) lines.push(word);
    else lines.push(`${lines.pop()} ${/^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`}`);
  }
  return lines;
}

function renderArguments(given: unknown): string {
  return given === undefined || JSON.stringify(given) === "{}" ? "" : ` ${JSON.stringify(given)}`;
}

function renderExpected(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

// `kata-cvm explain KIND`: everything that was hashed, in order, with the running digest; and with --diff
// the first input that differs from another explanation, and the setting it came from.
import { InvalidRequest } from "../lib/errors.ts";
import { type Difference, firstDifference, renderTrails, type Trail } from "../measure/trail.ts";
import { type Command, type CommandResult, defineCommand } from "./command.ts";
import { ukiKind } from "./explain-uki.ts";
import { igvmKind } from "./measure-igvm.ts";
import { snpKind } from "./measure-snp.ts";
import { tdxKind } from "./measure-tdx.ts";
import type { MeasureKind } from "./measured.ts";
import { readInput } from "./read-input.ts";

const REGISTERS_LIMIT = 64;

interface Explanation {
  readonly trails: readonly Trail[];
  readonly settings: Readonly<Record<string, string>>;
}

function explainCommand(kind: MeasureKind): Command {
  return defineCommand({
    command: `explain ${kind.name}`,
    describe: `what goes into: ${kind.describe}`,
    options: { ...kind.options, diff: { type: "string", describe: "another explanation (JSON) to compare with" } },
    run: async (args) => {
      const { diff, ...own } = args;
      const { json, trails, settings } = await kind.measure(own);
      if (typeof diff !== "string")
        return { json: { ...json, settings, trails }, text: renderTrails(trails), exitCode: 0 };
      return compare({ trails, settings }, await readExplanation("--diff", diff));
    },
  });
}

/** `kata-cvm explain diff A B`: two explanations made earlier. */
const diffCommand = defineCommand({
  command: "explain diff <a> <b>",
  describe: "first input that differs between two explanations (JSON files)",
  options: {
    a: { type: "string", describe: "one explanation", demandOption: true },
    b: { type: "string", describe: "the other", demandOption: true },
  },
  run: async ({ a, b }) => compare(await readExplanation("a", a), await readExplanation("b", b)),
});

export const explainCommands: readonly Command[] = [
  ...[snpKind, igvmKind, tdxKind, ukiKind].map(explainCommand),
  diffCommand,
];

/** 0 when nothing differs, 1 when something does, as diff does it. */
function compare(a: Explanation, b: Explanation): CommandResult {
  const found = firstDifference(a.trails, b.trails);
  const missing = b.trails.filter((trail) => !a.trails.some((other) => other.register === trail.register));
  const json = { same: found === undefined && missing.length === 0, first: found ? withSettings(found, a, b) : null };
  if (json.first) return { json, text: renderDifference(json.first), exitCode: 1 };
  if (json.same) return { json, text: "nothing differs", exitCode: 0 };
  return { json, text: `only the second has ${missing.map((one) => one.register).join(", ")}`, exitCode: 1 };
}

type SettledDifference = Difference & { readonly settingA: string | null; readonly settingB: string | null };

function withSettings(found: Difference, a: Explanation, b: Explanation): SettledDifference {
  const given = ({ settings }: Explanation): string | null => settings[found.setting] ?? null;
  return { ...found, settingA: given(a), settingB: given(b) };
}

function renderDifference(found: SettledDifference): string {
  const { register, step, label, setting, a, b, settingA, settingB } = found;
  const lines = [`first difference: ${register}, step ${step + 1}, ${label}`, `  from ${setting}`];
  if (settingA !== settingB) lines.push(`    a: ${settingA ?? "(not given)"}`, `    b: ${settingB ?? "(not given)"}`);
  return [...lines, `  a measured ${a}`, `  b measured ${b}`].join("\n");
}

async function readExplanation(option: string, path: string): Promise<Explanation> {
  const refuse = (reason: string): never => {
    throw new InvalidRequest(option, `${path} ${reason}; make it with \`kata-cvm explain ... --json\``);
  };
  const document = parseJson((await readInput(option, path)).toString("utf8"));
  if (!isRecord(document)) return refuse("is no JSON document");
  const { trails, settings } = document;
  if (!Array.isArray(trails) || trails.length > REGISTERS_LIMIT || !trails.every(isTrail)) {
    return refuse("has no explained registers");
  }
  return { trails, settings: isRecord(settings) ? stringsOf(settings) : {} };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function stringsOf(record: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, String(value)]));
}

function isTrail(value: unknown): value is Trail {
  return (
    isRecord(value) &&
    ["register", "algorithm", "initial", "value"].every((key) => typeof value[key] === "string") &&
    Array.isArray(value["steps"]) &&
    value["steps"].every(isStep)
  );
}

function isStep(value: unknown): boolean {
  return (
    isRecord(value) &&
    ["label", "setting", "event", "digest", "running"].every((key) => typeof value[key] === "string") &&
    typeof value["bytes"] === "number" &&
    (value["parts"] === undefined || (Array.isArray(value["parts"]) && value["parts"].every(isRecord)))
  );
}

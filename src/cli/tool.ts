// The whole tool: every command, parsed by yargs, with help and usage errors.
import yargs, { type Argv, type Options, type PositionalOptions } from "yargs";
import { runtimeVersion } from "../lib/version.ts";
import type { Command } from "./command.ts";
import { type CommandGroup, commandTable } from "./command-table.ts";
import { explainUsage, ownStrings, positionalsOf, usageOf } from "./command-words.ts";
import { reportFailure, runAndPrint, UsageError } from "./outcome.ts";

interface Outcome {
  exitCode: number;
}

/** The exit code of `kata-cvm ARGV`. */
export async function runTool(argv: readonly string[]): Promise<number> {
  try {
    return await parseAndRun(argv);
  } catch (error) {
    return reportFailure(error);
  }
}

async function parseAndRun(argv: readonly string[]): Promise<number> {
  const outcome: Outcome = { exitCode: 0 };
  const own = ownWords(argv);
  let parser = yargs([...own.words])
    .scriptName("kata-cvm")
    .usage("$0 <command> [options]\n\nRuns and examines pods in measured confidential virtual machines.")
    .parserConfiguration({ "boolean-negation": false, "strip-aliased": true })
    .option("json", { type: "boolean", describe: "print one JSON document", global: true, default: false })
    .version(runtimeVersion)
    .help("help")
    .alias("help", "h")
    .updateStrings(ownStrings as unknown as Record<string, string>)
    .demandCommand(1, "name a command; `kata-cvm --help` lists them")
    .strict()
    .wrap(Math.min(110, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      // what a command throws passes through here, too
      if (error !== undefined && error.name !== "YError") throw error;
      throw new UsageError(explainUsage(own.words, message));
    });
  for (const [name, group] of Object.entries(commandTable)) {
    parser = addGroup(parser, { name, group, rest: own.rest, outcome });
  }
  await parser.parseAsync();
  return outcome.exitCode;
}

/** What follows `--` belongs to the program that is run, not to our parser. */
function ownWords(argv: readonly string[]): { words: readonly string[]; rest: readonly string[] } {
  const at = argv.indexOf("--");
  return at < 0 ? { words: argv, rest: [] } : { words: argv.slice(0, at), rest: argv.slice(at + 1) };
}

interface GroupContext {
  readonly name: string;
  readonly group: CommandGroup;
  readonly rest: readonly string[];
  readonly outcome: Outcome;
}

type Parser = Argv<{ json: boolean }>;

/** Commands of one word stand at the top; `measure snp` and the like below their first word. */
function addGroup(parser: Parser, { name, group, rest, outcome }: GroupContext): Parser {
  const add = (to: Parser, command: Command): Parser =>
    to.command(
      command.command.slice(name === "" ? 0 : name.length + 1),
      command.describe,
      (builder) => describeWords(builder, command),
      async (args) => {
        outcome.exitCode = await runAndPrint(command, { ...args, rest });
      },
    );
  if (name === "") return group.commands.reduce(add, parser);
  return parser.command(name, group.describe, (inner) =>
    group.commands.reduce(add, inner as Parser).demandCommand(1, `name one of the commands of ${name}`),
  );
}

function describeWords(builder: Parser, command: Command): Parser {
  const positionals = positionalsOf(command).map(({ name }) => name);
  const named = builder.usage(`${usageOf(command)}\n\n${command.describe}`);
  return Object.entries(command.options).reduce((to, [name, option]) => {
    const description = structuredClone(option) as Options & PositionalOptions;
    if (positionals.includes(name)) return to.positional(name, description);
    return to.option(name, { ...description, requiresArg: option.type !== "boolean" });
  }, named);
}

// The whole tool: every command, parsed by yargs, with help and usage errors.
import yargs, { type Argv } from "yargs";
import { runtimeVersion } from "../lib/version.ts";
import type { Command } from "./command.ts";
import { commandTable } from "./command-table.ts";
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
    .demandCommand(1, "name a command; `kata-cvm --help` lists them")
    .strict()
    .wrap(Math.min(110, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message);
    });
  for (const [group, commands] of Object.entries(commandTable)) {
    parser = addGroup(parser, { group, commands, rest: own.rest, outcome });
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
  readonly group: string;
  readonly commands: readonly Command[];
  readonly rest: readonly string[];
  readonly outcome: Outcome;
}

/** Commands of one word stand at the top; `measure snp` and the like below their first word. */
function addGroup(parser: Argv<{ json: boolean }>, context: GroupContext): Argv<{ json: boolean }> {
  const add = (to: Argv<{ json: boolean }>, command: Command, words: string): Argv<{ json: boolean }> =>
    to.command(
      words,
      command.describe,
      (builder) => builder.options(structuredClone(command.options) as Parameters<typeof builder.options>[0]),
      async (args) => {
        context.outcome.exitCode = await runAndPrint(command, { ...args, rest: context.rest });
      },
    );
  if (context.group === "") return context.commands.reduce((to, command) => add(to, command, command.command), parser);
  return parser.command(context.group, `${context.group}: ${context.commands.length} commands`, (inner) =>
    context.commands
      .reduce(
        (to, command) => add(to, command, command.command.slice(context.group.length + 1)),
        inner as typeof parser,
      )
      .demandCommand(1, `name what to ${context.group}`),
  );
}

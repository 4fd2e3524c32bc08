// The measuring commands by themselves, each loaded when it is asked for.
import type { Command } from "./command.ts";
import { reportFailure, runAndPrint } from "./outcome.ts";
import { plainArgs } from "./plain-args.ts";

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  "measure snp": async () => (await import("./measure-snp.ts")).measureSnpCommand,
  "measure igvm": async () => (await import("./measure-igvm.ts")).measureIgvmCommand,
  "measure tdx": async () => (await import("./measure-tdx.ts")).measureTdxCommand,
  "measure uki": async () => (await import("./measure-uki.ts")).measureUkiCommand,
  "measure initdata": async () => (await import("./measure-initdata.ts")).measureInitdataCommand,
  "measure verity": async () => (await import("./measure-verity.ts")).measureVerityCommand,
  "explain snp": () => explaining("explain snp"),
  "explain igvm": () => explaining("explain igvm"),
  "explain tdx": () => explaining("explain tdx"),
  "explain uki": () => explaining("explain uki"),
  "eventlog replay": async () => (await import("./eventlog.ts")).eventlogReplayCommand,
  idblock: async () => (await import("./idblock.ts")).idblockCommand,
  verify: async () => (await import("./verify.ts")).verifyCommand,
};

/** The exit code, or undefined where the words need the whole tool. */
export async function runMeasuring(argv: readonly string[]): Promise<number | undefined> {
  const count = Object.hasOwn(commands, argv[0] ?? "") ? 1 : 2;
  const words = argv.slice(0, count).join(" ");
  const load = Object.hasOwn(commands, words) ? commands[words] : undefined;
  const command = await load?.();
  const args = command && plainArgs(command.options, argv.slice(count));
  if (command === undefined || args === undefined) return undefined;
  try {
    return await runAndPrint(command, args);
  } catch (error) {
    return reportFailure(error);
  }
}

async function explaining(words: string): Promise<Command> {
  const { explainCommands } = await import("./explain.ts");
  const found = explainCommands.find(({ command }) => command === words);
  if (found === undefined) throw new Error(`${words} is no command`);
  return found;
}

// The words of a command line that make no command, and what to say of them: yargs counts words and calls every one
// that it does not know an argument.
import { nearest } from "../config/nearest.ts";
import type { Command } from "./command.ts";
import { type CommandGroup, commandTable } from "./command-table.ts";

interface Positional {
  readonly name: string;
  readonly isRequired: boolean;
}

/** `exec <pod> [container]`: what stands without an option's name, in its order. */
export function positionalsOf({ command }: Command): readonly Positional[] {
  return [...command.matchAll(/([<[])([a-z-]+)[>\]]/g)].map(([, bracket, name = ""]) => ({
    name,
    isRequired: bracket === "<",
  }));
}

export function usageOf({ command, tail }: Command): string {
  return ["kata-cvm", command, "[options]", ...(tail === undefined ? [] : [tail])].join(" ");
}

const tooFew = "words given: %s of %s";
const noValue = "option %s needs a value";
/** Replaces yargs' own strings: `explainUsage` need not know the first's form, and the others read like the rest. */
export const ownStrings = {
  "Not enough non-option arguments: got %s, need at least %s": { one: tooFew, other: tooFew },
  "Not enough arguments following: %s": noValue,
  "Missing required argument: %s": { one: "--%s is required", other: "these options are required: %s" },
} as const;

/** Why these words were refused, from what yargs said of them. */
export function explainUsage(words: readonly string[], message: string): string {
  const plain = words.filter((word) => !word.startsWith("-"));
  const top = commandTable[""]?.commands ?? [];
  const names = [...top.map((command) => wordOf(command, 0)), ...Object.keys(commandTable).filter(Boolean)];
  // an option's value may stand before the command
  const name = plain.find((word) => names.includes(word));
  if (name === undefined) return plain[0] === undefined ? message : unknown(plain[0], { names, help: "" });
  const group = Object.hasOwn(commandTable, name) ? commandTable[name] : undefined;
  const after = plain.slice(plain.indexOf(name) + 1);
  if (group === undefined) return explainCommand(top, name, { message, at: 0 });
  return explainGroup(name, group, { after, message });
}

function explainGroup(
  name: string,
  { commands }: CommandGroup,
  { after, message }: { after: readonly string[]; message: string },
): string {
  const names = commands.map((command) => wordOf(command, 1));
  const word = after.find((one) => names.includes(one));
  if (word !== undefined) return explainCommand(commands, word, { message, at: 1 });
  if (after[0] === undefined)
    return `${name} needs a command: ${names.join(", ")}; \`kata-cvm ${name} --help\` explains them`;
  return unknown(after[0], { names, help: `${name} ` });
}

function explainCommand(
  commands: readonly Command[],
  word: string,
  { message, at }: { message: string; at: number },
): string {
  const command = commands.find((one) => wordOf(one, at) === word);
  const given = /^words given: (\d+) of /.exec(message)?.[1];
  if (command === undefined || given === undefined) return message;
  const missing = positionalsOf(command).filter(({ isRequired }) => isRequired)[Number(given)];
  return `<${missing?.name}> is missing: ${usageOf(command)}`;
}

function unknown(word: string, { names, help }: { names: readonly string[]; help: string }): string {
  const near = nearest(word, names);
  const hint = near === undefined ? "" : `did you mean ${help}${near}? `;
  return `unknown command "${help}${word}"; ${hint}\`kata-cvm ${help}--help\` lists them`;
}

function wordOf({ command }: Command, at: number): string {
  return command.split(" ")[at] ?? "";
}

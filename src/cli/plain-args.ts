// Options in their plain form, `--name value` and `--name=value`, each once: what yargs takes 70 ms to load for. Anything
// else (help, a repeated or unknown option, a number that is none) is left to yargs, which says what is wrong.
import { parseArgs } from "node:util";
import type { CommandOption, CommandOptions } from "./command.ts";

/** undefined: not plain. Defaults and checks are the command's own (`defineCommand`). */
export function plainArgs(options: CommandOptions, words: readonly string[]): Record<string, unknown> | undefined {
  const parsed = parse(options, words);
  if (parsed === undefined) return undefined;
  const values: Record<string, unknown> = {};
  for (const [name, value] of parsed) {
    const option = options[name];
    const converted = option === undefined ? value : convert(option, value);
    if (converted === undefined || Object.hasOwn(values, name)) return undefined;
    values[name] = converted;
  }
  return values;
}

function parse(options: CommandOptions, words: readonly string[]): [name: string, value: unknown][] | undefined {
  const known = Object.entries(options).map(([name, { type }]) => {
    return [name, { type: type === "boolean" ? "boolean" : "string" }] as const;
  });
  try {
    const { tokens } = parseArgs({
      args: [...words],
      options: { ...Object.fromEntries(known), json: { type: "boolean" } },
      strict: true,
      tokens: true,
    });
    if (tokens.some(({ kind }) => kind !== "option")) return undefined;
    return tokens.flatMap((token) => (token.kind === "option" ? [[token.name, token.value ?? true]] : []));
  } catch {
    return undefined;
  }
}

function convert({ type, array }: CommandOption, value: unknown): unknown {
  // a lone or leading dash means more to yargs than to parseArgs
  if (array === true || String(value).startsWith("-")) return undefined;
  if (type !== "number") return value;
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : undefined;
}

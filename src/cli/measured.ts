// What `measure KIND` and `explain KIND` share: one function per kind that yields the document, the
// history of its digests, and the settings as they were given.
import type { Trail } from "../measure/trail.ts";
import { type ArgsOf, type Command, type CommandOptions, defineCommand, type ExitCode } from "./command.ts";

export interface Measured {
  /** the document of `measure KIND --json` */
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly exitCode?: ExitCode;
  readonly trails: readonly Trail[];
  /** settings by the name that steps use (`--append`), as given */
  readonly settings: Readonly<Record<string, string>>;
}

/** A kind of measurement, usable by both commands. */
export interface MeasureKind {
  readonly name: string;
  readonly describe: string;
  readonly options: CommandOptions;
  measure(args: Readonly<Record<string, unknown>>): Promise<Measured>;
}

/** Ties the argument types of `measure` to its option table. */
export function defineKind<const T extends CommandOptions>(spec: {
  name: string;
  describe: string;
  options: T;
  measure(args: ArgsOf<T>): Promise<Measured>;
}): MeasureKind {
  const { name, describe, options } = spec;
  return { name, describe, options, measure: async (args) => await spec.measure(args as ArgsOf<T>) };
}

/** `kata-cvm measure NAME`. */
export function measureCommand(kind: MeasureKind): Command {
  return defineCommand({
    command: `measure ${kind.name}`,
    describe: kind.describe,
    options: kind.options,
    run: async (args) => {
      const { json, text, exitCode = 0 } = await kind.measure(args);
      return { json, text, exitCode };
    },
  });
}

/** The given options as settings, for steps and for `explain --diff`. */
export function settingsOf(args: Readonly<Record<string, unknown>>, options: CommandOptions): Record<string, string> {
  const names = Object.keys(options).filter((name) => args[name] !== undefined);
  return Object.fromEntries(names.map((name) => [`--${name}`, String(args[name])]));
}

// What a subcommand is: data for the parser of cli.ts and one function. A command prints nothing and
// never exits; cli.ts prints `json` or `text` and ends with `exitCode` (commands.md: 0, 1, 2, 3).
import {
  ConnectionLost,
  EnvironmentLacks,
  errnoOf,
  HostCallFailed,
  HostCommandFailed,
  InvalidConfig,
  InvalidRequest,
  LaunchFailed,
  MeasurementMismatch,
  NotFound,
  RemoteError,
  Unsupported,
} from "../lib/errors.ts";
import { MalformedInput } from "../measure/reader.ts";

/** 0 done, 1 what was asked is false, 2 usage or bad input, 3 the environment lacks something */
export type ExitCode = 0 | 1 | 2 | 3;

/** What every command gets besides its own options. */
export type CommonArgs = {
  /** print one JSON document */
  readonly json?: boolean;
  /** the words after `--` */
  readonly rest?: readonly string[];
};

export interface CommandResult {
  /** the one document of `--json` */
  readonly json: unknown;
  /** the same for a reader, without a final newline */
  readonly text: string;
  /** for stderr: what a reader of the result has to know besides */
  readonly notes?: readonly string[];
  /** an ExitCode; `run` and `exec` pass their process's on */
  readonly exitCode: number;
}

/** A subset of yargs' option description, so that it can be handed over unchanged. */
export interface CommandOption {
  readonly type: "string" | "number" | "boolean";
  readonly describe: string;
  readonly array?: true;
  /** with `array`: each use of the option takes one value */
  readonly nargs?: 1;
  readonly demandOption?: true;
  readonly choices?: readonly string[];
  readonly default?: string | number | boolean;
  readonly alias?: string;
}

export type CommandOptions = Readonly<Record<string, CommandOption>>;

export interface Command {
  /** words after `kata-cvm`, with yargs positionals, for example `measure snp` */
  readonly command: string;
  readonly describe: string;
  /** what may follow the options, for the usage line: `-- CMD...` */
  readonly tail?: string | undefined;
  readonly options: CommandOptions;
  run(args: Readonly<Record<string, unknown>>): Promise<CommandResult>;
}

interface ValueOf {
  string: string;
  number: number;
  boolean: boolean;
}
type Choice<O extends CommandOption> = O extends { choices: readonly (infer C)[] } ? C : ValueOf[O["type"]];
type Value<O extends CommandOption> = O extends { array: true } ? readonly Choice<O>[] : Choice<O>;
type Given<O extends CommandOption> = O extends { demandOption: true } | { default: string | number | boolean }
  ? Value<O>
  : Value<O> | undefined;

/** The argument types that follow from an option table. */
export type ArgsOf<T extends CommandOptions> = { readonly [K in keyof T]: Given<T[K]> } & CommonArgs;

/** Ties the argument types of `run` to the option table; a caller without yargs gets the defaults filled in. */
export function defineCommand<const T extends CommandOptions>(spec: {
  command: string;
  describe: string;
  tail?: string;
  options: T;
  run(args: ArgsOf<T>): Promise<CommandResult>;
}): Command {
  const { command, describe, tail, options } = spec;
  return {
    command,
    describe,
    tail,
    options,
    run: async (args) => await spec.run(withDefaults(options, args) as ArgsOf<T>),
  };
}

function withDefaults(options: CommandOptions, args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const filled: Record<string, unknown> = { ...args };
  for (const [name, option] of Object.entries(options)) {
    const value = filled[name] ?? option.default;
    // yargs makes a list of an option that stands there twice
    if (Array.isArray(value) && option.array !== true) {
      const given = value.map((one) => JSON.stringify(one)).join(" and ");
      throw new InvalidRequest(`--${name}`, `is given ${value.length} times (${given}) and takes one value: keep one`);
    }
    if (Number.isNaN(value)) throw new InvalidRequest(`--${name}`, "is not a number");
    if (value === undefined && option.demandOption) throw new InvalidRequest(`--${name}`, "is required");
    if (value !== undefined && option.choices && !option.choices.includes(String(value))) {
      throw new InvalidRequest(`--${name}`, `"${String(value)}" is not one of ${option.choices.join(", ")}`);
    }
    filled[name] = value;
  }
  return filled;
}

const exits: readonly (readonly [new (...args: never[]) => Error, ExitCode])[] = [
  [MalformedInput, 2],
  [InvalidRequest, 2],
  [InvalidConfig, 2],
  [NotFound, 2],
  [Unsupported, 2],
  [MeasurementMismatch, 1],
  [EnvironmentLacks, 3],
  [ConnectionLost, 3],
  [HostCallFailed, 3],
  [HostCommandFailed, 3],
  [LaunchFailed, 3],
];

/** Of google.rpc.Code, those by which a daemon calls the request bad: INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED. */
const badRequest: readonly number[] = [3, 5, 12];

/** The exit code for what a command threw; 1 for anything unforeseen. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof RemoteError) return badRequest.includes(error.status) ? 2 : 1;
  const known = exits.find(([type]) => error instanceof type)?.[1];
  return known ?? (errnoOf(error) === undefined ? 1 : 3);
}

// TOML files -> RuntimeConfig. Later files override earlier ones key by key; every problem of
// every file is reported at once, with its line; each value remembers where it came from.
import { parse, TomlError } from "smol-toml";
import { type ConfigProblem, InvalidConfig } from "../lib/errors.ts";
import { checkTogether } from "./constraints.ts";
import { nearest } from "./nearest.ts";
import { camel, keys, type RuntimeConfig, schema } from "./schema.ts";
import { lineOfKey } from "./toml-lines.ts";

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** Where a value came from: a file's line, `default`, or `annotation NAME`. */
export interface Origin {
  readonly file: string;
  readonly line?: number;
}

export interface LoadedConfig {
  readonly config: RuntimeConfig;
  /** by `section.key` */
  readonly origins: ReadonlyMap<string, Origin>;
}

export interface GivenValue {
  readonly value: unknown;
  readonly origin: Origin;
}

const maxFileBytes = 1_048_576;

export function parseConfig(files: readonly ConfigFile[]): LoadedConfig {
  const given = new Map<string, GivenValue>();
  const problems = files.flatMap((file) => readFile(file, given));
  return assembleConfig(given, problems);
}

/** Checks all given values, alone and together, and fills in defaults. */
export function assembleConfig(
  given: ReadonlyMap<string, GivenValue>,
  earlier: readonly ConfigProblem[] = [],
): LoadedConfig {
  const { config, origins, problems } = fillIn(given);
  const alone = [...earlier, ...problems];
  if (alone.length > 0) throw new InvalidConfig(alone);
  const together = checkTogether(config).map(({ key, reason }) => problemAt(key, reason, originOf(origins, key)));
  if (together.length > 0) throw new InvalidConfig(together);
  return { config: deepFreeze(config), origins };
}

function fillIn(given: ReadonlyMap<string, GivenValue>) {
  const problems: ConfigProblem[] = [];
  const origins = new Map<string, Origin>();
  const sections: Record<string, Record<string, unknown>> = {};
  for (const [id, key] of keys) {
    const [section = "", name = ""] = id.split(".");
    const found = given.get(id) ?? { value: key.fallback, origin: { file: "default" } };
    const reason = key.kind.check(found.value);
    if (reason !== undefined) problems.push(problemAt(id, reason, found.origin));
    origins.set(id, found.origin);
    sections[section] = { ...sections[section], [camel(name)]: found.value };
  }
  return { config: sections as unknown as RuntimeConfig, origins, problems };
}

function originOf(origins: ReadonlyMap<string, Origin>, key: string): Origin {
  return origins.get(key) ?? { file: "default" };
}

function readFile(file: ConfigFile, given: Map<string, GivenValue>): ConfigProblem[] {
  const document = parseToml(file);
  if (!document.ok) return [document.problem];
  const at = (section: string, name?: string) => ({ file: file.path, ...lineOfKey(file.text, section, name) });
  const problems: ConfigProblem[] = [];
  for (const [section, entries] of Object.entries(document.tables)) {
    if (!Object.hasOwn(schema, section)) {
      problems.push(problemAt(section, `unknown section${hint(section, Object.keys(schema))}`, at(section)));
    } else if (typeof entries !== "object" || entries === null || Array.isArray(entries)) {
      problems.push(problemAt(section, "must be a section", at(section)));
    } else {
      for (const [name, value] of Object.entries(entries)) {
        const id = `${section}.${name}`;
        if (keys.has(id)) given.set(id, { value: plain(value), origin: at(section, name) });
        else problems.push(problemAt(id, `unknown key${hint(id, [...keys.keys()])}`, at(section, name)));
      }
    }
  }
  return problems;
}

type Document =
  | { readonly ok: true; readonly tables: Record<string, unknown> }
  | { readonly ok: false; readonly problem: ConfigProblem };

function parseToml(file: ConfigFile): Document {
  const refuse = (reason: string, line?: number): Document => ({
    ok: false,
    problem: { file: file.path, ...(line === undefined ? {} : { line }), key: "(file)", reason },
  });
  if (file.text.length > maxFileBytes) return refuse(`is larger than ${maxFileBytes} bytes`);
  try {
    return { ok: true, tables: parse(file.text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return refuse(`is not TOML: ${error.message.split("\n")[0]}`, error.line);
  }
}

function plain(value: unknown): unknown {
  return Array.isArray(value) ? value.map(plain) : typeof value === "bigint" ? Number(value) : value;
}

function hint(name: string, known: readonly string[]): string {
  const best = nearest(name, known);
  return best === undefined ? "" : `; did you mean ${best}?`;
}

function problemAt(key: string, reason: string, origin: Origin): ConfigProblem {
  return { key, reason, file: origin.file, ...(origin.line === undefined ? {} : { line: origin.line }) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

// The command line that containerd gives a shim (shim-contract: runtime-v2, "Command Line").
// Go's flag package: one or two dashes, `-name value` or `-name=value`, booleans without value.
import { InvalidRequest } from "../lib/errors.ts";
import { parseIdentifier } from "../oci/identifiers.ts";

const actions = ["start", "delete", "serve", "reclaim"] as const;
export type Action = (typeof actions)[number];

export interface Invocation {
  /** null when only `-v` or `-info` was asked */
  readonly action: Action | null;
  readonly namespace: string;
  readonly id: string;
  /** containerd's gRPC socket path */
  readonly address: string;
  readonly bundle: string;
  readonly publishBinary: string;
  /** where `serve` listens; given by `start` */
  readonly socket: string;
  readonly debug: boolean;
  readonly version: boolean;
  readonly info: boolean;
}

const textFlags = new Map([
  ["namespace", "namespace"],
  ["id", "id"],
  ["address", "address"],
  ["bundle", "bundle"],
  ["publish-binary", "publishBinary"],
  ["socket", "socket"],
  ["debug-socket", "debugSocket"],
]);
const booleanFlags = new Map([
  ["debug", "debug"],
  ["v", "version"],
  ["version", "version"],
  ["info", "info"],
]);

export function parseFlags(argv: readonly string[]): Invocation {
  const values = new Map<string, string | boolean>();
  const words: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    const flag = /^--?([a-z-]+)(?:=(.*))?$/s.exec(word);
    if (flag === null) {
      words.push(word);
      continue;
    }
    const [, name = "", inline] = flag;
    const text = textFlags.get(name);
    const boolean = booleanFlags.get(name);
    if (boolean !== undefined) values.set(boolean, inline === undefined || inline === "true");
    else if (text !== undefined) values.set(text, inline ?? argv[++index] ?? "");
    else throw new InvalidRequest(`-${name}`, "unknown flag");
  }
  return assemble(values, words);
}

function assemble(values: ReadonlyMap<string, string | boolean>, words: readonly string[]): Invocation {
  const text = (key: string): string => String(values.get(key) ?? "");
  const invocation = {
    action: parseAction(words),
    namespace: text("namespace"),
    id: text("id"),
    address: text("address"),
    bundle: text("bundle"),
    publishBinary: text("publishBinary"),
    socket: text("socket"),
    debug: values.get("debug") === true,
    version: values.get("version") === true,
    info: values.get("info") === true,
  };
  if (invocation.version || invocation.info) return { ...invocation, action: null };
  if (invocation.action === null) throw new InvalidRequest("action", 'expected "start" or "delete" as the last word');
  for (const key of ["namespace", "id"] as const) parseIdentifier(invocation[key], `-${key}`);
  return invocation;
}

function parseAction(words: readonly string[]): Action | null {
  const [word, extra] = words;
  if (word === undefined) return null;
  const action = actions.find((name) => name === word);
  if (extra === undefined && action !== undefined) return action;
  throw new InvalidRequest("action", `"${words.join(" ")}" is not "start" or "delete"`);
}

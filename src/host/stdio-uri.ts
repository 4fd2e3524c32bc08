// What containerd's stdio strings mean (shim-contract §4.2). Pure; the strings themselves must be
// kept as received, since containerd reopens the FIFOs it finds in State.
import { InvalidRequest, Unsupported } from "../lib/errors.ts";

export type StdioTarget =
  | { readonly kind: "none" }
  /** a FIFO, or whatever else stands at that path */
  | { readonly kind: "path"; readonly path: string }
  /** appended to, made when missing */
  | { readonly kind: "file"; readonly path: string }
  | LoggerTarget;

export interface LoggerTarget {
  readonly kind: "logger";
  readonly program: string;
  readonly args: readonly string[];
  readonly env: LoggerEnv;
  /** how it tells that it is ready: by a byte, or also by closing the descriptor alone */
  readonly ready: "byte" | "closing";
}

export type LoggerEnv = Readonly<Record<string, string>>;

export function parseStdioUri(field: string, value: string): StdioTarget {
  if (value === "") return { kind: "none" };
  const scheme = /^([a-z0-9+.-]+):\/\//.exec(value)?.[1];
  if (scheme === undefined) return { kind: "path", path: absolute(field, value) };
  const { path: raw, query } = parseUrl(field, value);
  const path = absolute(field, raw);
  switch (scheme) {
    case "fifo":
      return { kind: "path", path };
    case "file":
      return { kind: "file", path };
    case "binary":
      return { ...loggerOf(path, query), ready: "closing" };
    case "binary-v2":
      return { ...loggerOf(path, query), ready: "byte" };
    default:
      throw new Unsupported(
        `${field} with scheme ${scheme}`,
        "known are fifo, file, binary, binary-v2 and a plain path",
      );
  }
}

/** Query keys become arguments, each followed by its first value; keys that begin with `env.` become variables. */
function loggerOf(program: string, query: URLSearchParams): Omit<LoggerTarget, "ready"> {
  const args: string[] = [];
  const env: Record<string, string> = {};
  for (const key of new Set(query.keys())) {
    const value = query.get(key) ?? "";
    if (key.startsWith("env.")) env[key.slice("env.".length)] = value;
    else args.push(key, value);
  }
  return { kind: "logger", program, args, env };
}

function parseUrl(field: string, value: string): { path: string; query: URLSearchParams } {
  try {
    const url = new URL(value);
    return { path: decodeURIComponent(url.pathname), query: url.searchParams };
  } catch (cause) {
    throw new InvalidRequest(field, "is not a valid URI", { cause });
  }
}

function absolute(field: string, path: string): string {
  if (!path.startsWith("/") || path.includes("\0")) throw new InvalidRequest(field, "must be an absolute path");
  return path;
}

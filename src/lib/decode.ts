// Untrusted JSON values -> typed values, or InvalidRequest naming the field by its path. Unknown
// members are ignored and null counts as absent, because Go's encoder writes nil slices as null.
import { InvalidRequest } from "./errors.ts";

export type Decode<T> = (value: unknown, path: string) => T;

interface Must<T> {
  readonly need: "must";
  readonly decode: Decode<T>;
}
interface May<T> {
  readonly need: "may";
  readonly decode: Decode<T>;
}

type IsOptional<T, K extends keyof T> = Record<never, never> extends Pick<T, K> ? true : false;

/** One decoder per member of T; the compiler asks for `must` or `may` to match T. */
export type Members<T> = {
  readonly [K in keyof T]-?: IsOptional<T, K> extends true ? May<Exclude<T[K], undefined>> : Must<T[K]>;
};

export function must<T>(decode: Decode<T>): Must<T> {
  return { need: "must", decode };
}

export function may<T>(decode: Decode<T>): May<T> {
  return { need: "may", decode };
}

export function object<T>(members: Members<T>): Decode<T> {
  const table = Object.entries(members) as [string, Must<unknown> | May<unknown>][];
  return (value, path) => {
    const source = asRecord(value, path);
    const result: Record<string, unknown> = {};
    for (const [name, member] of table) {
      const at = path === "" ? name : `${path}.${name}`;
      const given = Object.hasOwn(source, name) ? source[name] : undefined;
      if (given !== undefined && given !== null) result[name] = member.decode(given, at);
      else if (member.need === "must") throw new InvalidRequest(at, "is missing");
    }
    return result as T;
  };
}

export function list<T>(decode: Decode<T>, limits: { max: number } = { max: 65_536 }): Decode<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new InvalidRequest(path, `must be an array, not ${kindOf(value)}`);
    if (value.length > limits.max) {
      throw new InvalidRequest(path, `has ${value.length} entries, at most ${limits.max} are allowed`);
    }
    return value.map((item, index) => decode(item, `${path}[${index}]`));
  };
}

export function record<T>(decode: Decode<T>): Decode<Readonly<Record<string, T>>> {
  return (value, path) =>
    Object.fromEntries(
      Object.entries(asRecord(value, path)).map(([key, item]) => [
        key,
        decode(item, `${path}[${JSON.stringify(key)}]`),
      ]),
    );
}

/** A string without NUL bytes: every string we take ends in a C string somewhere. */
export const text: Decode<string> = (value, path) => {
  if (typeof value !== "string") throw new InvalidRequest(path, `must be a string, not ${kindOf(value)}`);
  if (value.includes("\0")) throw new InvalidRequest(path, "contains a NUL byte");
  return value;
};

export const flag: Decode<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new InvalidRequest(path, `must be true or false, not ${kindOf(value)}`);
  return value;
};

export function integer(min: number, max: number): Decode<number> {
  return (value, path) => {
    if (typeof value !== "number" || !Number.isInteger(value)) {
      throw new InvalidRequest(path, `must be an integer, not ${kindOf(value)}`);
    }
    if (value < min || value > max) throw new InvalidRequest(path, `is ${value}, allowed are ${min} to ${max}`);
    return value;
  };
}

export const uint32: Decode<number> = integer(0, 0xffff_ffff);

export function oneOf<const T extends string>(words: readonly T[]): Decode<T> {
  return (value, path) => {
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw new InvalidRequest(path, `must be one of ${words.join(", ")}`);
    return word;
  };
}

export function asRecord(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidRequest(path || "document", `must be an object, not ${kindOf(value)}`);
  }
  return value as Record<string, unknown>;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return `the number ${value}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

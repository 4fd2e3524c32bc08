// JSON with whole 64-bit integers. The specification's limits reach 2^64-1, which JSON.parse
// rounds; here integers too wide for a number become bigints, and go back out digit for digit.
import { type Decode, integer } from "../lib/decode.ts";
import { InvalidRequest } from "../lib/errors.ts";
import type { WideInt } from "./types.ts";

const mark = "wide\u0001integer";
const stringOrLongInteger = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

/** Throws SyntaxError as JSON.parse does. */
export function parseWideJson(text: string): unknown {
  const marked = text.replace(stringOrLongInteger, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : JSON.stringify({ [mark]: token }),
  );
  return JSON.parse(marked);
}

/** A signed or unsigned 64-bit integer between `min` and `max`. */
export function wide(min: bigint, max: bigint): Decode<WideInt> {
  const narrow = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  return (value, path) => {
    const digits = wideDigits(value);
    const parsed: WideInt = digits === undefined ? narrow(value, path) : BigInt(digits);
    if (parsed < min || parsed > max) throw new InvalidRequest(path, `is ${parsed}, allowed are ${min} to ${max}`);
    return parsed;
  };
}

export const uint64 = wide(0n, 2n ** 64n - 1n);
export const int64 = wide(-(2n ** 63n), 2n ** 63n - 1n);

/** The inverse of parseWideJson for values that hold bigints. */
export function renderWideJson(value: unknown): string {
  const json = JSON.stringify(value, (_, item: unknown) =>
    typeof item === "bigint" ? { [mark]: item.toString() } : item,
  );
  return json.replaceAll(wideObject, "$1");
}

const wideObject = new RegExp(
  `${JSON.stringify({ [mark]: "#" })
    .replace(/[{}\\]/g, "\\$&")
    .replace("#", "(-?\\d+)")}`,
  "g",
);

function wideDigits(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, mark)) return undefined;
  const digits = (value as Record<string, unknown>)[mark];
  return typeof digits === "string" && /^-?\d{16,20}$/.test(digits) ? digits : undefined;
}

// One thing that doctor looked at: what it saw, where, and what to do when it is not as it should be.
import { EnvironmentLacks, errorText } from "../../lib/errors.ts";

export type CheckStatus = "ok" | "warn" | "fail";

export interface Check {
  readonly name: string;
  readonly status: CheckStatus;
  /** what was seen, in words */
  readonly found: string;
  /** file, command or call that said so */
  readonly origin: string;
  /** what to do; absent when all is well */
  readonly fix?: string;
  /** fails because something is not on this machine */
  readonly isLacking?: true;
}

export interface Sight {
  readonly name: string;
  readonly origin: string;
}

export function ok(sight: Sight, found: string): Check {
  return { ...sight, status: "ok", found };
}

export function warn(sight: Sight, found: string, fix: string): Check {
  return { ...sight, status: "warn", found, fix };
}

export function fail(sight: Sight, found: string, fix: string): Check {
  return { ...sight, status: "fail", found, fix };
}

export function lacking(sight: Sight, found: string, fix: string): Check {
  return { ...sight, status: "fail", found, fix, isLacking: true };
}

/** A check that throws has failed: what the error says is what was found. */
export async function attempt(sight: Sight, look: () => Promise<Check | readonly Check[]>): Promise<readonly Check[]> {
  try {
    return [await look()].flat();
  } catch (error) {
    if (error instanceof EnvironmentLacks) return [lacking(sight, error.what, error.fix)];
    return [fail(sight, errorText(error), "see the message")];
  }
}

/** 3: something is lacking; 1: something else is wrong. */
export function exitCodeFor(checks: readonly Check[]): 0 | 1 | 3 {
  const failed = checks.filter(({ status }) => status === "fail");
  if (failed.some(({ isLacking }) => isLacking === true)) return 3;
  return failed.length > 0 ? 1 : 0;
}

const marks: Readonly<Record<CheckStatus, string>> = { ok: "ok  ", warn: "WARN", fail: "FAIL" };

export function renderChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, status, found, origin, fix }) => [
    `${marks[status]}  ${name.padEnd(width)}  ${found}  [${origin}]`,
    ...(fix === undefined ? [] : [`      ${" ".repeat(width)}  -> ${fix}`]),
  ]);
  const count = (status: CheckStatus) => checks.filter((check) => check.status === status).length;
  return [...lines, "", `${count("ok")} ok, ${count("warn")} warnings, ${count("fail")} failed`].join("\n");
}

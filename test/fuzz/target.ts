// What the fuzz runner drives: one parser, with valid inputs to start from. A target accepts the bytes or
// refuses them by the errors it names; any other throw, a hang, or memory out of proportion is a finding.
import { MalformedInput } from "../../src/measure/reader.ts";

type ErrorClass = abstract new (...args: never[]) => Error;

export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs, small ones first; may be cut to what matters (a footer without its firmware). */
  seeds(): readonly Uint8Array[];
  /** how it refuses, where that is not by MalformedInput */
  readonly refusals?: readonly ErrorClass[];
  run(bytes: Uint8Array): void | Promise<void>;
}

export function isRefusal(target: FuzzTarget, error: unknown): boolean {
  return (target.refusals ?? [MalformedInput]).some((refusal) => error instanceof refusal);
}

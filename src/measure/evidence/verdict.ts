// A verification's answer: every check with what was seen, never a bare boolean. What could not be
// checked for lack of input is listed too, so that silence is never taken for a pass.
import { toHex } from "../hex.ts";

export interface Check {
  /** stable, for example `snp.signature` */
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface NotChecked {
  readonly name: string;
  readonly reason: string;
}

export interface Verdict {
  /** every check passed, and at least one was made */
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly notChecked: readonly NotChecked[];
}

/** Collects checks; a failed one does not stop the others. */
export class Checks {
  readonly #checks: Check[] = [];
  readonly #notChecked: NotChecked[] = [];

  check(name: string, ok: boolean, detail: string): boolean {
    this.#checks.push({ name, ok, detail });
    return ok;
  }

  equal(name: string, expected: Uint8Array, actual: Uint8Array): boolean {
    const ok = Buffer.compare(expected, actual) === 0;
    return this.check(name, ok, ok ? toHex(actual) : `is ${toHex(actual)}, expected ${toHex(expected)}`);
  }

  skip(name: string, reason: string): void {
    this.#notChecked.push({ name, reason });
  }

  verdict(): Verdict {
    const ok = this.#checks.length > 0 && this.#checks.every((check) => check.ok);
    return { ok, checks: [...this.#checks], notChecked: [...this.#notChecked] };
  }
}

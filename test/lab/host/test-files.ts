// The order of a lab run: one mocha run for each test file, all in one machine for as long as its emulation
// lives. Its end is not a finding about what runs inside (EmulatorEnded), so the file that it came in gets
// another try in another machine, and the rest go on there.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { EmulatorEnded } from "./machine.ts";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface Lab<M extends AsyncDisposable> {
  open(): Promise<M>;
  runFile(machine: M, file: string): Promise<Counts>;
  say(text: string): void;
}

/** Machines for one file: more than this, and its tests may be what ends them. */
const TRIES = 3;
const FOLDER = "test/e2e";
const SUFFIX = ".test.ts";

/** All test files of the checkout, or the `wanted` ones: a path, or its name alone (`volumes`). Throws on another. */
export function filesOf(checkout: string, wanted: readonly string[]): readonly string[] {
  const files = readdirSync(join(checkout, FOLDER))
    .filter((name) => name.endsWith(SUFFIX))
    .sort()
    .map((name) => `${FOLDER}/${name}`);
  if (wanted.length === 0) return files;
  return wanted.map((name) => {
    const file = files.find((path) => path === name || path === `${FOLDER}/${name}${SUFFIX}`);
    if (file === undefined) throw new Error(`there is no test file ${name}; there are ${files.join(", ")}`);
    return file;
  });
}

/**
 * Runs the files one after the other, then `last` in the machine that is open (opened for it if need be).
 * Throws EmulatorEnded when one file has lost all of its machines.
 */
export async function runFiles<M extends AsyncDisposable>(
  files: readonly string[],
  lab: Lab<M>,
  last: (machine: M) => Promise<void>,
): Promise<Counts> {
  await using machines = new Machines(lab);
  let total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    const { passed, failed, skipped } = await machines.use((machine) => lab.runFile(machine, file), file);
    total = { passed: total.passed + passed, failed: total.failed + failed, skipped: total.skipped + skipped };
  }
  await machines.use(last, "what comes after the tests");
  return total;
}

/** One machine at a time. */
class Machines<M extends AsyncDisposable> implements AsyncDisposable {
  readonly #lab: Lab<M>;
  #open: M | undefined;

  constructor(lab: Lab<M>) {
    this.#lab = lab;
  }

  async use<T>(work: (machine: M) => Promise<T>, name: string): Promise<T> {
    for (let left = TRIES - 1; ; left--) {
      try {
        this.#open ??= await this.#lab.open();
        return await work(this.#open);
      } catch (error) {
        if (!(error instanceof EmulatorEnded) || left === 0) throw error;
        this.#lab.say(`${error.message}\nanother machine for ${name}`);
        await this[Symbol.asyncDispose]();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.[Symbol.asyncDispose]();
    this.#open = undefined;
  }
}

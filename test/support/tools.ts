// Finds peer programs and fixture files for tests; a test that lacks one skips and says which.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Folders of fixture files; KATA_CVM_FIXTURES names one more, for those that are too large to hand round. */
const fixtures = [process.env["KATA_CVM_FIXTURES"] ?? "", join(import.meta.dirname, "../../../shared/fixtures")];

/** Skips the running test unless the fixture exists; else its bytes. */
export function fixture(test: Mocha.Context, path: string): Buffer {
  return optionalFixture(path) ?? skip(test, `the fixture ${path} is not on this machine`);
}

/** Bytes of a fixture for the fuzzers' seeds, or undefined where there is none. */
export function optionalFixture(path: string): Buffer | undefined {
  const file = fixtures.map((folder) => join(folder, path)).find((candidate) => existsSync(candidate));
  return file === undefined ? undefined : readFileSync(file);
}

/** The first of these programs that can be started; skips the running test when there is none. */
export function tool(test: Mocha.Context, ...candidates: readonly string[]): string {
  const found = candidates.find((name) => spawnSync(name, ["--version"]).error === undefined);
  return found ?? skip(test, `needs ${candidates[0]}`);
}

export function skip(test: Mocha.Context, reason: string): never {
  const { test: runnable } = test as { readonly test?: Mocha.Runnable };
  const suite = runnable?.parent?.tests ?? [];
  // a hook is no test of its suite, but skips them, and they are what the report names
  const isTest = suite.some((each) => each === runnable);
  for (const each of isTest && runnable !== undefined ? [runnable] : suite) each.title += ` (skipped: ${reason})`;
  return test.skip();
}

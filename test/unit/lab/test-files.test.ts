import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmulatorEnded } from "../../lab/host/machine.ts";
import { type Counts, filesOf, runFiles } from "../../lab/host/test-files.ts";

const FINE: Counts = { passed: 2, failed: 0, skipped: 1 };

interface FakeMachine extends AsyncDisposable {
  readonly number: number;
}

/** Machines are numbered; `fate` tells what a file finds in one. */
class FakeLab {
  readonly log: string[] = [];
  readonly #fate: (file: string, machine: number) => Counts | Error;
  #machines = 0;

  constructor(fate: (file: string, machine: number) => Counts | Error) {
    this.#fate = fate;
  }

  say(): void {}

  async open(): Promise<FakeMachine> {
    const number = ++this.#machines;
    this.log.push(`open ${number}`);
    return {
      number,
      [Symbol.asyncDispose]: async () => {
        this.log.push(`close ${number}`);
      },
    };
  }

  async runFile({ number }: FakeMachine, file: string): Promise<Counts> {
    this.log.push(`${file} in ${number}`);
    const fate = this.#fate(file, number);
    if (fate instanceof Error) throw fate;
    return fate;
  }
}

const nothing = async (_: FakeMachine) => undefined;

describe("a run of test files in the lab host", () => {
  it("is in one machine, and adds up what passed, failed and was skipped", async () => {
    const lab = new FakeLab((file) => (file === "a" ? FINE : { passed: 1, failed: 3, skipped: 0 }));
    assert.deepEqual(await runFiles(["a", "b"], lab, nothing), { passed: 3, failed: 3, skipped: 1 });
    assert.deepEqual(lab.log, ["open 1", "a in 1", "b in 1", "close 1"]);
  });

  it("begins the file again in another machine where the emulation ended, and stays there", async () => {
    const lab = new FakeLab((file, machine) => (file === "b" && machine === 1 ? new EmulatorEnded("SIGABRT") : FINE));
    assert.deepEqual(await runFiles(["a", "b", "c"], lab, nothing), { passed: 6, failed: 0, skipped: 3 });
    assert.deepEqual(lab.log, ["open 1", "a in 1", "b in 1", "close 1", "open 2", "b in 2", "c in 2", "close 2"]);
  });

  it("gives up on a file that has ended three machines", async () => {
    const lab = new FakeLab((file) => (file === "b" ? new EmulatorEnded("SIGABRT") : FINE));
    await assert.rejects(runFiles(["a", "b", "c"], lab, nothing), EmulatorEnded);
    assert.deepEqual(
      lab.log.filter((line) => line.startsWith("b")),
      ["b in 1", "b in 2", "b in 3"],
    );
    assert.equal(lab.log.at(-1), "close 3");
  });

  it("ends at once, and closes its machine, where something else went wrong", async () => {
    const lab = new FakeLab(() => new Error("mocha could not count"));
    await assert.rejects(runFiles(["a", "b"], lab, nothing), /could not count/);
    assert.deepEqual(lab.log, ["open 1", "a in 1", "close 1"]);
  });

  it("opens a machine for what comes last, even without files", async () => {
    const lab = new FakeLab(() => FINE);
    await runFiles([], lab, async ({ number }) => {
      lab.log.push(`shell in ${number}`);
    });
    assert.deepEqual(lab.log, ["open 1", "shell in 1", "close 1"]);
  });
});

describe("the files of a lab run", () => {
  let checkout: string;

  before(() => {
    checkout = mkdtempSync(join(tmpdir(), "lab-files-"));
    mkdirSync(join(checkout, "test/e2e"), { recursive: true });
    for (const name of ["b.test.ts", "a.test.ts", "probe.sh"]) writeFileSync(join(checkout, "test/e2e", name), "");
  });

  after(() => rmSync(checkout, { recursive: true }));

  it("are all of the checkout's where none is named", () => {
    assert.deepEqual(filesOf(checkout, []), ["test/e2e/a.test.ts", "test/e2e/b.test.ts"]);
  });

  it("are named by path or by name, in that order", () => {
    assert.deepEqual(filesOf(checkout, ["b", "test/e2e/a.test.ts"]), ["test/e2e/b.test.ts", "test/e2e/a.test.ts"]);
  });

  it("are refused where they do not exist, telling which do", () => {
    assert.throws(() => filesOf(checkout, ["c"]), /no test file c; there are test\/e2e\/a\.test\.ts, test\/e2e\/b/);
  });
});

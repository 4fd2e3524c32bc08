import assert from "node:assert/strict";
import { runTool } from "../../../src/cli/tool.ts";

interface Said {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("the tool's words", () => {
  async function tool(...argv: readonly string[]): Promise<Said> {
    const said = { stdout: "", stderr: "" };
    const { stdout, stderr } = process;
    const real = { stdout: stdout.write, stderr: stderr.write };
    const into = (name: keyof typeof said) => (text: string | Uint8Array, done?: unknown) => {
      said[name] += String(text);
      if (typeof done === "function") done();
      return true;
    };
    stdout.write = into("stdout");
    stderr.write = into("stderr");
    try {
      return { exitCode: await runTool(argv), ...said };
    } finally {
      stdout.write = real.stdout;
      stderr.write = real.stderr;
    }
  }

  const refusals: readonly [argv: string, said: string][] = [
    ["", "name a command; `kata-cvm --help` lists them"],
    ["nosuch", 'unknown command "nosuch"; `kata-cvm --help` lists them'],
    ["pod", 'unknown command "pod"; did you mean pods? `kata-cvm --help` lists them'],
    ["constructor", 'unknown command "constructor"; `kata-cvm --help` lists them'],
    ["measure snip", 'unknown command "measure snip"; did you mean measure snp? `kata-cvm measure --help` lists them'],
    ["eventlog", "eventlog needs a command: replay; `kata-cvm eventlog --help` explains them"],
    ["exec", "<pod> is missing: kata-cvm exec <pod> [container] [options] -- CMD..."],
    ["qmp p", "<name> is missing: kata-cvm qmp <pod> <name> [arguments] [options]"],
    ["explain diff a", "<b> is missing: kata-cvm explain diff <a> <b> [options]"],
    ["pods extra", "Unknown argument: extra"],
    ["measure snp", "--ovmf is required"],
    ["measure snp --ovmf --vcpus 2", "option ovmf needs a value"],
    ["plan --annotation", "option annotation needs a value"],
    ["measure snp --ovmf f --vcpus two", "--vcpus: is not a number"],
    ["config --config nosuch.toml", "--config: the configuration file nosuch.toml does not exist"],
    ["config --config test", "--config: read test: EISDIR"],
    ["doctor --config nosuch.toml", "--config: the configuration file nosuch.toml does not exist"],
  ];
  for (const [argv, said] of refusals) {
    it(`that make no command are named, with what to do: kata-cvm ${argv}`, async () => {
      const words = argv === "" ? [] : argv.split(" ");
      assert.deepEqual(await tool(...words), { exitCode: 2, stdout: "", stderr: `kata-cvm: ${said}\n` });
    });
  }

  it("may be empty where an option takes any text", async () => {
    const { stderr } = await tool("measure", "snp", "--ovmf", "nosuch", "--kernel", "k", "--append", "");
    assert.equal(stderr, "kata-cvm: --ovmf: cannot read nosuch (ENOENT)\n");
  });

  it("are explained by --help and -h alike", async () => {
    const [long, short] = [await tool("--help"), await tool("-h")];
    assert.equal(short.exitCode, 0);
    assert.equal(short.stdout, long.stdout);
    assert.match(short.stdout, /kata-cvm measure +compute what a launch or a part of it measures to/);
  });

  it("stand in a command's help where they are written: its line says all, and no option has their name", async () => {
    const { stdout } = await tool("exec", "--help");
    assert.match(
      stdout,
      /^kata-cvm exec <pod> \[container\] \[options\] -- CMD\.\.\.\n\nrun a command in a container\n/,
    );
    assert.match(stdout, /\nPositionals:\n +pod +pod id, or the beginning of one/);
    assert.doesNotMatch(stdout, /--pod|--container/);
  });
});

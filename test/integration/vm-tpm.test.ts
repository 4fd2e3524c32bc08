// The software TPM that we manufacture ourselves, as tpm2-tools see it.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startHelper } from "../../src/vm/helpers.ts";
import { isProgram } from "../support/qemus.ts";
import { skip } from "../support/tools.ts";
import { OwnedList } from "../support/vm-plans.ts";

const swtpm = "/usr/bin/swtpm";

describe("a software TPM", function () {
  this.timeout(20_000);
  let dir: string;

  before(function () {
    if (!isProgram(swtpm) || !isProgram("/usr/bin/tpm2_pcrread")) {
      skip(this, "needs swtpm and tpm2-tools");
    }
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "tpm-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  async function make(name: string): Promise<string> {
    const ownership = new OwnedList();
    const stateDir = join(dir, name);
    const plan = { kind: "swtpm", binary: swtpm, stateDir, socket: join(dir, `${name}.sock`) } as const;
    const helper = await startHelper(plan, { ownership, runDir: dir });
    assert.equal(ownership.owned.length, 1);
    await helper[Symbol.asyncDispose]();
    assert.deepEqual(ownership.owned, []);
    return stateDir;
  }

  it("has the sha256 bank and no other", async () => {
    const state = await make("one");
    const server = join(dir, "data.sock");
    const child = spawn(swtpm, [
      ...["socket", "--tpm2", "--tpmstate", `dir=${state}`, "--flags", "not-need-init"],
      ...["--server", `type=unixio,path=${server}`, "--ctrl", `type=unixio,path=${server}.ctrl`],
    ]);
    try {
      for (let tries = 0; !existsSync(server) && tries < 200; tries++) await pause(10);
      const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:path=${server}` };
      execFileSync("tpm2_startup", ["-c"], { env });
      const text = execFileSync("tpm2_pcrread", { env, encoding: "utf8" });
      const banks = text.split(/^ {2}(?=sha)/m).filter((part) => part.includes("0x"));
      assert.deepEqual(
        banks.map((part) => part.split(":")[0]),
        ["sha256"],
      );
    } finally {
      child.kill();
    }
  });

  it("differs from any other in its seeds", async () => {
    const [one, other] = [await make("one"), await make("other")];
    const stateOf = (path: string) => readFileSync(join(path, "tpm2-00.permall")).toString("hex");
    assert.notEqual(stateOf(one), stateOf(other));
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../../src/config/parse.ts";
import { EnvironmentLacks } from "../../../src/lib/errors.ts";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import { readFirmwareProblem } from "../../../src/runtime/firmware-facts.ts";
import { hostFacts } from "../plan/cases.ts";

describe("a firmware that cannot start a confidential guest", () => {
  const dir = mkdtempSync(join(tmpdir(), "firmware-"));
  const file = join(dir, "firmware.fd");
  before(() => {
    writeFileSync(file, Buffer.alloc(65_536));
  });
  after(() => rmSync(dir, { recursive: true }));

  const configOf = (toml: string) => parseConfig([{ path: "t.toml", text: toml }]).config;
  const problems: [string, string, RegExp][] = [
    ["an OVMF without a table for SNP", 'tee = "snp"\n[paths]\nfirmware', /OVMF firmware: /],
    ["an OVMF without a table for TDX", 'tee = "tdx"\n[paths]\nfirmware', /TDVF firmware: no TDX metadata/],
    ["a file that is no IGVM", 'tee = "snp"\n[paths]\nigvm', /IGVM file: .* at offset 0x0/],
  ];
  for (const [what, toml, problem] of problems) {
    it(`is recognised as ${what}, and refused before anything is launched`, async () => {
      const config = configOf(`[vm]\n${toml} = "${file}"`);
      const firmwareProblem = await readFirmwareProblem(config);
      assert.match(firmwareProblem ?? "fine", problem);
      const pod = { podId: "p", runDir: "/run/p", nics: [], annotations: {} };
      assert.throws(
        () => planLaunch(config, { ...hostFacts, firmwareProblem }, pod),
        (error) => error instanceof EnvironmentLacks && error.message.includes(`${file} cannot start this guest`),
      );
    });
  }

  it("is named when it does not exist", async () => {
    const config = configOf('[vm]\ntee = "tdx"\n[paths]\nfirmware = "/none/OVMF.fd"');
    assert.equal(await readFirmwareProblem(config), "the file does not exist");
  });

  it("is not asked about without a TEE", async () => {
    assert.equal(await readFirmwareProblem(configOf("")), undefined);
  });
});

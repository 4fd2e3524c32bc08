import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../../src/config/parse.ts";
import type { LaunchPlan } from "../../../src/plan/launch-plan.ts";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import { expectedValues, keptExpectedValues, summarise } from "../../../src/runtime/expected-values.ts";
import { buildPe } from "../../support/pe-image.ts";
import { hostFacts } from "../plan/cases.ts";

describe("the expected values of a launch", () => {
  const dir = mkdtempSync(join(tmpdir(), "expected-"));
  const cache = join(dir, "facts");
  after(() => rmSync(dir, { recursive: true }));
  const files = [...hostFacts.image.files, "esp.img"];
  const image = { ...hostFacts.image, dir, files, cmdline: "roothash=aa quiet" };
  const plan = (toml = ""): LaunchPlan => {
    const { config } = parseConfig([{ path: "t.toml", text: toml }]);
    return planLaunch(config, { ...hostFacts, image }, { podId: "p", runDir: "/run/p", nics: [], annotations: {} });
  };
  const writeUki = (kernel: string) => {
    const linux = buildPe([{ name: ".text", content: Buffer.from(kernel) }]);
    const cmdline = { name: ".cmdline", content: Buffer.from(image.cmdline) };
    writeFileSync(join(dir, "uki.efi"), buildPe([{ name: ".linux", content: linux }, cmdline]));
  };
  const kept = () => readdirSync(cache).filter((name) => name.endsWith(".json")).length;

  it("are computed once for the same plan and files", async () => {
    writeUki("one");
    const first = await keptExpectedValues(plan(), cache);
    assert.deepEqual(first, await expectedValues(plan()));
    const [file = ""] = readdirSync(cache);
    writeFileSync(join(cache, file), JSON.stringify({ values: [], unknown: [{ name: "kept", reason: "" }] }));
    assert.equal((await keptExpectedValues(plan(), cache)).unknown[0]?.name, "kept");
  });

  it("are computed again when a file was replaced, or the plan differs in what is measured", async () => {
    const before = kept();
    writeUki("two");
    await keptExpectedValues(plan(), cache);
    assert.equal(kept(), before + 1);
    await keptExpectedValues(plan('[vm]\nboot = "uki-disk"\n'), cache);
    assert.equal(kept(), before + 2);
  });

  it("are computed again when what was kept is no JSON", async () => {
    for (const file of readdirSync(cache)) writeFileSync(join(cache, file), "{");
    assert.deepEqual(await keptExpectedValues(plan(), cache), await expectedValues(plan()));
  });

  it("of sixty-four launches are kept, the oldest go", async () => {
    for (let n = 0; n < 70; n++) {
      const file = join(cache, `expected-${n.toString(16).padStart(4, "0")}.json`);
      writeFileSync(file, "{}");
      utimesSync(file, n + 1, n + 1);
    }
    writeUki("three");
    await keptExpectedValues(plan(), cache);
    assert.equal(kept(), 64);
    assert.ok(!readdirSync(cache).includes("expected-0000.json"));
  });

  it("stand in one set of log fields, all good values of a name together", () => {
    const value = (name: string, text: string) => ({ name, value: text, label: "" });
    const values = [value("pcr.sha256.4", "aa"), value("pcr.sha256.11", "bb"), value("pcr.sha256.11", "cc")];
    assert.deepEqual(summarise({ values, unknown: [{ name: "pcr.sha256.7", reason: "why" }] }), {
      "pcr.sha256.4": "aa",
      "pcr.sha256.11": "bb or cc",
      undetermined: "pcr.sha256.7",
    });
  });
});

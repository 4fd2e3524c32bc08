// Goldens are reviewed as files; UPDATE_GOLDEN=1 writes them anew.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import { renderQemuArgv } from "../../../src/plan/qemu-argv.ts";
import { renderQmpSteps } from "../../../src/plan/qmp-steps.ts";
import { hostFacts, planCases } from "./cases.ts";

const root = fileURLToPath(new URL("../../golden/plan/", import.meta.url));

function assertGolden(path: string, actual: unknown): void {
  const text = `${JSON.stringify(actual, null, 2)}\n`;
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, text);
  assert.ok(existsSync(path), `${path} is missing; run with UPDATE_GOLDEN=1 and review it`);
  assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(path, "utf8")));
}

describe("planLaunch", () => {
  for (const { name, config, toml, pod } of planCases()) {
    it(`plans ${name} as its golden files say`, () => {
      const dir = `${root}${name}`;
      if (process.env["UPDATE_GOLDEN"] === "1") mkdirSync(dir, { recursive: true });
      const plan = planLaunch(config, hostFacts, pod);
      assertGolden(`${dir}/input.json`, { config: toml.split("\n").slice(0, -1), pod });
      assertGolden(`${dir}/plan.json`, plan);
      assertGolden(`${dir}/argv.json`, renderQemuArgv(plan));
      assertGolden(`${dir}/qmp.json`, renderQmpSteps(plan));
      assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan, "a plan is plain JSON");
    });
  }
});

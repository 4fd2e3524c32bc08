// A short run of the fuzz targets on every check; `npm run fuzz` runs them long.
import assert from "node:assert/strict";
import { targets as boot } from "../fuzz/boot.fuzz.ts";
import { targets as documents } from "../fuzz/document.fuzz.ts";
import { targets as evidence } from "../fuzz/evidence.fuzz.ts";
import { targets as firmware } from "../fuzz/firmware.fuzz.ts";
import { mutate, random } from "../fuzz/mutate.ts";
import { targets as streams } from "../fuzz/stream.fuzz.ts";
import { isRefusal } from "../fuzz/target.ts";
import { skip } from "../support/tools.ts";

const RUNS = 150;

describe("whatever reads untrusted bytes", () => {
  for (const target of [...boot, ...documents, ...evidence, ...firmware, ...streams]) {
    it(`accepts or refuses damaged input, never anything else: ${target.name}`, async function () {
      this.timeout(60_000);
      const seeds = target.seeds();
      if (seeds.length === 0) skip(this, "the fixtures it starts from are not on this machine");
      const next = random(20261123);
      for (let run = 0; run < RUNS; run++) {
        const seed = seeds[run % seeds.length] ?? new Uint8Array();
        try {
          await target.run(run < seeds.length ? seed : mutate(seed, next));
        } catch (error) {
          assert.ok(isRefusal(target, error), `run ${run}: ${error instanceof Error ? error.stack : String(error)}`);
        }
      }
    });
  }
});

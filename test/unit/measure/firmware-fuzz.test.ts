// A short run of the fuzz targets on every check; `npm run fuzz` runs them long.
import assert from "node:assert/strict";
import { MalformedInput } from "../../../src/measure/reader.ts";
import { targets } from "../../fuzz/firmware.fuzz.ts";
import { mutate, random } from "../../fuzz/mutate.ts";

describe("parsers of firmware files", () => {
  for (const target of targets) {
    it(`accept or refuse damaged input, never anything else: ${target.name}`, function () {
      const seeds = target.seeds();
      if (seeds.length === 0) this.skip();
      for (const seed of seeds.slice(-1)) assert.doesNotThrow(() => target.run(seed));
      const next = random(20261123);
      for (let run = 0; run < 300; run++) {
        try {
          target.run(mutate(seeds[run % seeds.length] ?? new Uint8Array(), next));
        } catch (error) {
          assert.ok(error instanceof MalformedInput, `run ${run}: ${String(error)}`);
        }
      }
    });
  }
});

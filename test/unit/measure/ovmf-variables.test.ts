// Oracle: Debian's ovmf package, whose .ms builds ship Microsoft's keys and whose plain builds ship none.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { parseVariableStore } from "../../../src/measure/ovmf-variables.ts";
import { MalformedInput } from "../../../src/measure/reader.ts";
import { mutate, random } from "../../fuzz/mutate.ts";
import { skip } from "../../support/tools.ts";

function packaged(test: Mocha.Context, name: string): Buffer {
  const file = `/usr/share/OVMF/${name}`;
  return existsSync(file) ? readFileSync(file) : skip(test, "needs Debian's ovmf package");
}

describe("parseVariableStore", () => {
  it("finds no variable in the plain volume", function () {
    assert.deepEqual(parseVariableStore(packaged(this, "OVMF_VARS_4M.fd")), []);
  });

  it("finds the enrolled keys under the vendors that UEFI assigns", function () {
    const stored = parseVariableStore(packaged(this, "OVMF_VARS_4M.ms.fd"));
    const vendors = new Map(stored.map(({ name, vendor }) => [name, vendor]));
    assert.equal(vendors.get("PK"), "8be4df61-93ca-11d2-aa0d-00e098032b8c");
    assert.equal(vendors.get("KEK"), "8be4df61-93ca-11d2-aa0d-00e098032b8c");
    assert.equal(vendors.get("db"), "d719b2cb-3d3a-4596-a3bc-dad00e67656f");
    const db = Buffer.from(stored.find(({ name }) => name === "db")?.data ?? []);
    assert.ok(db.includes(Buffer.from("Microsoft Corporation UEFI CA 2011")));
  });

  it("refuses what is no volume of variables", () => {
    assert.throws(() => parseVariableStore(Buffer.alloc(4096)), { name: "MalformedInput", offset: 16 });
    assert.throws(() => parseVariableStore(Buffer.alloc(8)), MalformedInput);
  });

  it("either reads or refuses 2,000 damaged volumes", function () {
    const seed = Buffer.from(packaged(this, "OVMF_VARS_4M.ms.fd").subarray(0, 32768));
    seed.writeUInt32LE(seed.length - 72, 72 + 16); // the store now ends with the cut
    assert.ok(parseVariableStore(seed).length > 0);
    const next = random(7);
    for (let run = 0; run < 2000; run++) {
      try {
        parseVariableStore(mutate(seed, next));
      } catch (error) {
        assert.ok(error instanceof MalformedInput, `run ${run}: ${String(error)}`);
      }
    }
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSevCapabilities, probeSev } from "../../../src/host/sev-facts.ts";
import { EnvironmentLacks, ProtocolViolation } from "../../../src/lib/errors.ts";

// as QEMU 10 writes them; the answer is the example in qapi/misc-i386.json
const greeting = '{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}}, "capabilities": ["oob"]}}';
const capable =
  '{"return": { "pdh": "8CCDD8DDD", "cert-chain": "888CCCDDDEE", "cpu0-id": "2lvmGwo+...61iEinw==", "cbitpos": 47, "reduced-phys-bits": 1}}';
const refused = '{"error": {"class": "GenericError", "desc": "SEV is not enabled in KVM"}}';

describe("where the encryption bit is", () => {
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-sev-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it("is what QEMU answers", () => {
    const facts = parseSevCapabilities([greeting, '{"return": {}}', capable, '{"return": {}}'].join("\r\n"));
    assert.deepEqual(facts, { cbitpos: 47, reducedPhysBits: 1 });
  });

  it("is unknown, in QEMU's words, where QEMU refuses, says nothing or cannot use KVM", async () => {
    const lacks = (pattern: RegExp) => (error: unknown) =>
      error instanceof EnvironmentLacks && pattern.test(error.what) && /snp\.cbitpos/.test(error.fix);
    assert.throws(() => parseSevCapabilities(`${greeting}\n${refused}\n`), lacks(/SEV is not enabled in KVM/));
    assert.throws(() => parseSevCapabilities(greeting), lacks(/no answer/));
    await assert.rejects(probeSev("/bin/false", { cacheDir: dir }), lacks(/does not start with KVM/));
  });

  it("is no number that no processor has", () => {
    for (const cbitpos of ["0", "64", "-1", "47.5", '"47"']) {
      assert.throws(() => parseSevCapabilities(capable.replace("47", cbitpos)), ProtocolViolation, cbitpos);
    }
  });

  it("is asked from QEMU once a boot", async () => {
    const qemu = join(dir, "qemu");
    writeFileSync(qemu, `#!/bin/sh\necho run >> ${dir}/runs\necho '${capable}'\n`, { mode: 0o755 });
    const cacheDir = join(dir, "facts");
    for (let i = 0; i < 2; i++)
      assert.deepEqual(await probeSev(qemu, { cacheDir }), { cbitpos: 47, reducedPhysBits: 1 });
    assert.equal(readFileSync(join(dir, "runs"), "utf8"), "run\n");
  });
});

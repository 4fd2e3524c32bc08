import assert from "node:assert/strict";
import { cpuidSignature, parseVcpuType } from "../../../../src/measure/snp/cpu-models.ts";

describe("CPU signatures", () => {
  it("follow AMD's formula (sev-snp-measure tests/test_vcpu_types.py)", () => {
    assert.equal(cpuidSignature(14, 1, 2), 0xe12);
    assert.equal(cpuidSignature(23, 1, 2), 0x800f12);
  });

  it("are known for every EPYC model of QEMU, whatever its version", () => {
    const expected: Readonly<Record<string, number>> = {
      EPYC: 0x800f12,
      "EPYC-v1": 0x800f12,
      "EPYC-v4": 0x800f12,
      "EPYC-IBPB": 0x800f12,
      "EPYC-Rome": 0x830f10,
      "EPYC-Rome-v4": 0x830f10,
      "EPYC-Milan-v2": 0xa00f11,
      "EPYC-Genoa": 0xa10f10,
      "EPYC-Turin-v1": 0xb00f00,
    };
    for (const [name, signature] of Object.entries(expected)) assert.equal(parseVcpuType(name), signature, name);
  });

  it("may be given as a number or as family, model and stepping", () => {
    assert.equal(parseVcpuType("0x800f12"), 0x800f12);
    assert.equal(parseVcpuType("25,1,1"), 0xa00f11);
  });

  it("refuse a model that is no EPYC, and numbers beyond 32 bits", () => {
    for (const name of ["Skylake-Server", "EPYC-", "epyc", "EPYC-Rome-IBPB", "0x1ffffffff", "toString", ""]) {
      assert.throws(() => parseVcpuType(name), { name: "InvalidRequest" }, name);
    }
  });
});

import assert from "node:assert/strict";
import { describeSnpPolicy, parseSnpPolicy } from "../../../../src/measure/snp/policy.ts";

describe("the SNP policy", () => {
  it("takes numbers in hex and decimal", () => {
    assert.equal(parseSnpPolicy("0x30000"), 0x30000n);
    assert.equal(parseSnpPolicy("196608"), 0x30000n);
  });

  it("takes words, with SMT allowed unless it is switched off", () => {
    assert.equal(parseSnpPolicy("debug off"), 0x30000n);
    assert.equal(parseSnpPolicy("smt off"), 0x20000n);
    assert.equal(parseSnpPolicy("smt=on, debug=on, single-socket on"), 0x1b0000n);
    assert.equal(parseSnpPolicy("abi 1.55, migrate-ma on"), 0x70137n);
  });

  it("names every flag of a policy of the field (gosev's attestation.bin: 0xb0000)", () => {
    assert.equal(
      describeSnpPolicy(0xb0000n),
      "abi 0.0, smt on, migrate-ma off, debug on, single-socket off, cxl off, aes-256-xts off, rapl-disabled off, " +
        "ciphertext-hiding off, page-swap-disabled off",
    );
  });

  it("reads its own words back for every combination of flags", () => {
    for (let bits = 0n; bits < 1024n; bits++) {
      const flags = (bits & 1n) | ((bits >> 1n) << 2n);
      const policy = 0x20000n | ((flags << 16n) & 0x3fd0000n) | 0x137n;
      assert.equal(parseSnpPolicy(describeSnpPolicy(policy)), policy);
    }
  });

  it("refuses what the PSP refuses: the mandatory bit missing, reserved bits set", () => {
    assert.throws(() => parseSnpPolicy("0x10000"), { name: "InvalidRequest", message: /bit 17/ });
    assert.throws(() => parseSnpPolicy("0x100030000"), {
      name: "InvalidRequest",
      message: /reserved bits 0x100000000/,
    });
  });

  it("refuses words it does not know, naming them", () => {
    assert.throws(() => parseSnpPolicy("debgu on"), /"debgu" is none of abi, smt/);
    assert.throws(() => parseSnpPolicy("debug maybe"), /debug is "maybe"/);
    assert.throws(() => parseSnpPolicy("abi 1"), /MAJOR.MINOR/);
    assert.throws(() => parseSnpPolicy("constructor on"), /none of/);
  });
});

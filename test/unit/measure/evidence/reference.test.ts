// CBOR vectors: RFC 8949 appendix A. CoRIM shape: draft-ietf-rats-corim, decoded by hand below.
import assert from "node:assert/strict";
import { CborTag, type CborValue, encodeCbor } from "../../../../src/measure/evidence/cbor.ts";
import { renderCorim } from "../../../../src/measure/evidence/corim.ts";
import { checkReference, parseReference, renderReference } from "../../../../src/measure/evidence/reference.ts";
import { renderRvps } from "../../../../src/measure/evidence/rvps.ts";
import { Checks } from "../../../../src/measure/evidence/verdict.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";

const A = "aa".repeat(32);
const B = "bb".repeat(32);
const set = {
  subject: "kata-cvm test",
  values: [
    { name: "pcr.sha256.11", value: A, label: "after sysinit" },
    { name: "pcr.sha256.11", value: B, label: "after sysinit:ready" },
    { name: "snp.measurement", value: "cc".repeat(48), label: "" },
  ],
};

describe("reference values", () => {
  it("survive their own JSON form", () => {
    assert.deepEqual(parseReference(Buffer.from(JSON.stringify(renderReference(set)))), set);
  });

  it("match any good value and name the one", () => {
    const proven = new Map([
      ["pcr.sha256.11", B],
      ["snp.measurement", "cc".repeat(48)],
    ]);
    const checks = checkReference(new Checks(), set, proven);
    assert.deepEqual(
      checks.map(({ ok }) => ok),
      [true, true],
    );
    assert.equal(checks[0]?.detail, `${B} (after sysinit:ready)`);
  });

  it("show the expected values at a mismatch, and miss what the evidence does not prove", () => {
    const checks = checkReference(new Checks(), set, new Map([["pcr.sha256.11", "00"]]));
    assert.equal(checks[0]?.detail, `is 00, expected ${A} (after sysinit) or ${B} (after sysinit:ready)`);
    assert.deepEqual(checks[1], {
      name: "reference.snp.measurement",
      ok: false,
      detail: "the evidence does not prove it",
    });
  });

  it("are refused when one name has no good value, though others have", () => {
    const values = { "snp.measurement": [{ value: A, label: "" }], "snp.hostData": [] };
    const text = JSON.stringify({ format: "kata-cvm-reference/1", subject: "x", values });
    assert.throws(() => parseReference(Buffer.from(text)), /values\.snp\.hostData has no good value/);
  });

  it("are refused when empty, of another format, or not hex", () => {
    const head = '{"format":"kata-cvm-reference/1","subject":"x","values":';
    for (const text of [`${head}{}}`, '{"format":"other"}', `${head}{"a":[{"value":"xy"}]}}`, "[]"]) {
      assert.throws(() => parseReference(Buffer.from(text)), MalformedInput);
    }
  });

  it("become Trustee's sample message with Trustee's names", () => {
    const { version, type, payload } = renderRvps(set);
    assert.deepEqual([version, type], ["0.1.0", "sample"]);
    assert.deepEqual(JSON.parse(Buffer.from(payload, "base64").toString()), {
      tpm_pcr11: [A, B],
      snp_launch_measurement: ["cc".repeat(48)],
    });
  });

  it("become an unsigned CoRIM with one reference triple per good value", () => {
    const bytes = renderCorim(set).toString("hex");
    // #6.501({0: "kata-cvm test", 1: [#6.506(bytes)]})
    assert.ok(bytes.startsWith(`d901f5a2006d${Buffer.from("kata-cvm test").toString("hex")}0181d901fa`));
    const digests = [...bytes.matchAll(/028182(01)5820|028182(07)5830/g)].map((match) => match[1] ?? match[2]);
    assert.deepEqual(digests, ["01", "01", "07"]);
    assert.ok(bytes.includes(`818201${"5820"}${A}`) && bytes.includes(`818207${"5830"}${"cc".repeat(48)}`));
  });
});

describe("the CBOR encoder", () => {
  const vectors: readonly (readonly [CborValue, string])[] = [
    [0, "00"],
    [23, "17"],
    [24, "1818"],
    [1000, "1903e8"],
    [1000000, "1a000f4240"],
    [1000000000000, "1b000000e8d4a51000"],
    [-1, "20"],
    [-1000, "3903e7"],
    [Buffer.from("01020304", "hex"), "4401020304"],
    ["IETF", "6449455446"],
    ["\u00fc", "62c3bc"],
    [[1, [2, 3], [4, 5]], "8301820203820405"],
    [
      new Map<number | string, CborValue>([
        ["a", 1],
        ["b", [2, 3]],
      ]),
      "a26161016162820203",
    ],
    [new CborTag(1, 1363896240), "c11a514b67b0"],
  ];
  for (const [value, expected] of vectors) {
    it(`gives ${expected} (RFC 8949 appendix A)`, () => {
      assert.equal(encodeCbor(value).toString("hex"), expected);
    });
  }

  it("orders map keys by their encoding (RFC 8949 §4.2.1)", () => {
    const map = new Map<number | string, CborValue>([
      ["z", 1],
      [100, 2],
      [10, 3],
      [-1, 4],
      ["aa", 5],
    ]);
    assert.equal(encodeCbor(map).toString("hex"), "a50a03186402200461" + "7a01" + "62616105");
  });
});

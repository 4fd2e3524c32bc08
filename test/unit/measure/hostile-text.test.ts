// Text that a host or guest sends, of a kind on which a careless pattern looks at each character once for every other.
import assert from "node:assert/strict";
import { explainEvent } from "../../../src/measure/eventlog/event-meaning.ts";
import { JsonObject } from "../../../src/measure/evidence/json.ts";
import { parseSignedJson } from "../../../src/measure/evidence/tdx-collateral.ts";
import { parseBase64, trimNuls } from "../../../src/measure/hex.ts";
import { MalformedInput } from "../../../src/measure/reader.ts";
import { parsePodInitdata } from "../../../src/plan/initdata.ts";

const LENGTH = 100_000;
/** linear reading takes a few; reading that is quadratic takes tens of thousands on the machines of today */
const LIMIT_MS = 3_000;

describe("hostile text is read in time that grows with its length alone", () => {
  const blank = " ".repeat(LENGTH);
  const event = (data: Buffer) => ({ offset: 0, index: 4, type: 0xd, digests: [], data });
  const cases: readonly (readonly [string, () => void])[] = [
    ["blanks before what is no base64, in evidence", () => refuse(() => field(`${blank}*`).base64("text"))],
    ["blanks inside signed collateral", () => parseSignedJson(collateral(blank))],
    ["zeros before the end of an event's text", () => explainEvent(event(utf16(`x${"\0".repeat(LENGTH)}x`)))],
    ["zeros before the end of a text", () => trimNuls(`${"\0".repeat(LENGTH)}x`)],
  ];
  for (const [name, read] of cases) {
    it(name, () => {
      const begin = performance.now();
      read();
      const spent = performance.now() - begin;
      assert.ok(spent < LIMIT_MS, `${spent} ms`);
    });
  }

  it("an annotation of many MiB is refused by name, not by a stack that overflows", () => {
    const annotation = "A".repeat(24 << 20);
    assert.throws(() => parsePodInitdata({ annotation, document: undefined }, 16 << 20), /does not unpack/);
  });
});

describe("base64", () => {
  it("is taken with padding or without, and nothing else is", () => {
    for (const text of ["", "aGk", "aGk=", "aA==", "a+/9"]) {
      assert.deepEqual(parseBase64(text), Buffer.from(text, "base64"));
    }
    for (const text of ["a===", "aA=a", "a-_9", "aGk= ", "a\nb"]) assert.equal(parseBase64(text), undefined, text);
  });
});

describe("signed collateral", () => {
  it("ends its signed part before the comma, whatever stands between", () => {
    const { signedBytes } = parseSignedJson(collateral(" "));
    assert.equal(signedBytes.toString().at(-1), "}");
    const twice = collateral("").toString().replace(',"signature"', ',"signature":"00","signature"');
    assert.throws(() => parseSignedJson(Buffer.from(twice)), MalformedInput);
    assert.throws(
      () => parseSignedJson(Buffer.from(collateral("").toString().replace(/\}$/, ',"more":1}'))),
      MalformedInput,
    );
  });
});

function field(text: string): JsonObject {
  return JsonObject.parse("evidence", JSON.stringify({ text }));
}

function collateral(blank: string): Buffer {
  const body = `{"issueDate":"a",${blank}"nextUpdate":"b"}`;
  return Buffer.from(`{"tcbInfo":${body}${blank},${blank}"signature":"${"00".repeat(64)}"}`);
}

function utf16(text: string): Buffer {
  return Buffer.from(text, "utf16le");
}

function refuse(read: () => unknown): void {
  assert.throws(read, MalformedInput);
}

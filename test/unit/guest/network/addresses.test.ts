import assert from "node:assert/strict";
import {
  parseAddress,
  parseMac,
  parsePrefix,
  renderAddress,
  renderMac,
} from "../../../../src/guest/network/addresses.ts";
import { InvalidRequest } from "../../../../src/lib/errors.ts";

describe("addresses", () => {
  for (const [text, hex] of [
    ["192.0.2.1", "c0000201"],
    ["::", "00".repeat(16)],
    ["::1", `${"00".repeat(15)}01`],
    ["2001:db8::10", "20010db8000000000000000000000010"],
    ["fe80::1:2:3:4", "fe800000000000000001000200030004"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
  ] as const) {
    it(`read ${text} as ${hex}`, () => {
      assert.equal(parseAddress("a", text).bytes.toString("hex"), hex);
    });
  }

  for (const text of ["192.0.2.1", "::", "::1", "2001:db8::10", "fe80::1:2:3:4"]) {
    it(`print ${text} as it was read`, () => {
      assert.equal(renderAddress(parseAddress("a", text).bytes), text);
    });
  }

  it("take a prefix length, or the whole address without one", () => {
    assert.deepEqual(
      ["10.0.0.0/8", "10.0.0.1", "::/0"].map((text) => parsePrefix("a", text).length),
      [8, 32, 0],
    );
  });

  for (const text of ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1", "::/129", "host/8", "10.0.0/8"]) {
    it(`refuse the prefix "${text}"`, () => {
      assert.throws(() => parsePrefix("a", text), InvalidRequest);
    });
  }

  it("keep a MAC address", () => {
    assert.equal(renderMac(parseMac("a", "0A:58:0a:58:00:05")), "0a:58:0a:58:00:05");
    assert.throws(() => parseMac("a", "0a:58:0a:58:00"), InvalidRequest);
  });
});

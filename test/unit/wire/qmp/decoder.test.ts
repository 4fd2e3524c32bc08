import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ProtocolViolation } from "../../../../src/lib/errors.ts";
import { QmpDecoder } from "../../../../src/wire/qmp/decoder.ts";

const session = Buffer.from(
  '{"QMP": {"version": {}, "capabilities": ["oob"]}}\r\n{"return": {}, "id": 1}\r\n\r\n{"event": "STOP", "data": {"é": "ü€"}}\n',
);
const whole = [
  { QMP: { version: {}, capabilities: ["oob"] } },
  { return: {}, id: 1 },
  { event: "STOP", data: { é: "ü€" } },
];

function offsetOf(run: () => void): number | undefined {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ProtocolViolation, String(error));
    return error.offset;
  }
  assert.fail("nothing was thrown");
}

describe("the QMP decoder", () => {
  it("yields one object per line however the bytes are split, inside characters too", () => {
    assert.deepEqual(new QmpDecoder().decode(session), whole);
    for (let cut = 1; cut < session.length; cut += 1) {
      const decoder = new QmpDecoder();
      const messages = [...decoder.decode(session.subarray(0, cut)), ...decoder.decode(session.subarray(cut))];
      assert.deepEqual(messages, whole, `split at ${cut}`);
      assert.equal(decoder.isMidLine, false);
    }
    const bytewise = new QmpDecoder();
    assert.deepEqual(
      [...session].flatMap((byte) => bytewise.decode(Buffer.of(byte))),
      whole,
    );
  });

  it("does not keep a view of a chunk that its sender may reuse", () => {
    const decoder = new QmpDecoder();
    const chunk = Buffer.from('{"a": ');
    decoder.decode(chunk);
    chunk.fill(0);
    assert.deepEqual(decoder.decode(Buffer.from("1}\n")), [{ a: 1 }]);
  });

  it("names the offset of a line that is not a JSON object", () => {
    const good = '{"return": {}}\n';
    for (const bad of ["nope", "[1]", "null", "7", '"text"'])
      assert.equal(
        offsetOf(() => new QmpDecoder().decode(Buffer.from(`${good}${good}${bad}\n`))),
        2 * good.length,
        bad,
      );
    const late = new QmpDecoder();
    late.decode(Buffer.from(`${good}no`));
    assert.equal(
      offsetOf(() => late.decode(Buffer.from("pe\n"))),
      good.length,
    );
  });

  it("refuses a line above its limit before the line ends", () => {
    const decoder = new QmpDecoder({ maxLineBytes: 32 });
    assert.deepEqual(decoder.decode(Buffer.from(`${JSON.stringify({ a: "x".repeat(24) })}\n`)).length, 1);
    decoder.decode(Buffer.alloc(32, 0x20));
    assert.equal(
      offsetOf(() => decoder.decode(Buffer.from(" "))),
      33,
    );
  });

  it("with any bit flipped yields objects or throws ProtocolViolation", () => {
    for (let bit = 0; bit < session.length * 8; bit += 1) {
      const broken = Buffer.from(session);
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        for (const message of new QmpDecoder().decode(broken)) assert.equal(typeof message, "object");
      } catch (error) {
        assert.ok(error instanceof ProtocolViolation, `bit ${bit}: ${String(error)}`);
      }
    }
  });
});

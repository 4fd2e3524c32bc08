import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  encodeHeader,
  type Frame,
  FrameDecoder,
  HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
} from "../../../../src/wire/ttrpc/frame.ts";

/** A unary request frame: header per ttrpc PROTOCOL.md, payload per the field table of ttrpc.Request. */
const checkRequest = Buffer.from(
  [
    "0000001d 00000001 01 00", // 29 bytes, stream 1, request, no flags
    "0a0b 677270632e4865616c7468", // service = "grpc.Health"
    "1205 436865636b", // method = "Check"
    "1a03 0a0178", // payload = CheckRequest{service: "x"}
    "20 c0843d", // timeout_nano = 1000000
  ]
    .join("")
    .replaceAll(" ", ""),
  "hex",
);
const halfClose = Buffer.from("00000000000000030305", "hex");

function plain(frames: readonly Frame[]) {
  return frames.map((f) => ({ ...f, payload: f.payload.toString("hex") }));
}

describe("ttrpc frames", () => {
  it("carry length, stream, type and flags in ten big-endian bytes", () => {
    const head = encodeHeader({ streamId: 0x01020305, kind: 3, flags: 5 }, 0x00010203);
    assert.equal(head.toString("hex"), "00010203" + "01020305" + "03" + "05");
  });

  it("decode the same however the bytes are split", () => {
    const input = Buffer.concat([checkRequest, halfClose, checkRequest]);
    const whole = plain(new FrameDecoder().decode(input));
    assert.deepEqual(
      whole.map((f) => [f.streamId, f.kind, f.flags, f.payload.length / 2]),
      [
        [1, 1, 0, 29],
        [3, 3, 5, 0],
        [1, 1, 0, 29],
      ],
    );
    for (let cut = 1; cut < input.length; cut += 1) {
      const decoder = new FrameDecoder();
      const frames = [...decoder.decode(input.subarray(0, cut)), ...decoder.decode(input.subarray(cut))];
      assert.deepEqual(plain(frames), whole, `split at ${cut}`);
      assert.equal(decoder.isMidFrame, false);
    }
    const bytewise = new FrameDecoder();
    assert.deepEqual(plain([...input].flatMap((byte) => bytewise.decode(Buffer.of(byte)))), whole);
  });

  it("tell whether the input ended inside a frame", () => {
    for (let length = 1; length < checkRequest.length; length += 1) {
      const decoder = new FrameDecoder();
      assert.deepEqual(decoder.decode(checkRequest.subarray(0, length)), []);
      assert.equal(decoder.isMidFrame, true, `after ${length} bytes`);
    }
  });

  it("above 4 MiB are reported at their header, dropped as they stream in, and the next frame is read", () => {
    const decoder = new FrameDecoder();
    const length = MAX_PAYLOAD_BYTES + 1;
    const [report] = decoder.decode(encodeHeader({ streamId: 7, kind: 1, flags: 0 }, length));
    assert.equal(report?.oversizedBytes, length);
    assert.equal(report?.streamId, 7);
    const chunk = Buffer.alloc(1 << 20);
    for (let sent = 0; sent < MAX_PAYLOAD_BYTES; sent += chunk.length) assert.deepEqual(decoder.decode(chunk), []);
    const after = decoder.decode(Buffer.concat([Buffer.alloc(1), checkRequest]));
    assert.deepEqual(plain(after), plain(new FrameDecoder().decode(checkRequest)));
  });

  it("of exactly 4 MiB are accepted", () => {
    const decoder = new FrameDecoder();
    decoder.decode(encodeHeader({ streamId: 1, kind: 2, flags: 0 }, MAX_PAYLOAD_BYTES));
    const [frame] = decoder.decode(Buffer.alloc(MAX_PAYLOAD_BYTES, 1));
    assert.equal(frame?.payload.length, MAX_PAYLOAD_BYTES);
    assert.equal(frame?.oversizedBytes, undefined);
  });

  it("with any bit flipped never make the decoder throw or hand out more bytes than came in", () => {
    const input = Buffer.concat([checkRequest, halfClose, checkRequest]);
    for (let bit = 0; bit < input.length * 8; bit += 1) {
      const broken = Buffer.from(input);
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const frames = new FrameDecoder().decode(broken);
      const bytes = frames.reduce(
        (sum, f) => sum + (f.oversizedBytes === undefined ? HEADER_BYTES : 0) + f.payload.length,
        0,
      );
      assert.ok(bytes <= broken.length, `bit ${bit}`);
    }
  });
});

import assert from "node:assert/strict";
import { MarkedOutput, type Piece } from "../../lab/host/marked-output.ts";

function readable(pieces: readonly Piece[]): string {
  const show = (piece: Piece) =>
    piece.kind === "output" ? piece.bytes.toString() : piece.kind === "ready" ? "<ready>" : `<${piece.code}>`;
  return pieces.map(show).join("");
}

describe("the lab host's command port", () => {
  const stream = Buffer.from("\x1eready\nfirst\nline\x1e0\n\x1e137\ntail");

  it("tells output, readiness and exit codes apart wherever the stream is cut", () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const marked = new MarkedOutput();
      const pieces = [...marked.push(stream.subarray(0, cut)), ...marked.push(stream.subarray(cut))];
      assert.equal(readable(pieces), "<ready>first\nline<0><137>tail", `cut at ${cut}`);
    }
  });

  it("gives output at once, also while its line is not complete", () => {
    assert.equal(readable(new MarkedOutput().push(Buffer.from("12 pass"))), "12 pass");
  });

  it("refuses a mark that is no exit code", () => {
    assert.throws(() => new MarkedOutput().push(Buffer.from("\x1eoops\n")), /the mark "oops"/);
  });
});

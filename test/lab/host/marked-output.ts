// What the lab host's command port sends: the output of one command after another, each ended by a
// line of a record separator (0x1e) and the exit code, or the word `ready` after a (re)connection.

const SEPARATOR = 0x1e;
const NEWLINE = 0x0a;

export type Piece =
  | { readonly kind: "output"; readonly bytes: Buffer }
  | { readonly kind: "ready" }
  | { readonly kind: "end"; readonly code: number };

/** Cuts the stream into pieces, whatever the chunks are. */
export class MarkedOutput {
  /** a mark that has begun */
  #mark = Buffer.alloc(0);

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let rest = Buffer.concat([this.#mark, chunk]);
    for (;;) {
      const at = rest.indexOf(SEPARATOR);
      const output = at < 0 ? rest : rest.subarray(0, at);
      if (output.length > 0) pieces.push({ kind: "output", bytes: output });
      if (at < 0) {
        this.#mark = Buffer.alloc(0);
        return pieces;
      }
      const end = rest.indexOf(NEWLINE, at);
      if (end < 0) {
        this.#mark = rest.subarray(at);
        return pieces;
      }
      pieces.push(readMark(rest.subarray(at + 1, end).toString("latin1")));
      rest = rest.subarray(end + 1);
    }
  }
}

function readMark(text: string): Piece {
  if (text === "ready") return { kind: "ready" };
  if (!/^[0-9]+$/.test(text)) throw new Error(`the lab host sent the mark "${text}"`);
  return { kind: "end", code: Number(text) };
}

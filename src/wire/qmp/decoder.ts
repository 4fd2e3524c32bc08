// QMP messages without I/O (QEMU docs/interop/qmp-spec): one JSON object per line. Lines are bounded, because the
// peer is a process that a guest may have taken over. JSON numbers above 2^53 lose digits, as JSON.parse does.
import { errorText, ProtocolViolation } from "../../lib/errors.ts";

export type QmpMessage = Readonly<Record<string, unknown>>;

/** `query-qmp-schema`, the longest answer, is about 300 KiB in QEMU 10. */
export const MAX_LINE_BYTES = 4 << 20;

const LF = 0x0a;

export class QmpDecoder {
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** offset, in the whole input, of the line being collected */
  #lineOffset = 0;

  constructor(options: { readonly maxLineBytes?: number } = {}) {
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
  }

  /** Whether the bytes so far end inside a line. */
  get isMidLine(): boolean {
    return this.#partBytes > 0;
  }

  /** Throws ProtocolViolation with the offset of the line at fault; the decoder is of no use after that. */
  decode(chunk: Buffer): QmpMessage[] {
    const messages: QmpMessage[] = [];
    let at = 0;
    for (let lf = chunk.indexOf(LF); lf !== -1; lf = chunk.indexOf(LF, at)) {
      this.#collect(chunk.subarray(at, lf));
      const message = this.#takeLine();
      if (message !== undefined) messages.push(message);
      at = lf + 1;
    }
    if (at < chunk.length) this.#collect(Buffer.from(chunk.subarray(at)));
    return messages;
  }

  #collect(part: Buffer): void {
    this.#partBytes += part.length;
    if (this.#partBytes > this.#maxLineBytes)
      throw new ProtocolViolation("QMP", `a line is longer than ${this.#maxLineBytes} bytes`, {
        offset: this.#lineOffset,
      });
    this.#parts.push(part);
  }

  #takeLine(): QmpMessage | undefined {
    const line = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    const offset = this.#lineOffset;
    this.#lineOffset += this.#partBytes + 1;
    this.#parts = [];
    this.#partBytes = 0;
    const text = line?.toString("utf8").trim() ?? "";
    return text === "" ? undefined : parseMessage(text, offset);
  }
}

function parseMessage(text: string, offset: number): QmpMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ProtocolViolation("QMP", `a line is not JSON (${errorText(error)})`, { offset });
  }
  if (!isObject(value)) throw new ProtocolViolation("QMP", "a message is not a JSON object", { offset });
  return value;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

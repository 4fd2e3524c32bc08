// The few text forms of this folder: lower-case hex digests, `0x` addresses, base64. What reads untrusted text here takes
// time linear in its length, which patterns with two runs of one character class do not.

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function toAddress(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** The bytes of base64 without blanks, padded or not; undefined for other text. */
export function parseBase64(text: string): Buffer | undefined {
  const end = text.search(/[^A-Za-z0-9+/]/);
  const tail = end === -1 ? "" : text.slice(end);
  return ["", "=", "=="].includes(tail) ? Buffer.from(text, "base64") : undefined;
}

/** A text without the NULs that end it. */
export function trimNuls(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--;
  return text.slice(0, end);
}

// The few text forms of this folder: lower-case hex digests and `0x` addresses.

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function toAddress(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

// Messages as JSON for people: field names as in the proto, bytes as base64, 64-bit integers as numbers while they
// are exact and as strings above. The way back needs no schema, since the codecs take base64 strings for bytes
// and numeric strings for 64-bit fields.

export function messageToJson(message: unknown, indent?: number): string {
  return JSON.stringify(plain(message), undefined, indent);
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

// What `start` reads on stdin and answers on stdout. containerd 2.3 and newer send BootstrapParams
// and want a BootstrapResult; older ones send an Any or nothing and want the plain address.
// Each message can decode as the other, so identity decides. Decoded by hand: the protobuf runtime
// would cost `start` a third of its time for seven fields.
import type { Invocation } from "./flags.ts";

export interface BootstrapParams {
  readonly instanceId: string;
  readonly namespace: string;
  readonly containerdVersion: string;
  readonly ttrpcAddress: string;
  readonly socketDir: string;
}

export const maxStdinBytes = 10 * 1024 * 1024;

/** null unless `input` really is a BootstrapParams for this very id and namespace. */
export function parseBootstrapParams(
  input: Uint8Array,
  invocation: Pick<Invocation, "id" | "namespace">,
): BootstrapParams | null {
  const fields = readStringFields(input);
  if (fields === null) return null;
  const text = (field: number): string => fields.get(field) ?? "";
  if (text(1) !== invocation.id || text(2) !== invocation.namespace) return null;
  return {
    instanceId: text(1),
    namespace: text(2),
    containerdVersion: text(4),
    ttrpcAddress: text(5),
    socketDir: text(9),
  };
}

/** BootstrapResult{version=1, address=2, protocol=3} of containerd.runtime.bootstrap.v1. */
export function encodeBootstrapResult(address: string): Buffer {
  return Buffer.concat([Buffer.from([0x08, 2]), stringField(2, address), stringField(3, "ttrpc")]);
}

function stringField(field: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** Length-delimited fields as text; null when the bytes are no protobuf message. */
function readStringFields(input: Uint8Array): Map<number, string> | null {
  const fields = new Map<number, string>();
  let offset = 0;
  const next = (): number | null => {
    let value = 0;
    for (let shift = 0; shift < 35 && offset < input.length; shift += 7) {
      const byte = input[offset++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return null;
  };
  const skipLongVarint = (): boolean => {
    for (let count = 0; count < 10 && offset < input.length; count++) if ((input[offset++] ?? 0) < 0x80) return true;
    return false;
  };
  while (offset < input.length) {
    const tag = next();
    if (tag === null) return null;
    const wireType = tag & 7;
    if (wireType === 0) {
      if (!skipLongVarint()) return null;
    } else if (wireType === 1 || wireType === 5) {
      offset += wireType === 1 ? 8 : 4;
      if (offset > input.length) return null;
    } else if (wireType === 2) {
      const length = next();
      if (length === null || offset + length > input.length) return null;
      fields.set(tag >>> 3, Buffer.from(input.buffer, input.byteOffset + offset, length).toString("utf8"));
      offset += length;
    } else return null;
  }
  return fields;
}

// What `start` reads on stdin and answers on stdout. containerd 2.3 and newer send BootstrapParams
// and want a BootstrapResult; older ones send an Any or nothing. Each message can decode as the
// other, so identity decides. Decoded by hand: the protobuf runtime would cost `start` a third of
// its time for seven fields.
import type { Invocation } from "./flags.ts";

export interface BootstrapParams {
  readonly instanceId: string;
  readonly namespace: string;
  readonly containerdVersion: string;
  readonly ttrpcAddress: string;
  readonly socketDir: string;
  /** of the runtime's options; empty when there are none */
  readonly configPath: string;
}

export const maxStdinBytes = 10 * 1024 * 1024;

/** null unless `input` really is a BootstrapParams for this very id and namespace. */
export function parseBootstrapParams(
  input: Uint8Array,
  invocation: Pick<Invocation, "id" | "namespace">,
): BootstrapParams | null {
  const fields = readFields(input);
  if (fields === null) return null;
  const text = (field: number): string => textOf(fields, field);
  if (text(1) !== invocation.id || text(2) !== invocation.namespace) return null;
  return {
    instanceId: text(1),
    namespace: text(2),
    containerdVersion: text(4),
    ttrpcAddress: text(5),
    socketDir: text(9),
    // Extension{ value: Any = 1 }
    configPath: (fields.get(8) ?? []).map((extension) => readConfigPath(lastOf(readFields(extension), 1))).join(""),
  };
}

/**
 * Any{type_url=1, value=2} of runtimeoptions.v1.Options{config_path=2}: the path, or "" for anything else. The Sandbox
 * API says it here and nowhere else.
 */
export function readConfigPath(any: Uint8Array): string {
  const fields = readFields(any);
  if (!/(^|\/)runtimeoptions\.v1\.Options$/.test(textOf(fields, 1))) return "";
  return textOf(readFields(lastOf(fields, 2)), 2);
}

/** What tells, inside `start`, who asks (shim-contract §1.12). */
export interface CallerFacts {
  readonly params: BootstrapParams | null;
  /** of the bundle's config.json; empty when there is none */
  readonly annotations: Readonly<Record<string, string>>;
  /** the bundle's directory */
  readonly bundle: string;
}

/** With version 3 containerd speaks task v3 and calls neither `start` nor `delete` for a pod's further containers. */
const groupingVersion = 3;
/** CRI of containerd 2.0 and newer names the sandbox's image so; 1.x does not. */
const sandboxImageAnnotation = "io.kubernetes.cri.podsandbox.image-name";
/** Where 2.x keeps the bundles of `sandboxer = "shim"`, which needs version 3 for the pod's endpoint. */
const sandboxControllerDir = "/io.containerd.sandbox.controller.v1.shim/";

/**
 * What `start` prints. 2.3 and newer read a BootstrapResult; 2.0 to 2.2 read JSON; 1.x takes whatever it gets for the
 * address (1.6) or refuses version 3 (1.7): so without proof of 2.x it is the plain address, which all understand.
 */
export function renderAnswer(address: string, { params, annotations, bundle }: CallerFacts): Buffer {
  if (params !== null) return encodeBootstrapResult(address);
  const isVersion2x = annotations[sandboxImageAnnotation] !== undefined || bundle.includes(sandboxControllerDir);
  if (!isVersion2x) return Buffer.from(address);
  return Buffer.from(JSON.stringify({ version: groupingVersion, address, protocol: "ttrpc" }));
}

/** BootstrapResult{version=1, address=2, protocol=3} of containerd.runtime.bootstrap.v1. */
function encodeBootstrapResult(address: string): Buffer {
  return Buffer.concat([Buffer.from([0x08, groupingVersion]), stringField(2, address), stringField(3, "ttrpc")]);
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

type Fields = ReadonlyMap<number, readonly Buffer[]>;

function lastOf(fields: Fields | null, field: number): Buffer {
  return fields?.get(field)?.at(-1) ?? Buffer.alloc(0);
}

function textOf(fields: Fields | null, field: number): string {
  return lastOf(fields, field).toString("utf8");
}

function append(fields: Map<number, Buffer[]>, field: number, bytes: Buffer): void {
  const known = fields.get(field);
  if (known === undefined) fields.set(field, [bytes]);
  else known.push(bytes);
}

/** Length-delimited fields; null when the bytes are no protobuf message. */
function readFields(input: Uint8Array): Fields | null {
  const fields = new Map<number, Buffer[]>();
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
      append(fields, tag >>> 3, Buffer.from(input.buffer, input.byteOffset + offset, length));
      offset += length;
    } else return null;
  }
  return fields;
}

// The variables that a firmware file ships enrolled (Secure Boot keys of vendor builds): they are measured,
// so predictions must read them instead of assuming an empty store.
// Layout: PI 1.8 volume 3, 3.2.1 (volume header); edk2 MdeModulePkg/Include/Guid/VariableFormat.h.
import { trimNuls } from "./hex.ts";
import { ByteReader, guidText } from "./reader.ts";

const FORMAT = "UEFI variable store";
const NV_DATA_VOLUME = "fff12b8d-7696-4c8b-a985-2747075b4f50";
const AUTHENTICATED_STORE = "aaf32c78-947b-439a-a180-2e144ec37792";
const VOLUME_HEADER_BYTES = 56;
const STORE_HEADER_BYTES = 28;
const VARIABLE_HEADER_BYTES = 60;
const VARIABLE_START = 0x55aa;
const ERASED = 0xffff;
/** added, and added with a deletion begun but not finished */
const VALID_STATES: readonly number[] = [0x3f, 0x3e];
const MAX_VARIABLES = 4096;

export interface StoredVariable {
  readonly vendor: string;
  readonly name: string;
  readonly data: Uint8Array;
}

/** Valid variables of a volume (a VARS file, or the CFV section), in file order; refuses a broken store. */
export function parseVariableStore(volume: Uint8Array): readonly StoredVariable[] {
  const reader: ByteReader = new ByteReader(volume, FORMAT);
  if (guidText(reader.at(16, 16).bytes(16)) !== NV_DATA_VOLUME) reader.fail("is no volume of variables", 16);
  const headerBytes = reader.at(48, 2).u16le();
  if (headerBytes < VOLUME_HEADER_BYTES) reader.fail(`volume header of ${headerBytes} bytes`, 48);
  const head = reader.at(headerBytes, STORE_HEADER_BYTES);
  const signature = guidText(head.bytes(16));
  if (signature !== AUTHENTICATED_STORE) return reader.fail(`unknown kind of store ${signature}`, headerBytes);
  const size = head.u32le();
  if (size < STORE_HEADER_BYTES) head.fail(`store of ${size} bytes`, 16);
  return readVariables(reader.at(headerBytes + STORE_HEADER_BYTES, size - STORE_HEADER_BYTES));
}

function readVariables(store: ByteReader): StoredVariable[] {
  const variables: StoredVariable[] = [];
  for (let count = 0; store.remaining >= VARIABLE_HEADER_BYTES; count++) {
    const start = store.position;
    const mark = store.u16le();
    if (mark === ERASED) break;
    if (mark !== VARIABLE_START || count === MAX_VARIABLES) store.fail("not the start of a variable", start);
    const state = store.u8();
    store.skip(1 + 4 + 8 + 16 + 4); // reserved, attributes, count, time, key index
    const [nameBytes, dataBytes] = [store.u32le(), store.u32le()];
    const vendor = guidText(store.bytes(16));
    const name = trimNuls(Buffer.from(store.bytes(nameBytes)).toString("utf16le"));
    const data = store.bytes(dataBytes);
    if (VALID_STATES.includes(state)) variables.push({ vendor, name, data });
    store.skip(Math.min(store.remaining, (4 - (store.position % 4)) % 4));
  }
  return variables;
}

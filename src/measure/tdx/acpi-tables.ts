// What OVMF measures of the ACPI tables that QEMU makes: the linker script and each blob that the script allocates, as
// fw_cfg hands them out, before addresses are patched in (edk2 OvmfPkg/AcpiPlatformDxe/QemuFwCfgAcpi.c). The blobs
// depend on the machine, its devices and on what the firmware has set up, so they are read from a running guest.
import { createHash } from "node:crypto";
import { ByteReader, limitSize } from "../reader.ts";

/** fw_cfg name of the linker script. */
export const TABLE_LOADER = "etc/table-loader";

const FORMAT = "ACPI table loader";
const ENTRY_BYTES = 128;
const NAME_BYTES = 56;
const COMMAND_ALLOCATE = 1;
const MAX_LOADER_BYTES = 1 << 20;
const MAX_BLOBS = 32;

export interface AcpiEvent {
  readonly what: string;
  /** SHA-384 */
  readonly digest: Uint8Array;
}

/** fw_cfg names of the blobs in the order of their allocation (qemu hw/acpi/bios-linker-loader.c). */
export function allocatedBlobs(loader: Uint8Array): readonly string[] {
  limitSize(loader, MAX_LOADER_BYTES, FORMAT);
  const reader = new ByteReader(loader, FORMAT);
  if (loader.length === 0 || loader.length % ENTRY_BYTES !== 0) reader.fail(`${loader.length} bytes are no entries`, 0);
  const names: string[] = [];
  for (let at = 0; at < loader.length; at += ENTRY_BYTES) {
    if (reader.seek(at).u32le() !== COMMAND_ALLOCATE) continue;
    if (names.length === MAX_BLOBS) reader.fail(`more than ${MAX_BLOBS} blobs`, at);
    names.push(readName(reader, at + 4));
  }
  return names;
}

/** The events in their order. `blobs` holds the bytes by name. */
export function acpiEvents(loader: Uint8Array, blobs: ReadonlyMap<string, Uint8Array>): readonly AcpiEvent[] {
  const allocated = allocatedBlobs(loader).map((name) => {
    const bytes = blobs.get(name) ?? new ByteReader(loader, FORMAT).fail(`names ${name}, which was not given`, 0);
    return { what: `ACPI blob ${name}`, digest: sha384(bytes) };
  });
  return [{ what: "ACPI table loader", digest: sha384(loader) }, ...allocated];
}

/** Names become paths where a dump is read: nothing but plain words and single slashes. */
function readName(reader: ByteReader, at: number): string {
  const bytes = Buffer.from(reader.at(at, NAME_BYTES).bytes(NAME_BYTES));
  const end = bytes.indexOf(0);
  const name = bytes.subarray(0, end < 0 ? NAME_BYTES : end).toString("latin1");
  if (!/^etc(\/[a-z0-9][a-z0-9_.-]*)+$/i.test(name)) reader.fail(`blob name ${JSON.stringify(name)}`, at);
  return name;
}

function sha384(bytes: Uint8Array): Buffer {
  return createHash("sha384").update(bytes).digest();
}

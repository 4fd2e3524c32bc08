// QEMU's linker script for ACPI tables, as far as measuring reads it (qemu hw/acpi/bios-linker-loader.c).

export function loaderEntry(command: number, file = ""): Buffer {
  const entry = Buffer.alloc(128);
  entry.writeUInt32LE(command, 0);
  entry.write(file, 4, 56, "latin1");
  return entry;
}

/** Allocates the two blobs that every machine has, points one into the other, sums one up. */
export const plainLoader = Buffer.concat([
  loaderEntry(1, "etc/acpi/rsdp"),
  loaderEntry(1, "etc/acpi/tables"),
  loaderEntry(2, "etc/acpi/tables"),
  loaderEntry(3, "etc/acpi/rsdp"),
  loaderEntry(0),
]);

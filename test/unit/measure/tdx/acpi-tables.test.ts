// Rules: edk2 OvmfPkg/AcpiPlatformDxe/QemuFwCfgAcpi.c, which measures the linker script and then each blob that it
// allocates, as downloaded. Oracle: the event log of a guest whose fw_cfg was read (test/golden/acpi/q35.json).
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { acpiEvents, allocatedBlobs, TABLE_LOADER } from "../../../../src/measure/tdx/acpi-tables.ts";
import { loaderEntry, plainLoader } from "../../../support/acpi-loader.ts";

const sha384 = (bytes: Uint8Array): string => createHash("sha384").update(bytes).digest("hex");

describe("ACPI tables as QEMU hands them out", () => {
  const rsdp = Buffer.from("RSD PTR ");
  const tables = Buffer.from("DSDT FACP APIC");

  it("have the digests that OVMF put into its log", () => {
    const golden = JSON.parse(readFileSync(join(import.meta.dirname, "../../../golden/acpi/q35.json"), "utf8")) as {
      readonly measured: readonly string[];
      readonly blobs: Readonly<Record<string, string>>;
    };
    const unpacked = Object.entries(golden.blobs).map(([name, text]) => {
      return [name, gunzipSync(Buffer.from(text, "base64"))] as const;
    });
    const blobs = new Map(unpacked);
    const events = acpiEvents(blobs.get(TABLE_LOADER) ?? Buffer.alloc(0), blobs);
    assert.deepEqual(
      events.map(({ digest }) => Buffer.from(digest).toString("hex")),
      golden.measured,
    );
  });

  it("are measured script first, then blob by blob in the order of allocation", () => {
    const blobs = new Map([
      ["etc/acpi/tables", tables],
      ["etc/acpi/rsdp", rsdp],
    ]);
    const events = acpiEvents(plainLoader, blobs);
    assert.deepEqual(
      events.map(({ what, digest }) => [what, Buffer.from(digest).toString("hex")]),
      [
        ["ACPI table loader", sha384(plainLoader)],
        ["ACPI blob etc/acpi/rsdp", sha384(rsdp)],
        ["ACPI blob etc/acpi/tables", sha384(tables)],
      ],
    );
  });

  it("name every blob of a machine that has more", () => {
    const loader = Buffer.concat([plainLoader, loaderEntry(1, "etc/tpm/log"), loaderEntry(1, "etc/vmgenid_guid")]);
    const names = ["etc/acpi/rsdp", "etc/acpi/tables", "etc/tpm/log", "etc/vmgenid_guid"];
    assert.deepEqual(allocatedBlobs(loader), names);
  });

  it("are refused when a blob is not there", () => {
    assert.throws(() => acpiEvents(plainLoader, new Map([["etc/acpi/rsdp", rsdp]])), {
      name: "MalformedInput",
      message: /names etc\/acpi\/tables, which was not given/,
    });
  });

  it("are refused when a name could lead elsewhere, with its offset", () => {
    for (const name of ["", "/etc/passwd", "etc/../shadow", "etc//x", "etc/", "etc/.x", "opt/x", "etc/a\nb"]) {
      const loader = Buffer.concat([loaderEntry(1, "etc/acpi/rsdp"), loaderEntry(1, name)]);
      assert.throws(() => allocatedBlobs(loader), { name: "MalformedInput", offset: 132 }, JSON.stringify(name));
    }
  });

  it("are refused when the script is no list of entries, or asks for too much", () => {
    for (const loader of [Buffer.alloc(0), Buffer.alloc(127), Buffer.alloc((1 << 20) + 128)]) {
      assert.throws(() => allocatedBlobs(loader), { name: "MalformedInput" });
    }
    const many = Buffer.concat(Array.from({ length: 33 }, () => loaderEntry(1, "etc/x")));
    assert.throws(() => allocatedBlobs(many), /more than 32 blobs/);
  });
});

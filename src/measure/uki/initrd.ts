// The initrd that the stub hands to the kernel, byte for byte: its digest is PCR 9. The UKI's own
// pieces come first, then one-file newc archives made by the stub (systemd 257, pe cpio packing).
import type { UkiSectionName } from "./uki.ts";

const NEWC_MAGIC = "070701";
const TRAILER = "TRAILER!!!";

/** Sections the stub repacks under /.extra, in the order of packing. */
const EXTRA_FILES: readonly (readonly [UkiSectionName | ".pcrsig", string])[] = [
  [".pcrsig", "tpm2-pcr-signature.json"],
  [".pcrpkey", "tpm2-pcr-public-key.pem"],
  [".osrel", "os-release"],
  [".profile", "profile"],
];

/** `section` gives a section's bytes; no credentials, addons, sysext or confext are assumed. */
export function combinedInitrd(section: (name: UkiSectionName | ".pcrsig") => Uint8Array | undefined): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const add = (bytes: Uint8Array | undefined) => {
    if (bytes === undefined || bytes.length === 0) return;
    pieces.push(bytes, Buffer.alloc(padding(bytes.length)));
  };
  add(section(".ucode"));
  add(section(".initrd"));
  for (const [name, file] of EXTRA_FILES) {
    const content = section(name);
    if (content !== undefined && content.length > 0) add(packExtraFile(file, content));
  }
  return pieces;
}

/** A newc archive of `/.extra` and one file in it, as the stub writes it. */
export function packExtraFile(name: string, content: Uint8Array): Buffer {
  return Buffer.concat([
    record({ name: ".extra", inode: 1, mode: 0o040555, content: new Uint8Array(0) }),
    record({ name: `.extra/${name}`, inode: 2, mode: 0o100444, content }),
    // The stub's trailer is a string constant: one link, zeros, name with 3 + 1 NULs.
    Buffer.from(`${NEWC_MAGIC}${hex(0).repeat(4)}${hex(1)}${hex(0).repeat(6)}0000000B${hex(0)}${TRAILER}\0\0\0\0`),
  ]);
}

function record(file: { name: string; inode: number; mode: number; content: Uint8Array }): Buffer {
  const fields = [file.inode, file.mode, 0, 0, 1, 0, file.content.length, 0, 0, 0, 0, file.name.length + 1, 0];
  const head = Buffer.from(`${NEWC_MAGIC}${fields.map(hex).join("")}${file.name}\0`, "latin1");
  return Buffer.concat([
    head,
    Buffer.alloc(padding(head.length)),
    file.content,
    Buffer.alloc(padding(file.content.length)),
  ]);
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}

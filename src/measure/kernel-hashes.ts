// The table of hashes that QEMU writes into guest memory for `kernel-hashes=on` and that OVMF (AmdSev)
// checks the fw_cfg blobs against (qemu target/i386/sev.c, edk2 BlobVerifierLibSevHashes).
// The command line is hashed with its terminating NUL, an absent initrd as zero bytes.
import { createHash } from "node:crypto";
import { guidBytes } from "./reader.ts";

const TABLE_GUID = "9438d606-4f22-4cc9-b479-a793d411fd21";
const CMDLINE_GUID = "97d02dd8-bd20-4c94-aa78-e7714d36ab2a";
const INITRD_GUID = "44baf731-3a2f-4bd7-9af1-41e29169781d";
const KERNEL_GUID = "4de79437-abd2-427f-b835-d5b172d2045b";
const TABLE_BYTES = 168;
const ENTRY_BYTES = 50;
/** The table with its zero padding, as measured by SEV and SEV-ES. */
export const PADDED_TABLE_BYTES = 176;
const PAGE_BYTES = 4096;

/** SHA-256 digests of the three blobs. */
export interface KernelHashes {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly cmdline: Uint8Array;
}

/** `initrd` may be absent; `cmdline` is the exact text given to `-append`, without NUL. */
export function hashKernelFiles(files: { kernel: Uint8Array; initrd?: Uint8Array; cmdline: string }): KernelHashes {
  const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
  return {
    kernel: sha256(files.kernel),
    initrd: sha256(files.initrd ?? new Uint8Array()),
    cmdline: sha256(Buffer.from(`${files.cmdline}\0`, "utf8")),
  };
}

/** The table as measured by SEV and SEV-ES. */
export function kernelHashTable(hashes: KernelHashes): Buffer {
  const table = Buffer.alloc(PADDED_TABLE_BYTES);
  table.set(guidBytes(TABLE_GUID), 0);
  table.writeUInt16LE(TABLE_BYTES, 16);
  const entries = [
    [CMDLINE_GUID, hashes.cmdline],
    [INITRD_GUID, hashes.initrd],
    [KERNEL_GUID, hashes.kernel],
  ] as const;
  for (const [index, [guid, digest]] of entries.entries()) {
    const at = 18 + index * ENTRY_BYTES;
    table.set(guidBytes(guid), at);
    table.writeUInt16LE(ENTRY_BYTES, at + 16);
    table.set(digest, at + 18);
  }
  return table;
}

/** The zero page that holds the table at `offset`; the caller has checked that it fits. */
export function kernelHashPage(hashes: KernelHashes, offset: number): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  page.set(kernelHashTable(hashes), offset);
  return page;
}

/** Whether the table fits at this offset of a page. */
export function fitsPage(offset: number): boolean {
  return offset + PADDED_TABLE_BYTES <= PAGE_BYTES;
}

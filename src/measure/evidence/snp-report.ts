// AMD SEV-SNP attestation report, versions 2 to 5: 1184 little-endian bytes.
// Layout: SEV Secure Nested Paging Firmware ABI (56860), table "ATTESTATION_REPORT".
import { InvalidRequest } from "../../lib/errors.ts";
import { ByteReader } from "../reader.ts";

const SNP_REPORT_SIZE = 1184;
const SIGNED_SIZE = 0x2a0;
/** ECDSA P-384 with SHA-384 */
const SIGNATURE_ALGORITHM = 1;

export type SnpSigner = "vcek" | "vlek" | "none" | "unknown";

/** Security version numbers; `fmc` exists from Turin on. */
export interface SnpTcb {
  readonly fmc: number | undefined;
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

const tcbParts = ["fmc", "bootloader", "tee", "snp", "microcode"] as const satisfies readonly (keyof SnpTcb)[];

export interface SnpReport {
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: bigint;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly vmpl: number;
  readonly platformInfo: bigint;
  readonly hasAuthorKey: boolean;
  readonly isChipKeyMasked: boolean;
  readonly signer: SnpSigner;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  readonly chipId: Uint8Array;
  /** raw TCB words; how they divide depends on the product */
  readonly currentTcb: Uint8Array;
  readonly reportedTcb: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly launchTcb: Uint8Array;
  /** version 3 and later */
  readonly cpuid: { readonly family: number; readonly model: number; readonly stepping: number } | undefined;
  readonly signedBytes: Uint8Array;
  /** r || s, 48 bytes each, big endian (IEEE P1363) */
  readonly signature: Buffer;
}

export function parseSnpReport(bytes: Uint8Array): SnpReport {
  const reader = new ByteReader(bytes, "SNP report");
  if (bytes.length !== SNP_REPORT_SIZE) reader.fail(`has ${bytes.length} bytes, not ${SNP_REPORT_SIZE}`, 0);
  const version = reader.u32le();
  if (version < 2 || version > 5) reader.fail(`version ${version}, known are 2 to 5`, 0);
  const algorithm = reader.seek(0x34).u32le();
  if (algorithm !== SIGNATURE_ALGORITHM) reader.fail(`signature algorithm ${algorithm}`, 0x34);
  const flags = reader.seek(0x48).u32le();
  const at = (offset: number, size: number): Uint8Array => reader.seek(offset).bytes(size);
  return {
    version,
    guestSvn: reader.seek(0x04).u32le(),
    policy: reader.seek(0x08).u64le(),
    familyId: at(0x10, 16),
    imageId: at(0x20, 16),
    vmpl: reader.seek(0x30).u32le(),
    platformInfo: reader.seek(0x40).u64le(),
    hasAuthorKey: (flags & 1) !== 0,
    isChipKeyMasked: (flags & 2) !== 0,
    signer: ({ 0: "vcek", 1: "vlek", 7: "none" } as const)[(flags >> 2) & 7] ?? "unknown",
    reportData: at(0x50, 64),
    measurement: at(0x90, 48),
    hostData: at(0xc0, 32),
    idKeyDigest: at(0xe0, 48),
    authorKeyDigest: at(0x110, 48),
    reportId: at(0x140, 32),
    chipId: at(0x1a0, 64),
    currentTcb: at(0x38, 8),
    reportedTcb: at(0x180, 8),
    committedTcb: at(0x1e0, 8),
    launchTcb: at(0x1f0, 8),
    cpuid: version < 3 ? undefined : readCpuid(at(0x188, 3)),
    signedBytes: at(0, SIGNED_SIZE),
    signature: Buffer.concat([readScalar(reader, 0x2a0), readScalar(reader, 0x2e8)]),
  };
}

/** Family 0x1A (Turin) put FMC first and moved the others by one. */
export function readSnpTcb(word: Uint8Array, isTurin: boolean): SnpTcb {
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, , , b6 = 0, microcode = 0] = word;
  return isTurin
    ? { fmc: b0, bootloader: b1, tee: b2, snp: b3, microcode }
    : { fmc: undefined, bootloader: b0, tee: b1, snp: b6, microcode };
}

/** Least versions of some parts: `snp=23,microcode=213`, names as in `SnpTcb`. */
export function parseLeastTcb(text: string): Partial<SnpTcb> {
  const least: Partial<Record<keyof SnpTcb, number>> = {};
  for (const item of text.split(",")) {
    const [, name = "", version = ""] = /^\s*([a-z]+)\s*=\s*(\d{1,3})\s*$/.exec(item) ?? [];
    const part = tcbParts.find((known) => known === name);
    if (part === undefined || Number(version) > 255 || least[part] !== undefined) {
      throw new InvalidRequest("min-tcb", `"${item}" is not one PART=0..255 for each of ${tcbParts.join(", ")}`);
    }
    least[part] = Number(version);
  }
  return least;
}

function readCpuid([family = 0, model = 0, stepping = 0]: Uint8Array) {
  return { family, model, stepping };
}

/** A 72-byte little-endian scalar; a P-384 one fits in 48. */
function readScalar(reader: ByteReader, offset: number): Buffer {
  const field = Buffer.from(reader.seek(offset).bytes(72)).reverse();
  if (field.subarray(0, 24).some((byte) => byte !== 0)) reader.fail("a signature scalar above 384 bits", offset);
  return field.subarray(24);
}

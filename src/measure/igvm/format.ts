// The IGVM file format: names and numbers (microsoft/igvm, igvm_defs; format versions 1 and 2).
// Everything is little-endian; headers start at multiples of 8 bytes.

export const IGVM = "IGVM file";
export const MAGIC = 0x4d56_4749;
export const FIXED_HEADER_BYTES = { 1: 24, 2: 32 } as const;
export const CHECKSUM_AT = 20;
export const HEADER_ALIGNMENT = 8;
export const PAGE = 4096;
export const LARGE_PAGE = 0x20_0000;

export const headerTypes = {
  platform: 0x1,
  policy: 0x101,
  relocatableRegion: 0x102,
  pageTableRelocation: 0x103,
  parameterArea: 0x301,
  pageData: 0x302,
  parameterInsert: 0x303,
  vpContext: 0x304,
  requiredMemory: 0x305,
  idBlock: 0x30b,
  errorRange: 0x30d,
  vbsMeasurement: 0x311,
} as const;

/** Directives that only deposit a value in a parameter area. */
export const parameterTypes = {
  775: "VP_COUNT",
  776: "SRAT",
  777: "MADT",
  778: "MMIO_RANGES",
  780: "MEMORY_MAP",
  782: "COMMAND_LINE",
  783: "SLIT",
  784: "PPTT",
  786: "DEVICE_TREE",
  787: "ENVIRONMENT_INFO",
} as const;
export type ParameterKind = (typeof parameterTypes)[keyof typeof parameterTypes];

export const platformTypes = ["native", "vsm", "snp", "tdx", "sev", "seves", "cca"] as const;
export type PlatformType = (typeof platformTypes)[number];

export const pageDataTypes = ["normal", "secrets", "cpuid", "cpuid-xf"] as const;
export type PageDataType = (typeof pageDataTypes)[number];

/** Bits of PAGE_DATA flags. */
export const pageFlags = { large: 1, unmeasured: 2, shared: 4 } as const;

/** Bytes of the SNP_ID_BLOCK structure and its parts. */
export const idBlockLayout = {
  size: 104 + 2 * (144 + 152),
  signatureBytes: 144,
  keyBytes: 152,
  componentBytes: 72,
} as const;

interface At {
  /** file offset of the variable header */
  readonly offset: number;
}

export type IgvmHeader = At &
  (
    | {
        readonly kind: "platform";
        readonly mask: number;
        readonly highestVtl: number;
        readonly platform: PlatformType;
        readonly version: number;
        readonly sharedGpaBoundary: bigint;
      }
    | { readonly kind: "policy"; readonly policy: bigint; readonly mask: number }
    | {
        readonly kind: "parameter-area";
        readonly bytes: number;
        readonly index: number;
        readonly data: Uint8Array | undefined;
      }
    | PageData
    | { readonly kind: "parameter-insert"; readonly gpa: number; readonly mask: number; readonly index: number }
    | VpContext
    | { readonly kind: "required-memory"; readonly gpa: number; readonly mask: number; readonly bytes: number }
    | {
        readonly kind: "parameter";
        readonly parameter: ParameterKind;
        readonly index: number;
        readonly byteOffset: number;
      }
    | {
        readonly kind: "id-block";
        readonly mask: number;
        readonly authorKeyEnabled: boolean;
        readonly idBlock: Uint8Array;
        readonly idAuth: Uint8Array;
      }
    | { readonly kind: "other"; readonly type: number; readonly bytes: Uint8Array }
  );

export interface PageData extends At {
  readonly kind: "page-data";
  readonly gpa: number;
  readonly mask: number;
  readonly type: PageDataType;
  readonly large: boolean;
  readonly unmeasured: boolean;
  readonly shared: boolean;
  /** undefined for a page of zeros; otherwise 4096 bytes, also where `large` is set */
  readonly data: Uint8Array | undefined;
}

export interface VpContext extends At {
  readonly kind: "vp-context";
  readonly gpa: number;
  readonly mask: number;
  readonly vpIndex: number;
  /** 4096 bytes for the SEV platforms, less only at the end of the file */
  readonly data: Uint8Array;
}

export interface IgvmFile {
  readonly formatVersion: 1 | 2;
  /** version 2 only; `x64` is what version 1 means */
  readonly architecture: "x64" | "aarch64";
  readonly pageSize: number;
  /** all variable headers in file order */
  readonly headers: readonly IgvmHeader[];
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

/** CRC-32 (IEEE 802.3) over both headers, with the checksum field zero. */
export function headerChecksum(headers: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const [index, byte] of headers.entries()) {
    const value = index >= CHECKSUM_AT && index < CHECKSUM_AT + 4 ? 0 : byte;
    crc = (crcTable[(crc ^ value) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

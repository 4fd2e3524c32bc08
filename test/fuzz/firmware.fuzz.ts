// Fuzz targets of what firmware ships: OVMF's tables and variables, TDX metadata, IGVM files, and what is
// computed from them. The IGVM checksum would stop nearly every mutation, so it is made right again.
import { InvalidRequest } from "../../src/lib/errors.ts";
import { parseTcgLog } from "../../src/measure/eventlog/tcg-log.ts";
import { CHECKSUM_AT, headerChecksum } from "../../src/measure/igvm/format.ts";
import { measureIgvm } from "../../src/measure/igvm/measure-igvm.ts";
import { parseIgvm } from "../../src/measure/igvm/parse.ts";
import { validateForQemu } from "../../src/measure/igvm/validate-for-qemu.ts";
import { type IgvmPart, writeIgvm } from "../../src/measure/igvm/write.ts";
import { firmwareGuids, parseOvmf } from "../../src/measure/ovmf.ts";
import { parseVariableStore } from "../../src/measure/ovmf-variables.ts";
import { guidBytes, MalformedInput } from "../../src/measure/reader.ts";
import { snpLayout } from "../../src/measure/snp/launch-digest.ts";
import { allocatedBlobs } from "../../src/measure/tdx/acpi-tables.ts";
import { measureMrtd } from "../../src/measure/tdx/mrtd.ts";
import { reconcileWithLog, replayRtmrEvents } from "../../src/measure/tdx/rtmr.ts";
import { predictRtmrEvents } from "../../src/measure/tdx/rtmr-events.ts";
import { parseTdvf } from "../../src/measure/tdx/tdvf.ts";
import { plainLoader } from "../support/acpi-loader.ts";
import { firmwareImage, sevMetadata, u32 } from "../support/firmware-image.ts";
import { minimalIgvm } from "../support/igvm-image.ts";
import { standardMemory, standardSections, tdvfTable } from "../support/tdvf-image.ts";
import { optionalFixture } from "../support/tools.ts";
import type { FuzzTarget } from "./target.ts";

const SIZE = 4096;
const SEV_AT = 0xe00;
const TDX_AT = 0xd00;

/** The tail of a firmware with all tables close to its end, where mutations are likely to meet them. */
function seed(): Buffer {
  const sections = [
    [0x800000, 0x9000, 1],
    [0x80d000, 0x1000, 2],
    [0x80e000, 0x1000, 3],
    [0x80f000, 0x1000, 4],
    [0x810000, 0x1000, 0x10],
  ] as const;
  return firmwareImage({
    size: SIZE,
    entries: [
      [firmwareGuids.sevEsReset, u32(0x80b004)],
      [firmwareGuids.sevHashTable, u32(0x810c00, 0x400)],
      [firmwareGuids.sevMetadata, u32(SIZE - SEV_AT)],
      [firmwareGuids.tdxMetadata, u32(SIZE - TDX_AT)],
    ],
    patches: [
      [SEV_AT, sevMetadata(sections)],
      [TDX_AT, tdvfTable(standardMemory)],
    ],
  });
}

/** The tables alone, at the end of a small file. */
function tdvfSeed(): Buffer {
  const entries = [[firmwareGuids.tdxMetadata, u32(1024)]] as const;
  return firmwareImage({ size: 1024, entries, patches: [[0, tdvfTable(standardMemory)]] });
}

/** A volume of variables like a vendor build's, small. */
function variableVolume(): Buffer {
  const variable = (name: string, data: Uint8Array): Buffer => {
    const text = Buffer.from(`${name}\0`, "utf16le");
    const head = Buffer.alloc(60);
    head.writeUInt16LE(0x55aa, 0);
    head[2] = 0x3f;
    head.set(u32(text.length, data.length), 36);
    const bytes = Buffer.concat([head, text, data]);
    return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  };
  const variables = Buffer.concat([variable("PK", Buffer.alloc(33, 1)), variable("db", Buffer.alloc(70, 2))]);
  const volume = Buffer.alloc(72 + 28 + 512, 0xff);
  volume.fill(0, 0, 100);
  volume.set(guidBytes("fff12b8d-7696-4c8b-a985-2747075b4f50"), 16);
  volume.writeUInt16LE(72, 48);
  volume.set(guidBytes("aaf32c78-947b-439a-a180-2e144ec37792"), 72);
  volume.set(u32(28 + 512), 88);
  volume.set(variables, 100);
  return volume;
}

const headersOnly: readonly IgvmPart[] = [
  { kind: "platform", platform: "snp", mask: 1 },
  { kind: "platform", platform: "native", mask: 2 },
  { kind: "policy", policy: 0x30000n, mask: 1 },
  { kind: "parameter-area", bytes: 0x2000, index: 0 },
  { kind: "parameter", parameter: "VP_COUNT", index: 0, byteOffset: 0 },
  { kind: "parameter-insert", gpa: 0x1000, mask: 1, index: 0 },
  { kind: "required-memory", gpa: 0x100000, mask: 3, bytes: 0x4000 },
  { kind: "page-data", gpa: 0x3000, mask: 3 },
  { kind: "page-data", gpa: 0x4000, mask: 1, type: "secrets" },
  { kind: "page-data", gpa: 0x5000, mask: 1, type: "cpuid" },
  { kind: "id-block", mask: 1, idBlock: new Uint8Array(96), idAuth: new Uint8Array(4096) },
];

export const targets: readonly FuzzTarget[] = [
  {
    name: "ovmf",
    seeds: () => [seed().subarray(TDX_AT - 0x100), seed()],
    run(bytes) {
      const firmware = parseOvmf(bytes);
      attempt(() => snpLayout(firmware));
      attempt(() => predictRtmrEvents({ sections: parseTdvf(firmware), memoryMiB: 2048 }));
    },
  },
  {
    name: "tdvf",
    seeds: () => [tdvfSeed()],
    run(bytes) {
      const small = parseTdvf(parseOvmf(bytes)).filter((section) => section.memoryBytes <= 1 << 20);
      measureMrtd(small, "singlePass");
    },
  },
  {
    name: "variables",
    seeds: () => [variableVolume()],
    run: (bytes) => void parseVariableStore(bytes),
  },
  {
    name: "igvm",
    seeds: () => [writeIgvm(headersOnly), writeIgvm(headersOnly, { formatVersion: 2 }), minimalIgvm()],
    run(bytes) {
      const file = parseIgvm(resealed(bytes));
      validateForQemu(file);
      measureIgvm(file);
    },
  },
  { name: "acpi-loader", seeds: () => [plainLoader], run: (bytes) => void allocatedBlobs(bytes) },
  {
    name: "rtmr",
    seeds: () => {
      const log = optionalFixture("tdx/CCEL_data_ovmf");
      return log === undefined ? [] : [log.subarray(0, parseTcgLog(log).size + 16)];
    },
    run(bytes) {
      const predicted = predictRtmrEvents({ sections: standardSections(), memoryMiB: 2048 });
      replayRtmrEvents(reconcileWithLog(predicted, parseTcgLog(bytes)).events);
    },
  },
];

/** Independent consumers of one parse: a refusal by the first must not hide the second. */
function attempt(consumer: () => unknown): void {
  try {
    consumer();
  } catch (error) {
    if (!(error instanceof MalformedInput || error instanceof InvalidRequest)) throw error;
  }
}

/** The same bytes with length and checksum corrected, where they are long enough to have any. */
function resealed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 24) return bytes;
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(copy.length, 16);
  const end = copy.readUInt32LE(8) + copy.readUInt32LE(12);
  if (end <= copy.length) copy.writeUInt32LE(headerChecksum(copy.subarray(0, end)), CHECKSUM_AT);
  return copy;
}

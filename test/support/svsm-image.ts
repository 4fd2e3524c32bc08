// A firmware and an SVSM binary for it, small: the shape that `--mode snp:svsm` measures.
import { firmwareGuids } from "../../src/measure/ovmf.ts";
import { firmwareImage, sevMetadata, u32 } from "./firmware-image.ts";

export const svsmVarsBytes = 0x3000;
/** Where the SVSM is entered, from its first byte. */
const ENTRY = 0x1230;

export function svsmFirmware(): Buffer {
  return firmwareImage({ size: 0x2000, entries: [], patches: [[0, Buffer.alloc(0x1000, "OVMF")]] });
}

export function svsmBinary(): Buffer {
  const metadata = sevMetadata([
    [0x8000_0000, 0x3000, 1],
    [0x8000_4000, 0x1000, 2],
    [0x8000_5000, 0x1000, 3],
    [0x8000_6000, 0x2000, 4],
  ]);
  const size = 0x5000;
  return firmwareImage({
    size,
    entries: [
      [firmwareGuids.svsmInfo, u32(ENTRY)],
      [firmwareGuids.sevMetadata, u32(0x1000)],
    ],
    patches: [
      [0, Buffer.alloc(0x1800, "SVSM")],
      [size - 0x1000, metadata],
    ],
  });
}

// The Authenticode digest of a PE image: what the firmware extends into PCR 4 for each image it
// loads. Layout: Windows Authenticode PE Signature Format, "Calculating the PE Image Hash".
import { createHash } from "node:crypto";
import type { PcrBank } from "../tpm/pcr.ts";
import type { PeImage } from "./pe.ts";

export function measureAuthenticode(image: PeImage, bank: PcrBank): Buffer {
  const { bytes, checksumOffset, certificateEntryOffset, sizeOfHeaders } = image;
  const hash = createHash(bank);
  hash.update(bytes.subarray(0, checksumOffset));
  const entry = certificateEntryOffset ?? sizeOfHeaders;
  hash.update(bytes.subarray(checksumOffset + 4, entry));
  hash.update(bytes.subarray(entry + (certificateEntryOffset === undefined ? 0 : 8), sizeOfHeaders));
  let hashed = sizeOfHeaders;
  for (const section of [...image.sections].sort((a, b) => a.rawOffset - b.rawOffset)) {
    if (section.rawSize === 0) continue;
    hash.update(bytes.subarray(section.rawOffset, section.rawOffset + section.rawSize));
    hashed += section.rawSize;
  }
  const end = bytes.length - image.certificateSize;
  if (end > hashed) hash.update(bytes.subarray(hashed, end));
  return hash.digest();
}

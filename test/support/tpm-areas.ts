// TPM public areas and SVSM manifests for tests.
import { guidBytes } from "../../src/measure/reader.ts";

/** TPMT_PUBLIC of an RSA-2048 endorsement key by the TCG template L-1, with a made-up modulus. */
export const RSA_EK_AREA = Buffer.concat([
  Buffer.from("0001000b000300b2", "hex"),
  Buffer.from("0020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa", "hex"),
  Buffer.from("00060080004300100800000000000100", "hex"),
  Buffer.from([0xc1]),
  Buffer.alloc(254, 0x5a),
  Buffer.from([0x0b]),
]);

/** The manifest of all services, with the vTPM's in it (SVSM specification, attestation protocol). */
export function servicesManifest(vtpm: Uint8Array): Buffer {
  const entry = Buffer.alloc(24);
  entry.set(guidBytes("c476f1eb-0123-45a5-9641-b4e7dde5bfe3"));
  entry.writeUInt32LE(48, 16);
  entry.writeUInt32LE(vtpm.length, 20);
  const head = Buffer.alloc(24);
  head.set(guidBytes("63849ebb-3d92-4670-a1ff-58f9c94b87bb"));
  head.writeUInt32LE(48 + vtpm.length, 16);
  head.writeUInt32LE(1, 20);
  return Buffer.concat([head, entry, vtpm]);
}

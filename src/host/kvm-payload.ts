// A 64 KiB firmware image that only proves that a guest can run: kvm-payload.S, assembled.
const code = [
  "fafc31c08ed88ed0bc0070dbe3d9e8d9ebdec1dd1e00052e660f011620010f20c06683c8010f22c066ea3000ffff0800",
  "66b810008ed88ec08ed0bc00700000dbe3d9e8dd1d08050000bf0000010031c0b900180000f3abc70500000100031001",
  "00c7050010010003200100c7050810010003300100c7051010010003400100c7051810010003500100bf00200100b883",
  "000000b9000800008907050000200083c708e2f40f20e00d200600000f22e0b8000001000f22d8b9800000c00f320d00",
  "0100000f300f20c083e0fb0d020000800f22c0eada00ffff1800dbe3d9ebdd1c25100500000f57c00f11042520050000",
  "b8010000000fa2b02ae6f4f4ebfd66900000000000000000ffff0000009bcf00ffff00000093cf00ffff0000009baf00",
  "1f000001ffff",
].join("");
// The CPU starts sixteen bytes below 4 GiB, where the image ends: jmp to its first byte.
const resetVector = "e90d0000000000000000000000000000";
const imageBytes = 0x10000;

/** What QEMU exits with when all of the payload ran: isa-debug-exit gives 2 * value + 1. */
export const kvmPayloadExitCode = 2 * 0x2a + 1;

export function renderKvmPayload(): Buffer {
  const image = Buffer.alloc(imageBytes);
  image.write(code, 0, "hex");
  image.write(resetVector, imageBytes - resetVector.length / 2, "hex");
  return image;
}

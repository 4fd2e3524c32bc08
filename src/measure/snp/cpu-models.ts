// QEMU's EPYC models by CPUID signature: it is the reset value of RDX, lies in the VMSA and is measured.
// All versions (-v1, -v2, ...) of a model share family, model and stepping (qemu target/i386/cpu.c).
import { InvalidRequest } from "../../lib/errors.ts";

const models: Readonly<Record<string, readonly [family: number, model: number, stepping: number]>> = {
  EPYC: [23, 1, 2],
  "EPYC-IBPB": [23, 1, 2],
  "EPYC-Rome": [23, 49, 0],
  "EPYC-Milan": [25, 1, 1],
  "EPYC-Genoa": [25, 17, 0],
  "EPYC-Turin": [26, 0, 0],
};

/** CPUID Fn0000_0001_EAX of family, model and stepping (AMD publication 25481). */
export function cpuidSignature(family: number, model: number, stepping: number): number {
  const [base, extended] = family > 0xf ? [0xf, (family - 0xf) & 0xff] : [family, 0];
  return (extended << 20) | (((model >> 4) & 0xf) << 16) | (base << 8) | ((model & 0xf) << 4) | (stepping & 0xf);
}

/** Model name as given to `-cpu` (`EPYC-v4`), a number (`0x800f12`), or `family,model,stepping`. */
export function parseVcpuType(text: string): number {
  if (/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) && Number(text) <= 0xffff_ffff) return Number(text);
  const parts = /^(\d{1,3}),(\d{1,3}),(\d{1,2})$/.exec(text);
  if (parts) return cpuidSignature(Number(parts[1]), Number(parts[2]), Number(parts[3]));
  const name = text.replace(/-v\d{1,2}$/, "");
  const found = Object.hasOwn(models, name) ? models[name] : undefined;
  if (!found) {
    throw new InvalidRequest(
      "vcpu-type",
      `"${text}" is none of ${Object.keys(models).join(", ")} (with or without -vN)`,
    );
  }
  return cpuidSignature(...found);
}

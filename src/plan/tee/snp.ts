// AMD SEV-SNP. Kernel hashes exist only with OVMF and a kernel from QEMU: with an IGVM file the
// firmware's metadata is not read, and the UKI is measured by the SVSM's vTPM instead.
import { EnvironmentLacks } from "../../lib/errors.ts";
import type { PodInitdata } from "../initdata.ts";
import type { LaunchInputs } from "../inputs.ts";
import type { TeePlan } from "../launch-plan.ts";

export function planSnp({ config, host }: LaunchInputs, initdata: PodInitdata | undefined): TeePlan {
  requireObject(host.qemu.objects, host.qemu.version);
  const cbitpos = config.snp.cbitpos || host.snp.cbitpos;
  const reducedPhysBits = config.snp.reducedPhysBits || host.snp.reducedPhysBits;
  if (cbitpos === 0 || reducedPhysBits === 0) {
    throw new EnvironmentLacks(
      `the position of the encryption bit is unknown (${host.snp.origin})`,
      "run on a host with SEV-SNP, or set snp.cbitpos and snp.reduced_phys_bits",
    );
  }
  const { idBlock, idAuth, authorKey, policy, guestFeatures } = config.snp;
  return {
    kind: "snp",
    cbitpos,
    reducedPhysBits,
    policy,
    kernelHashes: config.paths.igvm === "",
    guestFeatures,
    ...(initdata === undefined ? {} : { hostData: initdata.hostData }),
    ...(idBlock === "" ? {} : { idBlock: { block: idBlock, auth: idAuth, authorKey } }),
  };
}

function requireObject(objects: readonly string[], version: string): void {
  if (objects.includes("sev-snp-guest")) return;
  throw new EnvironmentLacks(
    `this QEMU (${version}) has no sev-snp-guest object`,
    "use QEMU 9.1 or newer, and check that paths.qemu names the one you mean",
  );
}

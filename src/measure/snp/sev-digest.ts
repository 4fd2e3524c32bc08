// SEV and SEV-ES launch digests: one SHA-256 over the firmware, the padded kernel hash table and, for
// SEV-ES, the VMSA pages (SEV API 0.24, 6.5.1). The measurement that the PSP reports is an HMAC over it.
import { createHash } from "node:crypto";
import { InvalidRequest } from "../../lib/errors.ts";
import { toAddress, toHex } from "../hex.ts";
import { type KernelHashes, kernelHashTable } from "../kernel-hashes.ts";
import type { OvmfFirmware } from "../ovmf.ts";
import type { Step, Trail } from "../trail.ts";
import { checkVcpus, hashParts } from "./launch-digest.ts";
import { BSP_EIP, type Vmm, vmsaPage } from "./vmsa.ts";

export interface SevInputs {
  readonly firmware: OvmfFirmware;
  readonly kernelHashes?: KernelHashes;
  /** SEV-ES: the vCPUs whose state is measured; absent for plain SEV */
  readonly es?: { readonly vcpus: number; readonly vcpuSignature: number; readonly vmm: Vmm };
}

export interface SevMeasurement {
  /** 32 bytes, GCTX.LD */
  readonly digest: Buffer;
  readonly trail: Trail;
}

export function measureSev(inputs: SevInputs): SevMeasurement {
  const { firmware, kernelHashes, es } = inputs;
  const sha = createHash("sha256");
  const steps: Step[] = [];
  const add = (bytes: Uint8Array, step: Pick<Step, "label" | "setting" | "event" | "parts">): void => {
    sha.update(bytes);
    const digest = createHash("sha256").update(bytes).digest("hex");
    steps.push({ ...step, bytes: bytes.length, digest, running: sha.copy().digest("hex") });
  };
  add(firmware.bytes, { label: "firmware", setting: "--ovmf", event: "LAUNCH_UPDATE_DATA" });
  if (kernelHashes) {
    if (!firmware.hashTable?.base) {
      throw new InvalidRequest("kernel", "the firmware has no place for kernel hashes");
    }
    const parts = hashParts(kernelHashes);
    add(kernelHashTable(kernelHashes), {
      label: "kernel hashes",
      setting: "--kernel",
      event: "LAUNCH_UPDATE_DATA",
      parts,
    });
  }
  if (es) addVcpus(es, firmware, add);
  const digest = sha.digest();
  const trail: Trail = { register: "sev", algorithm: "sha256", initial: "", steps, value: toHex(digest) };
  return { digest, trail };
}

type Add = (bytes: Uint8Array, step: Pick<Step, "label" | "setting" | "event" | "parts">) => void;

function addVcpus(es: NonNullable<SevInputs["es"]>, firmware: OvmfFirmware, add: Add): void {
  const { vcpus, vcpuSignature: signature, vmm } = es;
  const { apResetEip } = firmware;
  checkVcpus(vcpus, apResetEip);
  const parts = [
    { label: "VMM", setting: "--vmm", value: vmm },
    { label: "CPU signature", setting: "--vcpu-type", value: toAddress(signature) },
  ];
  for (let index = 0; index < vcpus; index++) {
    const eip = index === 0 ? BSP_EIP : (apResetEip ?? BSP_EIP);
    const page = vmsaPage({ vmm, eip, signature, features: 0n });
    add(page, { label: `vCPU ${index}`, setting: "--vcpus", event: "LAUNCH_UPDATE_VMSA", parts });
  }
}

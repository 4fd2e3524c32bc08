// KVM or TCG. A confidential guest goes to KVM whatever a self-test of ordinary guests says:
// there is no other way to run it, and QEMU itself names what is missing.
import type { RuntimeConfig } from "../config/schema.ts";
import type { HostFacts } from "./inputs.ts";

export function chooseAccelerator({ vm }: RuntimeConfig, host: HostFacts): "kvm" | "tcg" {
  if (vm.accelerator === "tcg") return "tcg";
  if (vm.tee !== "none" || vm.accelerator === "kvm") return "kvm";
  return host.kvm.usable ? "kvm" : "tcg";
}

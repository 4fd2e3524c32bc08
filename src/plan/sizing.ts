// How large the VM is. It is sized once, before it starts: confidential guests can gain neither
// CPUs nor memory. CPU counts come from a short ladder, since each count has its own digest.
import type { RuntimeConfig } from "../config/schema.ts";
import { InvalidRequest } from "../lib/errors.ts";
import { criSandboxCpuPeriod, criSandboxCpuQuota, criSandboxMemory } from "../oci/cri-annotations.ts";

type Annotations = Readonly<Record<string, string>>;

const mebibyte = 1024 * 1024;
/** Below this the guest's own kernel and agent do not fit. */
const leastMemoryMiB = 256;
/** QEMU wants whole pages of memory in each class of page; 2 MiB pages are the largest used. */
const memoryStepMiB = 2;

export interface VmSize {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

export function planSize(config: RuntimeConfig, annotations: Annotations): VmSize {
  return { vcpus: planVcpus(config, annotations), memoryMiB: planMemory(config, annotations) };
}

function planVcpus(config: RuntimeConfig, annotations: Annotations): number {
  const quota = limitOf(annotations, criSandboxCpuQuota);
  const period = limitOf(annotations, criSandboxCpuPeriod) ?? 100_000;
  const wanted = quota === undefined ? config.vm.defaultVcpus : Math.max(1, Math.ceil(quota / period));
  const rung = config.vm.vcpuClasses.find((vcpus) => vcpus >= wanted);
  if (rung !== undefined) return rung;
  const largest = config.vm.vcpuClasses.at(-1) ?? 0;
  throw new InvalidRequest(
    fieldOf(criSandboxCpuQuota),
    `asks for ${wanted} CPUs, the largest of vm.vcpu_classes is ${largest}`,
  );
}

function planMemory(config: RuntimeConfig, annotations: Annotations): number {
  const limit = limitOf(annotations, criSandboxMemory);
  if (limit === undefined) return config.vm.defaultMemory;
  const wanted = Math.ceil(limit / mebibyte) + config.vm.memoryOverhead;
  if (wanted > maxMemoryMiB) throw new InvalidRequest(fieldOf(criSandboxMemory), `asks for ${wanted} MiB`);
  return Math.max(leastMemoryMiB, Math.ceil(wanted / memoryStepMiB) * memoryStepMiB);
}

const maxMemoryMiB = 16 * mebibyte;

/** A positive number; absent, zero and negative mean: no limit. */
function limitOf(annotations: Annotations, name: string): number | undefined {
  const text = annotations[name];
  if (text === undefined) return undefined;
  if (!/^-?\d{1,16}$/.test(text)) throw new InvalidRequest(fieldOf(name), `${JSON.stringify(text)} is no whole number`);
  const value = Number(text);
  return value > 0 ? value : undefined;
}

function fieldOf(name: string): string {
  return `annotations["${name}"]`;
}

// How large the VM is when it starts, and how far it may grow. A confidential guest can gain neither
// CPUs nor memory; elsewhere it is the configuration's choice. CPU counts come from a short ladder, since
// each count has its own digest.
import type { RuntimeConfig } from "../config/schema.ts";
import { InvalidRequest } from "../lib/errors.ts";
import { criSandboxCpuPeriod, criSandboxCpuQuota, criSandboxMemory } from "../oci/cri-annotations.ts";
import type { PodRequest } from "./inputs.ts";
import { growthStepMiB, mebibyte, milliCpusOf, type VmSize } from "./limits.ts";

type Annotations = Readonly<Record<string, string>>;
type Limits = Pick<PodRequest, "annotations" | "limits">;

/** Below this the guest's own kernel and agent do not fit. */
const leastMemoryMiB = 256;
/** QEMU wants whole pages of memory in each class of page; 2 MiB pages are the largest used. */
const memoryStepMiB = 2;

export interface PlannedSize {
  readonly start: VmSize;
  /** equal to `start` where the VM keeps its size */
  readonly most: VmSize;
}

/** The pod's limits are the sum that containerd annotates, or those of a container that is its own pod. */
export function planSize(config: RuntimeConfig, pod: Limits, accelerator: "kvm" | "tcg"): PlannedSize {
  const start = { vcpus: planVcpus(config, pod), memoryMiB: planMemory(config, pod) };
  const { vm, container } = config;
  if (vm.tee !== "none" || container.staticResources) return { start, most: start };
  const spareMiB = Math.max(0, vm.maxMemory - start.memoryMiB);
  return {
    start,
    most: {
      // Linux takes later CPUs only from hypervisors that it knows, and it does not know TCG
      vcpus: accelerator === "kvm" ? Math.max(start.vcpus, vm.maxVcpus) : start.vcpus,
      memoryMiB: start.memoryMiB + Math.floor(spareMiB / growthStepMiB) * growthStepMiB,
    },
  };
}

function planVcpus(config: RuntimeConfig, pod: Limits): number {
  const { vm } = config;
  const { field, value } = limitOf(pod, criSandboxCpuQuota, "milliCpus");
  const wanted = value === undefined ? vm.defaultVcpus : Math.max(1, Math.ceil(value / 1000));
  requireAtMost(config, { field, wanted, most: vm.maxVcpus, key: "vm.max_vcpus", unit: "CPUs" });
  const rung = vm.vcpuClasses.find((vcpus) => vcpus >= wanted);
  if (rung !== undefined) return rung;
  const largest = vm.vcpuClasses.at(-1) ?? 0;
  throw new InvalidRequest(field, `asks for ${wanted} CPUs, the largest of vm.vcpu_classes is ${largest}`);
}

function planMemory(config: RuntimeConfig, pod: Limits): number {
  const { vm } = config;
  const { field, value } = limitOf(pod, criSandboxMemory, "memoryBytes");
  if (value === undefined) return vm.defaultMemory;
  const wanted = Math.ceil(value / mebibyte) + vm.memoryOverhead;
  const unit = "MiB with the guest's own";
  requireAtMost(config, { field, wanted, most: vm.maxMemory, key: "vm.max_memory", unit });
  if (wanted > maxMemoryMiB) throw new InvalidRequest(field, `asks for ${wanted} MiB`);
  return Math.max(leastMemoryMiB, Math.ceil(wanted / memoryStepMiB) * memoryStepMiB);
}

interface Bound {
  readonly field: string;
  readonly wanted: number;
  readonly most: number;
  readonly key: string;
  readonly unit: string;
}

/**
 * A pod must not start larger than it could grow: cut down, its containers would be promised what its VM never
 * gets. A VM that keeps its size has no such bound.
 */
function requireAtMost({ vm, container }: RuntimeConfig, { field, wanted, most, key, unit }: Bound): void {
  if (vm.tee !== "none" || container.staticResources || wanted <= most) return;
  throw new InvalidRequest(field, `asks for ${wanted} ${unit}, the largest VM has ${most} (${key})`);
}

const maxMemoryMiB = 16 * mebibyte;

function limitOf({ annotations, limits }: Limits, name: string, own: keyof typeof ownFields) {
  const annotated = own === "milliCpus" ? annotatedMilliCpus(annotations) : readNumber(annotations, name);
  if (annotated !== undefined || limits?.[own] === undefined) return { field: fieldOf(name), value: annotated };
  return { field: ownFields[own], value: limits[own] };
}

const ownFields = { milliCpus: "linux.resources.cpu.quota", memoryBytes: "linux.resources.memory.limit" } as const;

function annotatedMilliCpus(annotations: Annotations): number | undefined {
  const quota = readNumber(annotations, criSandboxCpuQuota);
  return quota === undefined ? undefined : milliCpusOf(quota, readNumber(annotations, criSandboxCpuPeriod) ?? 0);
}

/** A positive number; absent, zero and negative mean: no limit. */
function readNumber(annotations: Annotations, name: string): number | undefined {
  const text = annotations[name];
  if (text === undefined) return undefined;
  if (!/^-?\d{1,16}$/.test(text)) throw new InvalidRequest(fieldOf(name), `${JSON.stringify(text)} is no whole number`);
  const value = Number(text);
  return value > 0 ? value : undefined;
}

function fieldOf(name: string): string {
  return `annotations["${name}"]`;
}

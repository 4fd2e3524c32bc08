// How a running VM changes its size: the QMP commands for one change, and what takes each back. CPUs are
// only added, since the limits hold in the guest's cgroups whatever their number; memory goes both ways, as far as
// the guest gives it back (virtio 1.2, section 5.15).
import { EnvironmentLacks, InvalidRequest, Unsupported } from "../lib/errors.ts";
import type { LaunchPlan } from "./launch-plan.ts";
import { type ContainerLimits, growingMemory, growthStepMiB, mebibyte, sumLimits, type VmSize } from "./limits.ts";
import type { QmpStep } from "./qmp-steps.ts";

/** A place for a CPU, as `query-hotpluggable-cpus` describes it. */
export interface CpuPlace {
  readonly type: string;
  readonly props: Readonly<Record<string, unknown>>;
  /** only when a CPU is there */
  readonly "qom-path"?: string;
}

export interface ResizeStep {
  readonly step: QmpStep;
  readonly undo: QmpStep;
}

export interface SizeRange {
  readonly start: VmSize;
  readonly most: VmSize;
}

export function sizeRange({ cpu, memory }: LaunchPlan): SizeRange {
  const start = { vcpus: cpu.vcpus, memoryMiB: memory.sizeMiB };
  return { start, most: { vcpus: cpu.maxVcpus ?? cpu.vcpus, memoryMiB: memory.maxMiB ?? memory.sizeMiB } };
}

/** What the limits need, in steps the VM can take, never less than it started with; possibly more than it can have. */
export function sizeFor(limits: Iterable<ContainerLimits>, { start }: SizeRange, memoryOverheadMiB: number): VmSize {
  const { milliCpus, memoryBytes } = sumLimits(limits);
  const needMiB = memoryBytes === 0 ? 0 : Math.ceil(memoryBytes / mebibyte) + memoryOverheadMiB;
  const steps = Math.max(0, Math.ceil((needMiB - start.memoryMiB) / growthStepMiB));
  return {
    vcpus: Math.max(start.vcpus, Math.ceil(milliCpus / 1000)),
    memoryMiB: start.memoryMiB + steps * growthStepMiB,
  };
}

/** Why the VM cannot be as large as its containers' limits need. */
export interface SizeProblem {
  readonly error: InvalidRequest | Unsupported;
  /** nothing could make this VM larger; otherwise the configuration could */
  readonly isFixed: boolean;
}

/** Only what is above `most`, and not already needed `before`. */
export function sizeProblems(
  wanted: VmSize,
  { before, range, launchClass }: { before: VmSize; range: SizeRange; launchClass: string },
): SizeProblem[] {
  return dimensions
    .filter(({ name }) => wanted[name] > Math.max(before[name], range.most[name]))
    .map(({ name, field, key, say }) => {
      const asked = `the limits of the pod's containers add up to ${say(wanted[name])}`;
      const most = say(range.most[name]);
      if (range.start[name] !== range.most[name]) {
        return { error: new InvalidRequest(field, `${asked}, its VM grows to ${most} (${key})`), isFixed: false };
      }
      const what = `more than the ${most} that the pod's VM started with`;
      const error = new Unsupported(what, `${asked}, and class "${launchClass}" keeps its size here; ${startAnew}`);
      return { error, isFixed: true };
    });
}

const startAnew = "start the pod anew with these limits";

const dimensions = [
  { name: "vcpus", field: "linux.resources.cpu.quota", key: "vm.max_vcpus", say: (count: number) => `${count} CPUs` },
  {
    name: "memoryMiB",
    field: "linux.resources.memory.limit",
    key: "vm.max_memory",
    say: (count: number) => `${count} MiB with the guest's own`,
  },
] as const;

export function atMost(wanted: VmSize, { most }: SizeRange): VmSize {
  return {
    vcpus: Math.min(wanted.vcpus, most.vcpus),
    memoryMiB: Math.min(wanted.memoryMiB, most.memoryMiB),
  };
}

/** In the order to run them; `memoryMiB` is what was last asked of the guest. */
export function planResize(
  now: { readonly memoryMiB: number; readonly places: readonly CpuPlace[] },
  wanted: VmSize,
  { start }: SizeRange,
): ResizeStep[] {
  const present = now.places.filter((place) => place["qom-path"] !== undefined).length;
  // QEMU names the last place first
  const free = now.places.filter((place) => place["qom-path"] === undefined).reverse();
  const missing = Math.max(0, wanted.vcpus - present);
  if (missing > free.length) {
    throw new EnvironmentLacks(`QEMU has ${free.length} free places for ${missing} CPUs`, "raise vm.max_vcpus");
  }
  return [
    ...(wanted.memoryMiB === now.memoryMiB
      ? []
      : [{ step: askMemory(wanted.memoryMiB - start.memoryMiB), undo: askMemory(now.memoryMiB - start.memoryMiB) }]),
    ...free.slice(0, missing).map(plugCpu),
  ];
}

function askMemory(grownMiB: number): QmpStep {
  const value = grownMiB * mebibyte;
  return { execute: "qom-set", arguments: { path: growingMemory, property: "requested-size", value } };
}

function plugCpu({ type, props }: CpuPlace): ResizeStep {
  const id = ["cpu", ...Object.values(props)].join("-");
  return {
    step: { execute: "device_add", arguments: { driver: type, id, ...props } },
    undo: { execute: "device_del", arguments: { id } },
  };
}

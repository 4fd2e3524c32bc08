// Resources of the agent protocol -> OCI resources for cgroup v2. On the wire "unset" and 0 are the
// same, so zero and negative numbers mean "no limit"; knobs that cgroup v2 lacks are dropped, because
// the runtime would refuse the container for them.
import type * as Oci from "../oci/types.ts";
import type * as Wire from "../wire/gen/kata/oci.ts";

/** Devices that nobody allowed are denied; the runtime adds the usual ones (null, zero, tty, ...). */
export function convertResources(
  resources: Wire.LinuxResources | undefined,
  devices: readonly Oci.Device[],
): Oci.Resources {
  return {
    devices: [
      { allow: false, access: "rwm" },
      ...devices.map(allowRule),
      ...(resources?.Devices ?? []).map(convertRule),
    ],
    ...convertLimits(resources),
  };
}

export function convertLimits(resources: Wire.LinuxResources | undefined): Oci.Resources {
  if (resources === undefined) return {};
  const memory = resources.Memory && convertMemory(resources.Memory);
  const cpu = resources.CPU && convertCpu(resources.CPU);
  const pids = positive(resources.Pids?.Limit ?? 0n);
  return {
    ...(memory === undefined ? {} : { memory }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    hugepageLimits: resources.HugepageLimits.map((limit) => ({
      pageSize: limit.Pagesize,
      limit: limit.Limit,
    })),
  };
}

function convertMemory(memory: Wire.LinuxMemory): Oci.MemoryResources {
  return defined({
    limit: positive(memory.Limit),
    reservation: positive(memory.Reservation),
    swap: positive(memory.Swap),
  });
}

function convertCpu(cpu: Wire.LinuxCPU): Oci.CpuResources {
  return defined({
    shares: positive(cpu.Shares),
    quota: positive(cpu.Quota),
    period: positive(cpu.Period),
    cpus: cpu.Cpus === "" ? undefined : cpu.Cpus,
    mems: cpu.Mems === "" ? undefined : cpu.Mems,
  });
}

function convertRule(rule: Wire.LinuxDeviceCgroup): Oci.DeviceCgroup {
  return {
    allow: rule.Allow,
    access: rule.Access,
    ...(rule.Type === "" ? {} : { type: rule.Type }),
    // 0 stands for "any" on the wire
    ...(rule.Major === 0n ? {} : { major: rule.Major }),
    ...(rule.Minor === 0n ? {} : { minor: rule.Minor }),
  };
}

function allowRule(device: Oci.Device): Oci.DeviceCgroup {
  const { type, major = 0, minor = 0 } = device;
  return { allow: true, type, major, minor, access: "rwm" };
}

function positive(value: bigint): bigint | undefined {
  return value > 0n ? value : undefined;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}

// The OCI spec in the agent protocol's own message (oci.proto). Names that the real agent does not
// know make it panic without an answer (agent-protocol §6), so they are refused here, by field.
import { InvalidRequest } from "../lib/errors.ts";
import type { IdMapping, Linux, Mount, Process, Resources, Seccomp, Spec } from "../oci/types.ts";
import type * as agent from "../wire/gen/kata/oci.ts";
import type { Init } from "../wire/message.ts";

export function toAgentSpec(spec: Spec): Init<agent.Spec> {
  return {
    Version: spec.ociVersion,
    Process: spec.process === undefined ? undefined : toAgentProcess(spec.process),
    Root: spec.root === undefined ? undefined : { Path: spec.root.path, Readonly: spec.root.readonly },
    Hostname: spec.hostname,
    Mounts: (spec.mounts ?? []).map(toAgentMount),
    Annotations: spec.annotations,
    Linux: spec.linux === undefined ? undefined : toAgentLinux(spec.linux),
  };
}

export function toAgentProcess(process: Process): Init<agent.Process> {
  const { user, consoleSize, capabilities } = process;
  return {
    Terminal: process.terminal,
    ConsoleSize: consoleSize === undefined ? undefined : { Height: consoleSize.height, Width: consoleSize.width },
    User: { UID: user.uid, GID: user.gid, AdditionalGids: user.additionalGids, Username: user.username },
    Args: process.args,
    Env: process.env,
    Cwd: process.cwd,
    Capabilities:
      capabilities === undefined
        ? undefined
        : {
            Bounding: known(capabilities.bounding, capability, "process.capabilities.bounding"),
            Effective: known(capabilities.effective, capability, "process.capabilities.effective"),
            Inheritable: known(capabilities.inheritable, capability, "process.capabilities.inheritable"),
            Permitted: known(capabilities.permitted, capability, "process.capabilities.permitted"),
            Ambient: known(capabilities.ambient, capability, "process.capabilities.ambient"),
          },
    Rlimits: (process.rlimits ?? []).map((rlimit, index) => ({
      Type: one(rlimit.type, rlimitType, `process.rlimits[${index}].type`),
      Hard: rlimit.hard,
      Soft: rlimit.soft,
    })),
    NoNewPrivileges: process.noNewPrivileges,
    OOMScoreAdj: process.oomScoreAdj,
  };
}

export function toAgentResources(resources: Resources): Init<agent.LinuxResources> {
  const { memory, cpu, pids } = resources;
  return {
    Memory:
      memory === undefined
        ? undefined
        : {
            Limit: memory.limit,
            Reservation: memory.reservation,
            Swap: memory.swap,
            Kernel: memory.kernel,
            KernelTCP: memory.kernelTCP,
            Swappiness: memory.swappiness,
            DisableOOMKiller: memory.disableOOMKiller,
          },
    CPU:
      cpu === undefined
        ? undefined
        : {
            Shares: cpu.shares,
            Quota: cpu.quota,
            Period: cpu.period,
            RealtimeRuntime: cpu.realtimeRuntime,
            RealtimePeriod: cpu.realtimePeriod,
            Cpus: cpu.cpus,
            Mems: cpu.mems,
          },
    Pids: pids === undefined ? undefined : { Limit: pids.limit },
    HugepageLimits: (resources.hugepageLimits ?? []).map((limit) => ({ Pagesize: limit.pageSize, Limit: limit.limit })),
  };
}

function toAgentMount(mount: Mount): Init<agent.Mount> {
  return { destination: mount.destination, source: mount.source, type: mount.type, options: mount.options };
}

function toAgentLinux(linux: Linux): Init<agent.Linux> {
  return {
    UIDMappings: (linux.uidMappings ?? []).map(toAgentMapping),
    GIDMappings: (linux.gidMappings ?? []).map(toAgentMapping),
    Sysctl: linux.sysctl,
    Resources: linux.resources === undefined ? undefined : toAgentResources(linux.resources),
    CgroupsPath: linux.cgroupsPath,
    Namespaces: (linux.namespaces ?? []).map((namespace) => ({ Type: namespace.type, Path: namespace.path })),
    Devices: (linux.devices ?? []).map((device, index) => ({
      Path: device.path,
      Type: one(device.type, deviceType, `linux.devices[${index}].type`),
      Major: device.major,
      Minor: device.minor,
      FileMode: device.fileMode,
      UID: device.uid,
      GID: device.gid,
    })),
    Seccomp: linux.seccomp === undefined ? undefined : toAgentSeccomp(linux.seccomp),
    RootfsPropagation: linux.rootfsPropagation,
    MaskedPaths: linux.maskedPaths,
    ReadonlyPaths: linux.readonlyPaths,
  };
}

function toAgentMapping(mapping: IdMapping): Init<agent.LinuxIDMapping> {
  return { HostID: mapping.hostID, ContainerID: mapping.containerID, Size: mapping.size };
}

function toAgentSeccomp(seccomp: Seccomp): Init<agent.LinuxSeccomp> {
  const at = "linux.seccomp";
  return {
    DefaultAction: one(seccomp.defaultAction, seccompAction, `${at}.defaultAction`),
    Architectures: known(seccomp.architectures, seccompArch, `${at}.architectures`),
    Flags: known(seccomp.flags, seccompFlag, `${at}.flags`),
    Syscalls: (seccomp.syscalls ?? []).map((rule, index) => ({
      Names: rule.names,
      Action: one(rule.action, seccompAction, `${at}.syscalls[${index}].action`),
      errnoret: rule.errnoRet,
      Args: (rule.args ?? []).map((arg, nth) => ({
        Index: arg.index,
        Value: arg.value,
        ValueTwo: arg.valueTwo,
        Op: one(arg.op, seccompOperator, `${at}.syscalls[${index}].args[${nth}].op`),
      })),
    })),
  };
}

// The words of the OCI runtime specification 1.2, config-linux.md.
const capability = /^CAP_[A-Z_]+$/;
const rlimitType = /^RLIMIT_[A-Z]+$/;
const deviceType = /^[cbup]$/;
const seccompAction = /^SCMP_ACT_(KILL|KILL_PROCESS|KILL_THREAD|TRAP|ERRNO|TRACE|ALLOW|LOG|NOTIFY)$/;
const seccompArch = /^SCMP_ARCH_[A-Z0-9_]+$/;
const seccompFlag = /^SECCOMP_FILTER_FLAG_[A-Z_]+$/;
const seccompOperator = /^SCMP_CMP_(NE|LT|LE|EQ|GE|GT|MASKED_EQ)$/;

function one(value: string, form: RegExp, field: string): string {
  if (form.test(value)) return value;
  throw new InvalidRequest(field, `${JSON.stringify(value)} is not a word of the OCI specification`);
}

function known(values: readonly string[] | undefined, form: RegExp, field: string): readonly string[] {
  return (values ?? []).map((value, index) => one(value, form, `${field}[${index}]`));
}

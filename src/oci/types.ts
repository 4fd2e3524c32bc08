// The OCI runtime specification (v1.2, config.md and config-linux.md) as far as a Linux container
// in a guest needs it. Member names are the specification's own.

/** A 64-bit integer: a bigint only where a number would lose digits. */
export type WideInt = number | bigint;

export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface Mount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

export interface Root {
  readonly path: string;
  readonly readonly?: boolean;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
  readonly username?: string;
}

export interface Capabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface Rlimit {
  readonly type: string;
  readonly hard: WideInt;
  readonly soft: WideInt;
}

export interface ConsoleSize {
  readonly height: number;
  readonly width: number;
}

export interface Process {
  readonly terminal?: boolean;
  readonly consoleSize?: ConsoleSize;
  readonly user: User;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly cwd: string;
  readonly capabilities?: Capabilities;
  readonly rlimits?: readonly Rlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly oomScoreAdj?: number;
  readonly selinuxLabel?: string;
}

export interface Hook {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly timeout?: number;
}

export interface Hooks {
  readonly prestart?: readonly Hook[];
  readonly createRuntime?: readonly Hook[];
  readonly createContainer?: readonly Hook[];
  readonly startContainer?: readonly Hook[];
  readonly poststart?: readonly Hook[];
  readonly poststop?: readonly Hook[];
}

export const namespaceTypes = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;
export type NamespaceType = (typeof namespaceTypes)[number];

export interface Namespace {
  readonly type: NamespaceType;
  readonly path?: string;
}

export interface Device {
  readonly type: string;
  readonly path: string;
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface DeviceCgroup {
  readonly allow: boolean;
  readonly type?: string;
  readonly major?: WideInt;
  readonly minor?: WideInt;
  readonly access?: string;
}

export interface MemoryResources {
  readonly limit?: WideInt;
  readonly reservation?: WideInt;
  readonly swap?: WideInt;
  readonly kernel?: WideInt;
  readonly kernelTCP?: WideInt;
  readonly swappiness?: WideInt;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
}

export interface CpuResources {
  readonly shares?: WideInt;
  readonly quota?: WideInt;
  readonly burst?: WideInt;
  readonly period?: WideInt;
  readonly realtimeRuntime?: WideInt;
  readonly realtimePeriod?: WideInt;
  readonly cpus?: string;
  readonly mems?: string;
}

export interface HugepageLimit {
  readonly pageSize: string;
  readonly limit: WideInt;
}

export interface Resources {
  readonly devices?: readonly DeviceCgroup[];
  readonly memory?: MemoryResources;
  readonly cpu?: CpuResources;
  readonly pids?: { readonly limit: WideInt };
  readonly hugepageLimits?: readonly HugepageLimit[];
  readonly unified?: Readonly<Record<string, string>>;
}

export interface SeccompArg {
  readonly index: number;
  readonly value: WideInt;
  readonly valueTwo?: WideInt;
  readonly op: string;
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArg[];
}

export interface Seccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly SeccompRule[];
}

export interface Linux {
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly resources?: Resources;
  readonly cgroupsPath?: string;
  readonly namespaces?: readonly Namespace[];
  readonly devices?: readonly Device[];
  readonly seccomp?: Seccomp;
  readonly rootfsPropagation?: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly mountLabel?: string;
}

export interface Spec {
  readonly ociVersion: string;
  readonly process?: Process;
  readonly root?: Root;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly Mount[];
  readonly hooks?: Hooks;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: Linux;
}

/** A specification that a pod can be made from. */
export interface SandboxSpec extends Spec {
  readonly linux: Linux;
}

/** A specification that a container can be made from. */
export interface ContainerSpec extends SandboxSpec {
  readonly process: Process;
  readonly root: Root;
}

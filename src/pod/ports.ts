// The few things a pod needs from outside. host, vm and agent match these shapes structurally
// and never import them; shim/serve.ts is where the compiler checks that the parts fit.
import type { Duplex } from "node:stream";
import type { VmExitFacts } from "../lib/errors.ts";
import type { ContainerSpec, Process as OciProcess, Resources, SandboxSpec } from "../oci/types.ts";
import type { ContainerLimits, VmSize } from "../plan/limits.ts";
import type { SizeRange } from "../plan/resize.ts";
import type { CopyIn, HostShare, SourceFacts, VolumeRules } from "../translate/mounts.ts";
import type { GuestFeatures } from "../translate/spec.ts";
import type { GuestStorage, LayerVerity } from "../translate/storages.ts";

/** How the guest names a plugged disk, in the words of the agent protocol (Storage.driver and Storage.source). */
export interface GuestDiskAddress {
  readonly driver: "scsi" | "blk";
  /** `<target>:<lun>` for scsi, slots such as `02/01` for blk */
  readonly source: string;
}

export interface DiskToPlug {
  /** letters, digits, `-`; unique in the VM */
  readonly id: string;
  /** host file or block device */
  readonly path: string;
  readonly readonly: boolean;
  /** a block device, not a file */
  readonly isDevice?: boolean;
}

/** A booted VM as the pod sees it. */
export interface PodVm extends AsyncDisposable {
  /** QEMU's host pid */
  readonly pid: number;
  /** resolves, never rejects, once QEMU is gone */
  readonly exited: Promise<VmExitFacts>;
  /** connects to a guest vsock port; retries while the guest boots, loses to VM death, `signal` and its own limit */
  dialGuest(port: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<Duplex>;
  plugDisk(disk: DiskToPlug): Promise<GuestDiskAddress>;
  /** idempotent; a disk that the guest does not release in time is left to the end of the VM */
  unplugDisk(id: string): Promise<void>;
  readonly size: VmSize;
  readonly sizeRange: SizeRange;
  /** how errors name the kind of VM */
  readonly launchClass: string;
  /** All or nothing, one call at a time; `bringOnline` is called until the guest uses what it got. */
  resize(wanted: VmSize, bringOnline: (newCpus: number) => Promise<void>): Promise<void>;
  /** escalates: QMP quit, SIGTERM, SIGKILL; concurrent callers share one outcome */
  stop(): Promise<void>;
}

export interface ProcessExit {
  /** 0-255; 128+signal for a signal; 137 when the VM died under it */
  readonly status: number;
  /** milliseconds since the epoch */
  readonly exitedAt: number;
}

/** One process in the guest, in the words of the agent protocol. Every call is bounded or loses to the VM's death. */
export interface GuestProcess {
  /** resolves with an empty array at end of file */
  readStdout(): Promise<Uint8Array>;
  readStderr(): Promise<Uint8Array>;
  writeStdin(bytes: Uint8Array): Promise<void>;
  closeStdin(): Promise<void>;
  /** exit code, or 128+signal; may cut output off when called before end of file */
  wait(): Promise<number>;
  signal(signal: number): Promise<void>;
  resize(size: { rows: number; columns: number }): Promise<void>;
}

export interface ByteSink {
  /** resolves once the reader's side took the bytes: this is the back-pressure */
  write(bytes: Uint8Array): Promise<void>;
}

/** containerd's ends of a process's streams; null where the client gave no path. */
export interface ProcessStdio {
  readonly stdin: AsyncIterable<Uint8Array> | null;
  readonly stdout: ByteSink | null;
  readonly stderr: ByteSink | null;
  /** end of file for stdin once every byte the client has written was read */
  closeStdin(): void;
  /** closes all ends, so that the client sees end of file; idempotent */
  close(): Promise<void>;
}

export interface StdioPaths {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

/** Events of the Task API, in the order they happen. */
export type PodEvent =
  | {
      readonly kind: "create";
      readonly containerId: string;
      readonly bundle: string;
      readonly stdio: StdioPaths;
      readonly rootfs: readonly RootfsMount[];
      readonly pid: number;
    }
  | { readonly kind: "start"; readonly containerId: string; readonly pid: number }
  | { readonly kind: "exec-added"; readonly containerId: string; readonly execId: string }
  | { readonly kind: "exec-started"; readonly containerId: string; readonly execId: string; readonly pid: number }
  | {
      readonly kind: "exit";
      readonly containerId: string;
      readonly execId: string;
      readonly pid: number;
      readonly exit: ProcessExit;
    }
  | {
      readonly kind: "delete";
      readonly containerId: string;
      readonly execId: string;
      readonly pid: number;
      readonly exit: ProcessExit;
    }
  | { readonly kind: "oom"; readonly containerId: string }
  | { readonly kind: "paused"; readonly containerId: string }
  | { readonly kind: "resumed"; readonly containerId: string };

/** containerd.types.Mount, as it comes in CreateTaskRequest.rootfs. */
export interface RootfsMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

/** What the guest says of one container's cgroup; counters since its start. */
export interface ContainerStats {
  readonly cpu: {
    readonly usageNs: number;
    readonly userNs: number;
    readonly systemNs: number;
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledNs: number;
  };
  readonly memory: {
    readonly usageBytes: number;
    readonly limitBytes: number;
    readonly maxUsageBytes: number;
    readonly swapBytes: number;
    readonly swapLimitBytes: number;
    readonly oomKills: number;
    /** the counters of cgroup v2's memory.stat, by the kernel's names */
    readonly detail: Readonly<Record<string, number>>;
  };
  readonly pids: { readonly current: number; readonly limit: number };
  readonly io: readonly DeviceIo[];
}

/** What went to and from one of the guest's disks. */
export interface DeviceIo {
  readonly major: number;
  readonly minor: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly reads: number;
  readonly writes: number;
}

export interface GuestContainerRequest {
  readonly containerId: string;
  readonly spec: ContainerSpec;
  readonly storages: readonly GuestStorage[];
  /** joins the process namespace of the pod's first container */
  readonly sandboxPidns: boolean;
}

/** The guest's agent, as the pod needs it. Every call is bounded, or loses to `gone`. */
export interface Guest {
  readonly features: GuestFeatures;
  /** rejects, with the reason, once the guest cannot answer any more; never resolves */
  readonly gone: Promise<never>;
  copyIn(copy: CopyIn): Promise<void>;
  createContainer(request: GuestContainerRequest): Promise<void>;
  startContainer(containerId: string): Promise<void>;
  removeContainer(containerId: string): Promise<void>;
  /** ends every container, unmounts every volume and has all of it written; the guest then goes down by itself */
  destroySandbox(): Promise<void>;
  execProcess(target: { containerId: string; execId: string; process: OciProcess }): Promise<void>;
  process(target: { containerId: string; execId: string }): GuestProcess;
  readonly control: GuestControl;
}

/** What changes or watches a running container. */
export interface GuestControl {
  update(containerId: string, resources: Resources): Promise<void>;
  stats(containerId: string): Promise<ContainerStats>;
  pause(containerId: string): Promise<void>;
  resume(containerId: string): Promise<void>;
  /** SIGKILL to every process of the container; DeadlineExceeded where the guest does not carry it out */
  killAll(containerId: string): Promise<void>;
  /** waits for that many new CPUs and brings them online, and all new memory */
  bringOnline(newCpus: number): Promise<void>;
  /** what the container wrote into its copy of the kubelet's file, cut to what the kubelet takes */
  terminationLog(containerId: string): Promise<Uint8Array>;
  /** waits for the next container that ran out of memory */
  nextOom(): Promise<string>;
}

/** A pod whose VM runs and whose guest has its network and sandbox set up. */
export interface LaunchedPod {
  readonly vm: PodVm;
  readonly guest: Guest;
  readonly volumes: VolumeRules;
  /** what the guest itself needs beside its containers' limits */
  readonly memoryOverheadMiB: number;
}

export interface PodRequest {
  readonly podId: string;
  readonly bundle: string;
  readonly spec: SandboxSpec;
  /** the guest holds a process namespace for the pod's containers, as no container of the pod does */
  readonly holdsPids?: boolean;
  /** of a container that is a pod of its own: nobody else says how large the pod is to be */
  readonly limits?: ContainerLimits;
  /** path of the runtime's configuration file, from containerd's options; empty for the default */
  readonly configPath: string;
}

/** One read-only disk image of a container's root file system; the topmost layer comes first. */
export interface LayerFile {
  readonly path: string;
  readonly verity: LayerVerity;
  /** its owners are to be seen through the container's user namespace */
  readonly isIdMapped?: boolean;
}

export interface RootfsRequest {
  readonly containerId: string;
  readonly mounts: readonly RootfsMount[];
  /** root.path of the spec: where the client put the files when it names no mounts */
  readonly rootPath: string;
  readonly configPath: string;
}

/** Everything a pod does to the world outside it. */
export interface PodPorts {
  launch(request: PodRequest, signal: AbortSignal): Promise<LaunchedPod>;
  prepareRootfs(request: RootfsRequest, signal: AbortSignal): Promise<readonly LayerFile[]>;
  openStdio(paths: StdioPaths, containerId: string): Promise<ProcessStdio>;
  /** for translateMounts */
  probeSources(paths: readonly string[]): Promise<ReadonlyMap<string, SourceFacts>>;
  /** calls `onChange` after each time the kubelet replaced the volume's content; until disposed of */
  followVolume(hostPath: string, onChange: () => Promise<void>): Disposable;
  /** into an existing, regular file of the kubelet's */
  writeTerminationLog(hostPath: string, message: Uint8Array): Promise<void>;
  /** an empty, sparse file for a disk; gone with the pod */
  makeDiskFile(path: string, bytes: number): Promise<void>;
  /** lets host files and directories appear in the guest's share */
  shareWithGuest(containerId: string, shares: readonly HostShare[]): Promise<void>;
  emit(event: PodEvent): void;
  /** the VM has this size from now on */
  sized(size: VmSize): void;
  /** lets go of what `prepareRootfs` and `shareWithGuest` made for this container alone */
  releaseContainer(containerId: string): Promise<void>;
  /** ends everything the ledger still names */
  reclaim(): Promise<void>;
  now(): number;
}

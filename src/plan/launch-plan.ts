// What a launch is, as plain JSON: the single source for QEMU's argv, the QMP steps, the helper
// processes, the files of the run directory and the inputs of the expected measurement.

export const launchClasses = ["measured", "fast", "snp-igvm", "snp-ovmf-uki", "snp-ovmf-initrd", "tdx"] as const;
/** How the guest is brought up and what vouches for it; `measured` and `fast` are for development. */
export type LaunchClass = (typeof launchClasses)[number];

export type TeePlan =
  | { readonly kind: "none" }
  | {
      readonly kind: "snp";
      readonly cbitpos: number;
      readonly reducedPhysBits: number;
      /** guest policy, hex with 0x; also what the ID block must say */
      readonly policy: string;
      readonly kernelHashes: boolean;
      /** SEV features expected in the VMSA, hex; an input of the digest, not of QEMU */
      readonly guestFeatures: string;
      /** 32 bytes, base64; HOST_DATA of the attestation report */
      readonly hostData?: string;
      /** 96 bytes and at most 4096 bytes, base64; only as a pair */
      readonly idBlock?: { readonly block: string; readonly auth: string; readonly authorKey: boolean };
    }
  | {
      readonly kind: "tdx";
      /** each 48 bytes, base64 */
      readonly mrconfigid?: string;
      readonly mrowner?: string;
      readonly mrownerconfig?: string;
      readonly quoteSocket?: QuoteSocket;
    };

/** Where QEMU reaches the quote generation service. */
export type QuoteSocket =
  | { readonly type: "unix"; readonly path: string }
  | { readonly type: "vsock"; readonly cid: string; readonly port: string };

export type FirmwarePlan =
  /** QEMU's built-in firmware; measures nothing */
  { readonly kind: "builtin" } | { readonly kind: "bios" | "igvm"; readonly path: string };

/** Files given to QEMU's `-kernel`; `append` only when the kernel is not a UKI. */
export interface KernelFiles {
  readonly kernel: string;
  readonly initrd?: string;
  readonly append?: string;
}

export interface CpuPlan {
  readonly model: string;
  readonly vcpus: number;
  /** to which CPUs can be plugged while the guest runs; absent: none can, as with every TEE */
  readonly maxVcpus?: number;
}

export interface MemoryPlan {
  readonly sizeMiB: number;
  /** to which it can grow while the guest runs; absent: it cannot, as with every TEE */
  readonly maxMiB?: number;
  /** shared with vhost-user helper processes */
  readonly share: boolean;
}

/** Devices on the command line, there before the machine exists. */
export type ColdDevice =
  | { readonly kind: "root-port"; readonly id: string; readonly index: number }
  | { readonly kind: "scsi-controller"; readonly id: string; readonly bus: string }
  | { readonly kind: "serial-console"; readonly id: string; readonly socket: string }
  | { readonly kind: "tpm"; readonly id: string; readonly socket: string };

/** Devices plugged over QMP into root ports before `cont`. */
export type HotDevice =
  | {
      readonly kind: "block";
      readonly id: string;
      readonly bus: string;
      readonly path: string;
      readonly readonly: boolean;
      /** `path` is a block device; absent: a file */
      readonly isDevice?: boolean;
      /** how the guest finds it: virtio-blk serial, at most 20 bytes */
      readonly serial: string;
      /** firmware boots from it */
      readonly bootindex?: number;
    }
  | {
      readonly kind: "scsi-disk";
      readonly id: string;
      readonly controller: string;
      readonly target: number;
      readonly path: string;
      readonly readonly: boolean;
      /** `path` is a block device; absent: a file */
      readonly isDevice?: boolean;
    }
  | {
      readonly kind: "nic";
      readonly id: string;
      readonly bus: string;
      readonly tap: string;
      readonly mac: string;
      readonly mtu: number;
      readonly vhost: boolean;
    }
  | { readonly kind: "vhost-vsock"; readonly id: string; readonly bus: string; readonly cid: number }
  | { readonly kind: "vhost-user-vsock"; readonly id: string; readonly bus: string; readonly socket: string }
  | {
      readonly kind: "vhost-user-fs";
      readonly id: string;
      readonly bus: string;
      readonly socket: string;
      readonly tag: string;
    };

/** Processes that must listen before QEMU starts. */
export type HelperPlan =
  | {
      readonly kind: "swtpm";
      readonly binary: string;
      readonly stateDir: string;
      readonly socket: string;
    }
  | {
      readonly kind: "vhost-device-vsock";
      readonly binary: string;
      readonly cid: number;
      /** QEMU's end */
      readonly socket: string;
      /** our end: connect and write `CONNECT PORT\n` */
      readonly hybridSocket: string;
    }
  | { readonly kind: "virtiofsd"; readonly binary: string; readonly sharedDir: string; readonly socket: string };

/** How the host reaches the guest's vsock ports. */
export type VsockPlan =
  | { readonly transport: "vhost"; readonly cid: number }
  | { readonly transport: "vhost-user"; readonly cid: number; readonly hybridSocket: string };

/** A directory of the host that the guest sees by virtio-fs; what containers get of the host appears in it. */
export interface SharePlan {
  readonly dir: string;
  /** how the guest names the device */
  readonly tag: string;
}

/** A file that must stand in the run directory before QEMU starts. */
export interface PlannedFile {
  readonly path: string;
  readonly base64: string;
}

export interface RunFiles {
  readonly dir: string;
  readonly qmp: string;
  readonly console: string;
}

export type DigestAlgorithm = "sha256" | "sha384" | "sha512";

/** What the pod's initdata binds to; digests lower-case hex. */
export interface InitdataPlan {
  readonly algorithm: DigestAlgorithm;
  readonly digest: string;
  /** what the launch field or register must show, hex; absent: the class binds nothing */
  readonly bound?: { readonly to: "hostdata" | "mrconfigid" | "pcr8"; readonly value: string };
  /** the document's own bytes, not those of its gzip form */
  readonly documentBytes: number;
}

export interface LaunchPlan {
  readonly version: 1;
  readonly podId: string;
  readonly class: LaunchClass;
  readonly qemu: string;
  readonly accelerator: "kvm" | "tcg";
  /** network namespace that QEMU starts in; absent: the caller's own */
  readonly netns?: string;
  /** seccomp filter of QEMU's own */
  readonly sandbox: boolean;
  readonly cpu: CpuPlan;
  readonly memory: MemoryPlan;
  readonly tee: TeePlan;
  readonly firmware: FirmwarePlan;
  /** absent: firmware boots from a disk */
  readonly kernel?: KernelFiles;
  /** the whole kernel command line, whoever carries it; nothing later may add to it */
  readonly cmdline: string;
  readonly coldDevices: readonly ColdDevice[];
  readonly hotDevices: readonly HotDevice[];
  readonly helpers: readonly HelperPlan[];
  readonly files: readonly PlannedFile[];
  readonly runFiles: RunFiles;
  readonly vsock: VsockPlan;
  /** absent: nothing of the host is shared */
  readonly share?: SharePlan;
  /** where disks go that are plugged later */
  readonly hotplug:
    | { readonly kind: "scsi"; readonly controller: string }
    | { readonly kind: "ports"; readonly ports: readonly string[] };
  readonly initdata?: InitdataPlan;
  readonly image: { readonly dir: string; readonly rootHash: string };
}

// What a plan is made from besides the configuration. host/facts.ts and the shim match these
// shapes structurally.

import type { RuntimeConfig } from "../config/schema.ts";
import type { ContainerLimits } from "./limits.ts";

export interface QemuFacts {
  readonly path: string;
  /** such as `10.0.2` */
  readonly version: string;
  /** user-creatable QOM types (`-object help`) */
  readonly objects: readonly string[];
  /** properties of the q35 machine */
  readonly machineProperties: readonly string[];
  /** `-sandbox` is known */
  readonly sandbox: boolean;
}

/** What image.json of the guest image says, as far as a launch needs it. */
export interface GuestImage {
  readonly dir: string;
  readonly rootHash: string;
  /** the line composed at build time: inside the UKI, and the base of a direct boot */
  readonly cmdline: string;
  /** names that exist in `dir` */
  readonly files: readonly string[];
}

export interface HostFacts {
  readonly kvm: { readonly usable: boolean; readonly reason: string };
  readonly qemu: QemuFacts;
  readonly snp: {
    readonly supported: boolean;
    /** 0 when unknown, like the next; the configuration wins */
    readonly cbitpos: number;
    readonly reducedPhysBits: number;
    /** who said so, or why nobody could */
    readonly origin: string;
  };
  readonly tdx: { readonly supported: boolean };
  readonly vhostVsock: boolean;
  readonly vhostNet: boolean;
  /** unix socket of the quote generation service exists */
  readonly quoteSocket: boolean;
  /** the daemon that shares host directories can be run */
  readonly virtiofsd: boolean;
  readonly image: GuestImage;
  /** why the configured firmware cannot start a guest of the configured TEE */
  readonly firmwareProblem?: string | undefined;
}

export interface NicRequest {
  /** tap in the pod's network namespace */
  readonly tap: string;
  readonly mac: string;
  readonly mtu: number;
}

export interface LayerRequest {
  readonly id: string;
  readonly path: string;
}

export interface PodRequest {
  readonly podId: string;
  /** absolute; short enough that a socket in it fits 107 bytes */
  readonly runDir: string;
  readonly netns?: string;
  readonly nics: readonly NicRequest[];
  /** disks there from the start; more can be plugged later */
  readonly layers?: readonly LayerRequest[];
  /** of the sandbox's specification: sizing, and the overrides that the configuration allows */
  readonly annotations: Readonly<Record<string, string>>;
  /** of a container that is a pod of its own, which no annotation sizes */
  readonly limits?: ContainerLimits;
  /** the document of `initdata.file`; the pod's annotation wins */
  readonly initdata?: string;
}

/** Everything that the decisions look at. */
export interface LaunchInputs {
  readonly config: RuntimeConfig;
  readonly host: HostFacts;
  readonly pod: PodRequest;
}

// The few things a pod needs from outside. host, vm and agent match these shapes structurally
// and never import them; shim/serve.ts is where the compiler checks that the parts fit.
import type { Duplex } from "node:stream";
import type { VmExitFacts } from "../lib/errors.ts";

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
  /** escalates: QMP quit, SIGTERM, SIGKILL; concurrent callers share one outcome */
  stop(): Promise<void>;
}

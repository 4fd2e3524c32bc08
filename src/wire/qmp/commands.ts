// Arguments and answers of the QMP commands this project sends, as in QEMU's QAPI schema (qapi/*.json). Answers name
// only the members that are read; QEMU may send more. Names keep the protocol's spelling.

type None = Readonly<Record<string, never>>;
type Properties = Readonly<Record<string, unknown>>;

export type RunState =
  | "debug"
  | "finish-migrate"
  | "inmigrate"
  | "internal-error"
  | "io-error"
  | "paused"
  | "postmigrate"
  | "prelaunch"
  | "restore-vm"
  | "running"
  | "save-vm"
  | "shutdown"
  | "suspended"
  | "watchdog"
  | "guest-panicked"
  | "colo";

export interface QemuVersion {
  readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number };
  readonly package: string;
}

/** What `query-sev` says; `sev-type` exists since QEMU 9.1. */
export interface SevInfo {
  readonly enabled: boolean;
  readonly "api-major": number;
  readonly "api-minor": number;
  readonly "build-id": number;
  readonly state: string;
  readonly "sev-type"?: "sev" | "sev-snp";
  /** sev */
  readonly policy?: number;
  readonly handle?: number;
  /** sev-snp */
  readonly "snp-policy"?: number;
}

export interface SevCapability {
  /** base64 */
  readonly pdh: string;
  readonly "cert-chain": string;
  readonly "cpu0-id": string;
  readonly cbitpos: number;
  readonly "reduced-phys-bits": number;
}

export interface CpuFast {
  readonly "cpu-index": number;
  readonly "qom-path": string;
  /** host thread of the vCPU */
  readonly "thread-id": number;
  readonly target: string;
}

export interface BlockInfo {
  readonly device: string;
  readonly qdev?: string;
  readonly inserted?: { readonly "node-name"?: string; readonly file: string; readonly ro: boolean };
}

export interface HotpluggableCpu {
  readonly type: string;
  readonly "vcpus-count": number;
  readonly props: Properties;
  readonly "qom-path"?: string;
}

export interface ObjectProperty {
  readonly name: string;
  readonly type: string;
  readonly description?: string;
}

/** Backend of `chardev-add`; `type` selects the shape of `data`. */
export interface ChardevBackend {
  readonly type: string;
  readonly data: Properties;
}

export interface QmpCommands {
  "query-status": { args: None; returns: { readonly status: RunState; readonly running: boolean } };
  "query-version": { args: None; returns: QemuVersion };
  "query-commands": { args: None; returns: readonly { readonly name: string }[] };
  "query-kvm": { args: None; returns: { readonly enabled: boolean; readonly present: boolean } };
  "query-qmp-schema": { args: None; returns: readonly { readonly name: string; readonly "meta-type": string }[] };
  "query-sev": { args: None; returns: SevInfo };
  "query-sev-capabilities": { args: None; returns: SevCapability };
  "query-sev-launch-measure": { args: None; returns: { readonly data: string } };
  "query-cpus-fast": { args: None; returns: readonly CpuFast[] };
  "query-hotpluggable-cpus": { args: None; returns: readonly HotpluggableCpu[] };
  "query-memory-devices": { args: None; returns: readonly { readonly type: string; readonly data: Properties }[] };
  "query-memory-size-summary": {
    args: None;
    returns: { readonly "base-memory": number; readonly "plugged-memory"?: number };
  };
  "query-block": { args: None; returns: readonly BlockInfo[] };
  "query-named-block-nodes": {
    args: { readonly flat?: boolean };
    returns: readonly { readonly "node-name"?: string; readonly file: string; readonly ro: boolean }[];
  };
  "query-chardev": {
    args: None;
    returns: readonly { readonly label: string; readonly filename: string; readonly "frontend-open": boolean }[];
  };
  "query-pci": { args: None; returns: readonly { readonly bus: number; readonly devices: readonly Properties[] }[] };
  "query-machines": { args: None; returns: readonly { readonly name: string; readonly "cpu-max": number }[] };
  "query-iothreads": { args: None; returns: readonly { readonly id: string; readonly "thread-id": number }[] };
  cont: { args: None; returns: None };
  stop: { args: None; returns: None };
  quit: { args: None; returns: None };
  system_powerdown: { args: None; returns: None };
  system_reset: { args: None; returns: None };
  "set-action": {
    args: {
      readonly reboot?: "reset" | "shutdown";
      readonly shutdown?: "poweroff" | "pause";
      readonly panic?: "pause" | "shutdown" | "exit-failure" | "none";
      readonly watchdog?: "reset" | "shutdown" | "poweroff" | "pause" | "debug" | "none" | "inject-nmi";
    };
    returns: None;
  };
  /** the rest of the arguments are properties of the driver */
  device_add: {
    args: { readonly driver: string; readonly id?: string; readonly bus?: string } & Properties;
    returns: None;
  };
  /** the device is gone once DEVICE_DELETED names it */
  device_del: { args: { readonly id: string }; returns: None };
  netdev_add: { args: { readonly type: string; readonly id: string } & Properties; returns: None };
  netdev_del: { args: { readonly id: string }; returns: None };
  "blockdev-add": { args: { readonly driver: string; readonly "node-name": string } & Properties; returns: None };
  "blockdev-del": { args: { readonly "node-name": string }; returns: None };
  "object-add": { args: { readonly "qom-type": string; readonly id: string } & Properties; returns: None };
  "object-del": { args: { readonly id: string }; returns: None };
  "chardev-add": {
    args: { readonly id: string; readonly backend: ChardevBackend };
    returns: { readonly pty?: string };
  };
  "chardev-remove": { args: { readonly id: string }; returns: None };
  "qom-list-types": {
    args: { readonly implements?: string; readonly abstract?: boolean };
    returns: readonly { readonly name: string; readonly abstract?: boolean; readonly parent?: string }[];
  };
  /** unstable by its name; only asked where its absence changes nothing */
  "x-query-virtio-status": { args: { readonly path: string }; returns: { readonly started: boolean } };
  "qom-list-properties": { args: { readonly typename: string }; returns: readonly ObjectProperty[] };
  "qom-list": { args: { readonly path: string }; returns: readonly ObjectProperty[] };
  "qom-get": { args: { readonly path: string; readonly property: string }; returns: unknown };
  "qom-set": {
    args: { readonly path: string; readonly property: string; readonly value: unknown };
    returns: None;
  };
  "device-list-properties": { args: { readonly typename: string }; returns: readonly ObjectProperty[] };
}

/** Data of the events this project waits for (qapi/run-state.json, qdev.json, block-core.json). */
export interface QmpEventData {
  SHUTDOWN: { readonly guest: boolean; readonly reason: string };
  POWERDOWN: None;
  RESET: { readonly guest: boolean; readonly reason: string };
  STOP: None;
  RESUME: None;
  GUEST_PANICKED: { readonly action: string; readonly info?: Properties };
  DEVICE_DELETED: { readonly device?: string; readonly path: string };
  DEVICE_UNPLUG_GUEST_ERROR: { readonly device?: string; readonly path: string };
  BLOCK_IO_ERROR: { readonly device: string; readonly "node-name"?: string; readonly reason: string };
  NIC_RX_FILTER_CHANGED: { readonly name?: string; readonly path: string };
  VSERPORT_CHANGE: { readonly id: string; readonly open: boolean };
}

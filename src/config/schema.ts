// Every configuration key, its kind, its default and its meaning: the one table behind parsing,
// the defaults, `kata-cvm config` and the documentation. TOML spells keys with `_`.
import { choice, flag, type Key, key, listOf, matching, optionalPath, path, wholeNumber } from "./value-kinds.ts";

const base64 = (bytes: number) =>
  matching(
    new RegExp(`^$|^[A-Za-z0-9+/]{${Math.floor((bytes * 4) / 3)},}={0,2}$`),
    `base64 of ${bytes} bytes, or empty`,
  );

/** Debian's build: no SEV or TDX metadata, so of no use to a confidential guest. */
export const developmentFirmware = "/usr/share/ovmf/OVMF.fd";

export const overridable = [
  "default_vcpus",
  "default_memory",
  "kernel_params",
  "cc_init_data",
  "create_container_timeout",
  "emptydir_mode",
] as const;

export const schema = {
  vm: {
    tee: key(choice("none", "snp", "tdx"), "none", "confidential computing technology of the host"),
    boot: key(
      choice("uki", "uki-disk", "direct"),
      "uki",
      "unified kernel image as QEMU's kernel, the same from an ESP disk, or kernel and initrd",
    ),
    accelerator: key(choice("auto", "kvm", "tcg"), "auto", "auto proves KVM before trusting it"),
    cpu_model: key(matching(/^[\w.+=,-]*$/, "a QEMU CPU model"), "", "empty: host, max or EPYC-v4, as the class asks"),
    default_vcpus: key(wholeNumber(1, 240), 2, "for pods without a CPU limit"),
    vcpu_classes: key(
      listOf(wholeNumber(1, 240)),
      [1, 2, 4, 8, 16, 32, 64],
      "allowed vCPU counts, ascending; each has its own launch digest, so a few",
    ),
    default_memory: key(wholeNumber(256, 16_777_216), 2048, "MiB, for pods without a memory limit"),
    memory_overhead: key(wholeNumber(0, 65_536), 512, "MiB for the guest itself, added to the pod's limit"),
    max_vcpus: key(
      wholeNumber(1, 240),
      8,
      "how far a VM grows under KVM, and the most that limits may ask for; with static_resources = false",
    ),
    max_memory: key(
      wholeNumber(256, 16_777_216),
      16_384,
      "MiB, how far a VM grows, and the most that limits may ask for; with static_resources = false",
    ),
    vsock: key(choice("auto", "vhost", "vhost-user"), "auto", "auto takes the kernel's vhost-vsock when it is there"),
    block_driver: key(choice("virtio-scsi", "virtio-blk"), "virtio-scsi", "how container layers are plugged"),
    hotplug_ports: key(wholeNumber(0, 20), 0, "free PCIe ports for virtio-blk layers"),
    kernel_params: key(
      matching(/^[\x20-\x7e]{0,1024}$/, "printable ASCII, at most 1024 characters"),
      "",
      "appended to the command line; direct boot only, and measured there",
    ),
    sandbox: key(flag, true, "QEMU's own seccomp filter"),
  },
  paths: {
    qemu: key(path, "/usr/bin/qemu-system-x86_64", "QEMU 10 or newer"),
    firmware: key(
      matching(/^(builtin|\/[^\0,]*)$/, "an absolute path without a comma, or builtin"),
      developmentFirmware,
      "OVMF; builtin: QEMU's own firmware, which measures nothing",
    ),
    igvm: key(optionalPath, "", "IGVM file with SVSM and firmware; takes the place of firmware"),
    image: key(path, "/var/lib/kata-cvm/images/default", "directory of the guest image, described by its image.json"),
    swtpm: key(path, "/usr/bin/swtpm", ""),
    vhost_device_vsock: key(path, "/usr/local/bin/vhost-device-vsock", ""),
    virtiofsd: key(path, "/usr/libexec/virtiofsd", ""),
    layers: key(path, "/var/lib/kata-cvm/layers", "container layers converted to EROFS with dm-verity"),
    layers_max: key(
      wholeNumber(0, 1_073_741_824),
      20_480,
      "MiB that they may take; beyond it the longest unused leave, never those of a running pod; 0: no bound",
    ),
  },
  tpm: {
    device: key(
      choice("auto", "none", "swtpm"),
      "auto",
      "swtpm is a TPM run by the host, for development; auto takes it for UEFI guests without a TEE",
    ),
  },
  snp: {
    policy: key(matching(/^0x[0-9a-fA-F]{1,16}$/, "a 64-bit number in hex such as 0x30000"), "0x30000", "guest policy"),
    cbitpos: key(wholeNumber(0, 63), 0, "position of the encryption bit; 0: ask the host's QEMU"),
    reduced_phys_bits: key(wholeNumber(0, 63), 0, "address bits that encryption costs; 0: ask the host's QEMU"),
    id_block: key(base64(96), "", "with id_auth: what the launch must match"),
    id_auth: key(matching(/^[A-Za-z0-9+/]*={0,2}$/, "base64, or empty"), "", "signature over id_block"),
    author_key: key(flag, false, "id_auth carries an author key"),
    guest_features: key(matching(/^0x[0-9a-fA-F]{1,16}$/, "a 64-bit number in hex"), "0x1", "SEV features in the VMSA"),
  },
  tdx: {
    mrowner: key(base64(48), "", "owner of the TD"),
    mrownerconfig: key(base64(48), "", "configuration by the owner"),
    quote_socket: key(path, "/var/run/tdx-qgs/qgs.socket", "quote generation service; used when the socket exists"),
    quote_vsock_port: key(wholeNumber(0, 4_294_967_294), 4050, "of CID 2, when the socket does not exist; 0: none"),
  },
  initdata: {
    file: key(optionalPath, "", "initdata TOML for pods that bring none"),
    max_bytes: key(wholeNumber(1, 16_777_216), 1_048_576, "of the uncompressed document"),
  },
  agent: {
    port: key(wholeNumber(1, 4_294_967_294), 1024, "vsock port"),
    debug: key(flag, false, "adds agent.log=debug to a direct boot's command line"),
    port_forward_port: key(
      wholeNumber(0, 4_294_967_294),
      1031,
      "vsock port of the guest's forwarder; 0: no port-forward",
    ),
    boot_timeout: key(wholeNumber(1, 3600), 90, "seconds from QEMU's start until the agent must answer"),
    request_timeout: key(wholeNumber(1, 3600), 60, "seconds for one request"),
    create_container_timeout: key(wholeNumber(1, 3600), 60, "seconds; raise it for large images pulled in the guest"),
  },
  container: {
    rootfs: key(choice("block", "guest-pull"), "block", "verity devices from the host, or images pulled by the guest"),
    static_resources: key(
      flag,
      true,
      "size the VM once, from the pod's limits; false: it grows with its containers' limits, without a TEE only",
    ),
  },
  volumes: {
    host_paths: key(
      choice("auto", "copy", "share"),
      "auto",
      "host directories and files: copied once, or shared by virtio-fs; auto shares where there is no TEE and virtiofsd is",
    ),
    emptydir_mode: key(
      choice("plain", "block-encrypted"),
      "plain",
      "emptyDirs without a medium: the guest's own storage, or disks on the host under keys that only the guest has",
    ),
    emptydir_size: key(
      wholeNumber(16, 16_777_216),
      10_240,
      "MiB that an encrypted emptyDir can hold; its file is sparse",
    ),
  },
  annotations: {
    allow: key(
      listOf(choice(...overridable)),
      ["default_vcpus", "default_memory", "cc_init_data", "emptydir_mode"],
      "io.katacontainers.config.* that a pod may set",
    ),
  },
  log: {
    level: key(choice("debug", "info", "warn", "error"), "info", ""),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Key<unknown>>>>>;

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;
type ValueOf<K> = K extends Key<infer T> ? T : never;
type Section<S> = { readonly [K in keyof S as Camel<K & string>]: ValueOf<S[K]> };

/** The whole configuration, every value checked; deeply frozen. */
export type RuntimeConfig = { readonly [S in keyof typeof schema]: Section<(typeof schema)[S]> };

export function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** `section.key` to its entry. */
export const keys: ReadonlyMap<string, Key<unknown>> = new Map(
  Object.entries(schema).flatMap(([section, entries]) =>
    Object.entries(entries).map(([name, entry]) => [`${section}.${name}`, entry as Key<unknown>] as const),
  ),
);

// An image's configuration and what the user asked for -> the OCI specification of the container, with
// the defaults that other engines give (runtime-spec, config.md and config-linux.md). Pure.
import { InvalidRequest } from "../../lib/errors.ts";
import { criSandboxCpuPeriod, criSandboxCpuQuota, criSandboxMemory } from "../../oci/cri-annotations.ts";
import type { ContainerSpec, Linux, Mount, Process, Resources } from "../../oci/types.ts";
import type { ImageUser } from "./image-user.ts";

export interface ImageDefaults {
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
}

export interface RunWishes {
  /** words after `--`; empty: the image's own command */
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly workdir: string | undefined;
  readonly terminal: boolean;
  readonly memoryBytes: number | undefined;
  readonly cpus: number | undefined;
  readonly hostname: string;
  /** further annotations of the pod */
  readonly annotations: Readonly<Record<string, string>>;
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const cpuPeriodUs = 100_000;

/** What a container may do that nobody said more of: the set of containerd and Docker. */
export const defaultCapabilities: readonly string[] = [
  ...["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"],
  ...["CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"],
  "CAP_AUDIT_WRITE",
];

const maskedPaths = [
  ...["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"],
  ...["/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/scsi"],
];
const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const mounts: readonly Mount[] = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
  },
];

export function composeSpec(image: ImageDefaults, user: ImageUser, wishes: RunWishes): ContainerSpec {
  return {
    ociVersion: "1.1.0",
    process: composeProcess(image, user, wishes),
    root: { path: "rootfs", readonly: false },
    hostname: wishes.hostname,
    mounts,
    annotations: { ...wishes.annotations, ...sizeAnnotations(wishes) },
    linux: composeLinux(wishes),
  };
}

function composeProcess(image: ImageDefaults, { user, home }: ImageUser, wishes: RunWishes): Process {
  const cwd = wishes.workdir ?? (image.WorkingDir || "/");
  if (!cwd.startsWith("/")) throw new InvalidRequest("--workdir", `${JSON.stringify(cwd)} is no absolute path`);
  const own = wishes.terminal ? [defaultPath, `HOME=${home}`, "TERM=xterm"] : [defaultPath, `HOME=${home}`];
  return {
    terminal: wishes.terminal,
    user,
    args: composeArgs(image, wishes.args),
    env: mergeEnv(own, image.Env ?? [], wishes.env),
    cwd,
    capabilities: { bounding: defaultCapabilities, effective: defaultCapabilities, permitted: defaultCapabilities },
    rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  };
}

/** Given words replace the image's command, not its entry point. */
function composeArgs({ Entrypoint = [], Cmd = [] }: ImageDefaults, given: readonly string[]): readonly string[] {
  const args = [...Entrypoint, ...(given.length > 0 ? given : Cmd)];
  if (args.length > 0) return args;
  throw new InvalidRequest("command", "the image names none: give one after --");
}

/** Later values win and keep the place of the first. */
export function mergeEnv(...lists: readonly (readonly string[])[]): readonly string[] {
  const values = new Map<string, string>();
  for (const entry of lists.flat()) {
    const at = entry.indexOf("=");
    if (at < 1 || entry.includes("\0"))
      throw new InvalidRequest("environment", `${JSON.stringify(entry)} is not NAME=VALUE`);
    values.set(entry.slice(0, at), entry);
  }
  return [...values.values()];
}

function composeLinux({ memoryBytes, cpus }: RunWishes): Linux {
  const resources: Resources = {
    ...(memoryBytes === undefined ? {} : { memory: { limit: memoryBytes } }),
    ...(cpus === undefined ? {} : { cpu: { quota: Math.round(cpus * cpuPeriodUs), period: cpuPeriodUs } }),
  };
  return {
    // none has a path: nothing of the host's is joined, and the guest has no network card
    namespaces: (["pid", "ipc", "uts", "mount", "network"] as const).map((type) => ({ type })),
    resources,
    maskedPaths,
    readonlyPaths,
  };
}

/** The container's limits are the pod's, so they also size the VM. */
function sizeAnnotations({ memoryBytes, cpus }: RunWishes): Readonly<Record<string, string>> {
  return {
    ...(memoryBytes === undefined ? {} : { [criSandboxMemory]: String(memoryBytes) }),
    ...(cpus === undefined
      ? {}
      : { [criSandboxCpuQuota]: String(Math.round(cpus * cpuPeriodUs)), [criSandboxCpuPeriod]: String(cpuPeriodUs) }),
  };
}

const units: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** `512m`, `2g`, or bytes. */
export function parseBytes(option: string, text: string): number {
  const match = /^(\d{1,12})([kmg]?)(?:i?b)?$/i.exec(text);
  const bytes = match === null ? 0 : Number(match[1]) * (units[(match[2] ?? "").toLowerCase()] ?? 0);
  if (bytes > 0) return bytes;
  throw new InvalidRequest(option, `${JSON.stringify(text)} is no size such as 512m`);
}

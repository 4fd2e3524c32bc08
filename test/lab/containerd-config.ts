// containerd's configuration for the lab: version 2 for 1.6 and 1.7, 3 for 2.0 to 2.2, 4 from 2.3 on.
// From 3 on the CRI plugin is two plugins; the address stays the default, as /run is the lab's own.

export interface LabHandler {
  readonly name: string;
  /** such as io.containerd.runc.v2 */
  readonly runtimeType: string;
  /** the shim's binary; without it containerd searches its PATH */
  readonly runtimePath?: string;
  /** content of the handler's configuration file */
  readonly configText?: string;
  /** the shim is told the file by ConfigPath; otherwise the name it is called by tells it */
  readonly hasConfigPath?: boolean;
  /** only for runc's shim: the binary it runs */
  readonly binaryName?: string;
  /** "shim" asks for the Sandbox API (containerd 2.0 and newer) */
  readonly sandboxer?: "podsandbox" | "shim";
}

export interface ContainerdConfigInput {
  /** as containerd prints it, such as 1.6.20 */
  readonly version: string;
  /** folder that holds everything of this lab */
  readonly folder: string;
  readonly pauseImage: string;
  readonly snapshotter: string;
  readonly handlers: readonly LabHandler[];
  /** how long containerd waits for a shim's `delete`; its default is 5 */
  readonly cleanupSeconds?: number;
}

const CNI_BINARIES = "/usr/lib/cni";
/** Annotations of a pod that reach the shim. */
const POD_ANNOTATIONS = ["io.katacontainers.*"];
const REGISTRIES = ["registry.k8s.io", "k8s.gcr.io", "gcr.io", "docker.io"];

export function configVersion(version: string): 2 | 3 | 4 {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 2) return 2;
  return minor < 3 ? 3 : 4;
}

export function renderContainerdConfig(input: ContainerdConfigInput): string {
  const version = configVersion(input.version);
  const head = `version = ${version}
root = "${input.folder}/root"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]

[plugins."io.containerd.internal.v1.opt"]
  path = "${input.folder}/opt"
${input.cleanupSeconds === undefined ? "" : `\n[timeouts]\n  "io.containerd.timeout.shim.cleanup" = "${input.cleanupSeconds}s"\n`}`;
  return head + (version === 2 ? singleCriPlugin(input) : splitCriPlugins(input));
}

export function handlerConfigPath(folder: string, handler: Pick<LabHandler, "name">): string {
  return `${folder}/config/${handler.name}.toml`;
}

/** The hosts.toml files that send every registry of the tests to the lab's own; path to content. */
export function registryMirrors(folder: string): ReadonlyMap<string, string> {
  const hosts =
    'server = "http://127.0.0.1:5000"\n[host."http://127.0.0.1:5000"]\n  capabilities = ["pull", "resolve"]\n';
  return new Map(REGISTRIES.map((name) => [`${folder}/certs.d/${name}/hosts.toml`, hosts]));
}

// Without CAP_SYS_RESOURCE (containers, some CI machines) lowering oom_score_adj fails every pod.
const RESTRICTIONS = `  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
`;

function singleCriPlugin({ version, folder, pauseImage, snapshotter, handlers }: ContainerdConfigInput): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `
[${cri}]
  sandbox_image = "${pauseImage}"
${RESTRICTIONS}[${cri}.cni]
  bin_dir = "${CNI_BINARIES}"
  conf_dir = "${folder}/net.d"
[${cri}.registry]
  config_path = "${folder}/certs.d"
[${cri}.containerd]
  snapshotter = "${snapshotter}"
  default_runtime_name = "runc"
${handlers.map((handler) => renderHandler({ plugin: cri, folder, version }, handler)).join("")}`;
}

function splitCriPlugins({ version, folder, pauseImage, snapshotter, handlers }: ContainerdConfigInput): string {
  const images = 'plugins."io.containerd.cri.v1.images"';
  const runtime = 'plugins."io.containerd.cri.v1.runtime"';
  return `
[${images}]
  snapshotter = "${snapshotter}"
[${images}.pinned_images]
  sandbox = "${pauseImage}"
[${images}.registry]
  config_path = "${folder}/certs.d"
[plugins."io.containerd.transfer.v1.local"]
  config_path = "${folder}/certs.d"
${snapshotter === "overlayfs" ? "" : unpackInto(snapshotter)}
[plugins."io.containerd.nri.v1.nri"]
  disable = false
  socket_path = "/run/nri/nri.sock"
  plugin_path = "${folder}/nri/plugins"
  plugin_config_path = "${folder}/nri/conf.d"
[${runtime}]
${RESTRICTIONS}  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
[${runtime}.cni]
  ${/^2\.0\./.test(version) ? `bin_dir = "${CNI_BINARIES}"` : `bin_dirs = ["${CNI_BINARIES}"]`}
  conf_dir = "${folder}/net.d"
[${runtime}.containerd]
  default_runtime_name = "runc"
${handlers.map((handler) => renderHandler({ plugin: runtime, folder, version }, handler)).join("")}`;
}

// The transfer service of 2.x unpacks only into what is listed here.
function unpackInto(snapshotter: string): string {
  return `[[plugins."io.containerd.transfer.v1.local".unpack_config]]
  platform = "linux"
  snapshotter = "${snapshotter}"
  differ = "${snapshotter === "erofs" ? "erofs" : "walking"}"
`;
}

interface HandlerPlace {
  readonly plugin: string;
  readonly folder: string;
  readonly version: string;
}

function renderHandler({ plugin, folder, version }: HandlerPlace, handler: LabHandler): string {
  const table = `${plugin}.containerd.runtimes.${handler.name}`;
  const lines = [`[${table}]`, `  runtime_type = "${handler.runtimeType}"`];
  if (handler.runtimePath !== undefined) lines.push(`  runtime_path = "${handler.runtimePath}"`);
  if (handler.sandboxer !== undefined && configVersion(version) > 2) lines.push(`  sandboxer = "${handler.sandboxer}"`);
  if (handler.configText !== undefined) {
    lines.push("  privileged_without_host_devices = true");
    lines.push(`  pod_annotations = ${JSON.stringify(POD_ANNOTATIONS)}`);
  }
  if (handler.hasConfigPath === true) {
    lines.push(`  [${table}.options]`, `    ConfigPath = "${handlerConfigPath(folder, handler)}"`);
  }
  if (handler.binaryName !== undefined) {
    lines.push(`  [${table}.options]`, `    BinaryName = "${handler.binaryName}"`, "    SystemdCgroup = false");
  }
  return `${lines.join("\n")}\n`;
}

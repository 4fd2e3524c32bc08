// config.json -> Spec. The text comes from whoever may talk to containerd, so sizes are bounded
// and every wrong field is refused by its path; members we do not know are dropped.
import { flag, integer, list, may, must, object, oneOf, record, text, uint32 } from "../lib/decode.ts";
import { errorText, InvalidRequest } from "../lib/errors.ts";
import {
  type Capabilities,
  type ContainerSpec,
  type CpuResources,
  type Device,
  type DeviceCgroup,
  type Hook,
  type Hooks,
  type HugepageLimit,
  type IdMapping,
  type Linux,
  type MemoryResources,
  type Mount,
  type Namespace,
  namespaceTypes,
  type Process,
  type Resources,
  type Rlimit,
  type Root,
  type Seccomp,
  type SeccompArg,
  type SeccompRule,
  type Spec,
  type User,
} from "./types.ts";
import { int64, parseWideJson, uint64 } from "./wide-json.ts";

/** What one agent request can hold (ttrpc's limit); a larger specification could never reach the guest. */
export const maxSpecBytes = 4 * 1024 * 1024;

const texts = list(text);

const idMappings = list(object<IdMapping>({ containerID: must(uint32), hostID: must(uint32), size: must(uint32) }));

const mount = object<Mount>({
  destination: must(text),
  type: may(text),
  source: may(text),
  options: may(texts),
  uidMappings: may(idMappings),
  gidMappings: may(idMappings),
});

const root = object<Root>({ path: must(text), readonly: may(flag) });

const user = object<User>({
  uid: must(uint32),
  gid: must(uint32),
  umask: may(integer(0, 0o7777)),
  additionalGids: may(list(uint32)),
  username: may(text),
});

const capabilities = object<Capabilities>({
  bounding: may(texts),
  effective: may(texts),
  inheritable: may(texts),
  permitted: may(texts),
  ambient: may(texts),
});

const rlimit = object<Rlimit>({ type: must(text), hard: must(uint64), soft: must(uint64) });

const process_ = object<Process>({
  terminal: may(flag),
  consoleSize: may(object({ height: must(uint32), width: must(uint32) })),
  user: must(user),
  args: may(texts),
  env: may(texts),
  cwd: must(text),
  capabilities: may(capabilities),
  rlimits: may(list(rlimit)),
  noNewPrivileges: may(flag),
  apparmorProfile: may(text),
  oomScoreAdj: may(integer(-1000, 1000)),
  selinuxLabel: may(text),
});

const hooksOf = list(
  object<Hook>({
    path: must(text),
    args: may(texts),
    env: may(texts),
    timeout: may(integer(0, Number.MAX_SAFE_INTEGER)),
  }),
);

const hooks = object<Hooks>({
  prestart: may(hooksOf),
  createRuntime: may(hooksOf),
  createContainer: may(hooksOf),
  startContainer: may(hooksOf),
  poststart: may(hooksOf),
  poststop: may(hooksOf),
});

const namespace = object<Namespace>({ type: must(oneOf(namespaceTypes)), path: may(text) });

const device = object<Device>({
  type: must(text),
  path: must(text),
  major: may(integer(-1, 0xffff_ffff)),
  minor: may(integer(-1, 0xffff_ffff)),
  fileMode: may(uint32),
  uid: may(uint32),
  gid: may(uint32),
});

const deviceCgroup = object<DeviceCgroup>({
  allow: must(flag),
  type: may(text),
  major: may(int64),
  minor: may(int64),
  access: may(text),
});

const memory = object<MemoryResources>({
  limit: may(int64),
  reservation: may(int64),
  swap: may(int64),
  kernel: may(int64),
  kernelTCP: may(int64),
  swappiness: may(uint64),
  disableOOMKiller: may(flag),
  useHierarchy: may(flag),
});

const cpu = object<CpuResources>({
  shares: may(uint64),
  quota: may(int64),
  burst: may(uint64),
  period: may(uint64),
  realtimeRuntime: may(int64),
  realtimePeriod: may(uint64),
  cpus: may(text),
  mems: may(text),
});

const resources = object<Resources>({
  devices: may(list(deviceCgroup)),
  memory: may(memory),
  cpu: may(cpu),
  pids: may(object({ limit: must(int64) })),
  hugepageLimits: may(list(object<HugepageLimit>({ pageSize: must(text), limit: must(uint64) }))),
  unified: may(record(text)),
});

const seccompArg = object<SeccompArg>({
  index: must(integer(0, 5)),
  value: must(uint64),
  valueTwo: may(uint64),
  op: must(text),
});

const seccompRule = object<SeccompRule>({
  names: must(texts),
  action: must(text),
  errnoRet: may(uint32),
  args: may(list(seccompArg)),
});

const seccomp = object<Seccomp>({
  defaultAction: must(text),
  defaultErrnoRet: may(uint32),
  architectures: may(texts),
  flags: may(texts),
  listenerPath: may(text),
  listenerMetadata: may(text),
  syscalls: may(list(seccompRule)),
});

const linux = object<Linux>({
  uidMappings: may(idMappings),
  gidMappings: may(idMappings),
  sysctl: may(record(text)),
  resources: may(resources),
  cgroupsPath: may(text),
  namespaces: may(list(namespace)),
  devices: may(list(device)),
  seccomp: may(seccomp),
  rootfsPropagation: may(text),
  maskedPaths: may(texts),
  readonlyPaths: may(texts),
  mountLabel: may(text),
});

const spec = object<Spec>({
  ociVersion: must(text),
  process: may(process_),
  root: may(root),
  hostname: may(text),
  domainname: may(text),
  mounts: may(list(mount)),
  hooks: may(hooks),
  annotations: may(record(text)),
  linux: may(linux),
});

export function parseSpec(json: string | Uint8Array): Spec {
  return spec(parseBounded(json, "config.json"), "");
}

/** The process of an Exec request: the same shape as `process` in config.json. */
export function parseProcess(json: string | Uint8Array): Process {
  return requireRunnable(process_(parseBounded(json, "spec"), ""), "");
}

/** The resources of an Update request: the same shape as `linux.resources` in config.json. */
export function parseResources(json: string | Uint8Array): Resources {
  return resources(parseBounded(json, "resources"), "");
}

/** Refuses a specification that no container can be made from. */
export function requireContainerSpec(given: Spec): ContainerSpec {
  const { process, root: rootfs, linux: lin } = given;
  if (process === undefined) throw new InvalidRequest("process", "is missing");
  if (rootfs === undefined) throw new InvalidRequest("root", "is missing");
  if (rootfs.path === "") throw new InvalidRequest("root.path", "is empty");
  return { ...given, process: requireRunnable(process, "process."), root: rootfs, linux: lin ?? {} };
}

function requireRunnable(process: Process, prefix: string): Process {
  if (process.args === undefined || process.args.length === 0) throw new InvalidRequest(`${prefix}args`, "is empty");
  if (!process.cwd.startsWith("/")) throw new InvalidRequest(`${prefix}cwd`, "must be an absolute path");
  return process;
}

function parseBounded(json: string | Uint8Array, subject: string): unknown {
  const bytes = typeof json === "string" ? Buffer.byteLength(json) : json.byteLength;
  if (bytes > maxSpecBytes) {
    throw new InvalidRequest(subject, `is ${bytes} bytes long, at most ${maxSpecBytes} are allowed`);
  }
  try {
    return parseWideJson(typeof json === "string" ? json : Buffer.from(json).toString("utf8"));
  } catch (error) {
    throw new InvalidRequest(subject, `is not JSON: ${errorText(error)}`, { cause: error });
  }
}

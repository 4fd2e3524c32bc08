// Fuzz targets of the documents that others write for us: OCI specifications, configuration files, pod
// annotations, a container's request for evidence.
import { gzipSync } from "node:zlib";
import { applyOverrides, initdataAnnotation } from "../../src/config/overrides.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { parseEvidenceRequest } from "../../src/guest/evidence/request.ts";
import { InvalidConfig, InvalidRequest, NotFound } from "../../src/lib/errors.ts";
import { parseProcess, parseResources, parseSpec } from "../../src/oci/parse-spec.ts";
import { renderWideJson } from "../../src/oci/wide-json.ts";
import { toAgentSpec } from "../../src/translate/agent-spec.ts";
import * as agent from "../../src/wire/gen/kata/oci.ts";
import { disturb, disturbances } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";

const limits = { limit: 1, reservation: 2 ** 53, swap: -1 };
const process = {
  terminal: false,
  user: { uid: 0, gid: 0, umask: 18, additionalGids: [1] },
  args: ["sh", "-c", "echo hi"],
  env: ["PATH=/bin"],
  cwd: "/",
  capabilities: { bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"] },
  rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 512 }],
  noNewPrivileges: true,
  oomScoreAdj: -997,
};
const resources = {
  devices: [{ allow: false, access: "rwm" }],
  memory: limits,
  cpu: { shares: 2, quota: -1, period: 100_000, cpus: "0-1" },
  pids: { limit: 10 },
  hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
  unified: { "memory.high": "max" },
};
const spec = {
  ociVersion: "1.1.0",
  process,
  root: { path: "rootfs", readonly: true },
  hostname: "pod",
  mounts: [{ destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec"] }],
  annotations: { "io.kubernetes.cri.container-type": "container" },
  linux: {
    namespaces: [{ type: "pid" }, { type: "network", path: "/proc/1/ns/net" }],
    uidMappings: [{ containerID: 0, hostID: 1, size: 65536 }],
    resources,
    cgroupsPath: "/kubepods/x",
    sysctl: { "net.ipv4.ip_forward": "1" },
    maskedPaths: ["/proc/kcore"],
    seccomp: {
      defaultAction: "SCMP_ACT_ERRNO",
      architectures: ["SCMP_ARCH_X86_64"],
      syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] }],
    },
    devices: [{ path: "/dev/x", type: "c", major: 1, minor: 3, fileMode: 438, uid: 0, gid: 0 }],
  },
};
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

const config = `# comment
[vm]
default_vcpus = 2
default_memory = 1024
boot = "direct"
vcpu_classes = [1, 2, 4]
kernel_params = """quiet"""
[annotations]
allow = ["default_vcpus", "kernel_params", "cc_init_data"]
`;
const overrides = {
  "io.katacontainers.config.hypervisor.default_vcpus": "4",
  "io.katacontainers.config.hypervisor.kernel_params": "loglevel=7",
  [initdataAnnotation]: gzipSync("version").toString("base64"),
};

const loaded = parseConfig([{ path: "fuzz.toml", text: config }]);

/** The way of a specification into an agent's request. */
function carrySpec(bytes: Uint8Array): void {
  const parsed = parseSpec(bytes);
  parseSpec(renderWideJson(parsed));
  agent.Spec.encode(toAgentSpec(parsed));
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "oci-spec",
    refusals: [InvalidRequest],
    seeds: () => [json(spec), json({ ociVersion: "1.0.2", linux: { resources: { memory: limits } } })],
    run: carrySpec,
  },
  {
    name: "oci-values",
    refusals: [InvalidRequest],
    seeds: () => disturbances(32),
    run: (bytes) => carrySpec(json(disturb(spec, bytes))),
  },
  {
    name: "oci-process",
    refusals: [InvalidRequest],
    seeds: () => [json(process)],
    run: (bytes) => void parseProcess(bytes),
  },
  {
    name: "oci-resources",
    refusals: [InvalidRequest],
    seeds: () => [json(resources)],
    run: (bytes) => void parseResources(bytes),
  },
  {
    name: "config",
    refusals: [InvalidConfig],
    seeds: () => [Buffer.from(config), Buffer.from(`a = ${"[".repeat(5000)}`)],
    run: (bytes) => void parseConfig([{ path: "fuzz.toml", text: text(bytes) }]),
  },
  {
    name: "annotations",
    refusals: [InvalidConfig],
    // the first byte picks the annotation, the rest is its value
    seeds: () => Object.values(overrides).map((value, index) => Buffer.from(String.fromCharCode(index) + value)),
    run(bytes) {
      const names = Object.keys(overrides);
      const name = names[(bytes[0] ?? 0) % names.length] ?? "";
      applyOverrides(loaded, { [name]: text(bytes.subarray(1)) });
    },
  },
  {
    name: "evidence-request",
    refusals: [InvalidRequest, NotFound],
    seeds: () => [
      Buffer.from("/aa/evidence?runtime_data=nonce"),
      Buffer.from("/aa/evidence?runtime_data=00ff&encoding=hex"),
      Buffer.from("//"),
    ],
    run: (bytes) => void parseEvidenceRequest(text(bytes)),
  },
];

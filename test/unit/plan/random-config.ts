// Configurations by dice, right and wrong values mixed, from the schema itself; the same seed gives
// the same ones.

import { initdataAnnotation } from "../../../src/config/overrides.ts";
import { keys } from "../../../src/config/schema.ts";
import type { PodRequest } from "../../../src/plan/inputs.ts";
import { initdataAnnotationValue } from "./cases.ts";

export type Random = () => number;

/** mulberry32 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

const block = (policy: bigint) => {
  const bytes = Buffer.alloc(96, 7);
  bytes.writeBigUInt64LE(policy, 88);
  return bytes.toString("base64");
};

/** Values per key that are mostly right; everything else gets junk now and then. */
const samples: Readonly<Record<string, readonly unknown[]>> = {
  "vm.tee": ["none", "snp", "tdx"],
  "vm.boot": ["uki", "uki-disk", "direct"],
  "vm.accelerator": ["auto", "kvm", "tcg"],
  "vm.cpu_model": ["", "host", "max", "EPYC-v4", "EPYC-Milan-v2", "max,-cx16"],
  "vm.default_vcpus": [1, 2, 8, 64, 240],
  "vm.vcpu_classes": [[1, 2, 4], [2], [1, 2, 4, 8, 16, 32, 64, 128, 240], [4, 2], []],
  "vm.default_memory": [256, 2048, 65_536],
  "vm.vsock": ["auto", "vhost", "vhost-user"],
  "vm.block_driver": ["virtio-scsi", "virtio-blk"],
  "vm.hotplug_ports": [0, 4, 20],
  "vm.kernel_params": ["", "loglevel=7", "a=,b"],
  "vm.sandbox": [true, false],
  "vm.max_vcpus": [1, 8, 240],
  "vm.max_memory": [256, 16_384, 1_048_576],
  "container.static_resources": [true, false],
  "paths.firmware": ["/usr/share/ovmf/OVMF.fd", "/fw/OVMF.amdsev.fd", "builtin", "/a,b"],
  "paths.igvm": ["", "/fw/svsm.igvm"],
  "tpm.device": ["auto", "none", "swtpm"],
  "snp.policy": ["0x30000", "0xb0000", "0x1", "0xffffffffffffffff"],
  "snp.cbitpos": [0, 47, 51],
  "snp.id_block": ["", block(0x30000n), block(0xb0000n), "AAAA"],
  "snp.id_auth": ["", Buffer.alloc(4096).toString("base64"), "AAAA"],
  "tdx.mrowner": ["", Buffer.alloc(48, 1).toString("base64"), "AAAA"],
  "tdx.quote_vsock_port": [0, 4050],
};
const junk = [-1, 1.5, "nonsense", "", true, [], 99_999_999_999];

export function randomConfig(random: Random): string {
  const sections = new Map<string, string[]>();
  for (const id of keys.keys()) {
    const chosen = random() < (samples[id] === undefined ? 0.01 : 0.25);
    if (!chosen) continue;
    const value = random() < 0.97 && samples[id] !== undefined ? pick(random, samples[id]) : pick(random, junk);
    const [section = "", name = ""] = id.split(".");
    const misspelt = random() < 0.002 ? `${name}x` : name;
    sections.set(section, [...(sections.get(section) ?? []), `${misspelt} = ${JSON.stringify(value)}`]);
  }
  return [...sections].map(([name, lines]) => `[${name}]\n${lines.join("\n")}\n`).join("");
}

export function randomPod(random: Random): PodRequest {
  const count = (most: number) => Array.from({ length: Math.floor(random() * (most + 1)) }, (_, i) => i);
  return {
    podId: pick(random, ["p", "0af3".repeat(16), "a.b-c_d"]),
    runDir: "/run/kata-cvm/pods/0123456789abcdef",
    ...(random() < 0.5 ? { netns: "/var/run/netns/cni-1" } : {}),
    nics: count(3).map((i) => ({ tap: `tap${i}`, mac: `0a:58:0a:58:00:0${i}`, mtu: pick(random, [576, 1500, 9000]) })),
    layers: count(2).map((i) => ({ id: `layer-${i}`, path: `/layers/${i}.erofs` })),
    ...(random() < 0.3
      ? { limits: { milliCpus: pick(random, [1, 1500]), memoryBytes: pick(random, [1, 2 ** 32]) } }
      : {}),
    annotations: random() < 0.3 ? { [initdataAnnotation]: initdataAnnotationValue } : {},
  };
}

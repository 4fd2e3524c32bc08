// The matrix of issue 3: every class of launch with every kind of request, from fixed facts.
import { initdataAnnotation } from "../../../src/config/overrides.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import type { RuntimeConfig } from "../../../src/config/schema.ts";
import type { HostFacts, PodRequest } from "../../../src/plan/inputs.ts";

export const classes = {
  "snp-igvm": '[vm]\ntee = "snp"\n[paths]\nigvm = "/usr/share/kata-cvm/coconut-qemu.igvm"',
  "snp-ovmf-uki": '[vm]\ntee = "snp"\n[paths]\nfirmware = "/usr/share/ovmf/OVMF.amdsev.fd"',
  "snp-ovmf-initrd":
    '[vm]\ntee = "snp"\nboot = "direct"\nkernel_params = "loglevel=7"\n[paths]\nfirmware = "/usr/share/ovmf/OVMF.amdsev.fd"',
  tdx: '[vm]\ntee = "tdx"\n[paths]\nfirmware = "/usr/share/ovmf/OVMF.inteltdx.fd"',
  "dev-measured": "",
  "dev-fast": '[vm]\nboot = "direct"\n[paths]\nfirmware = "builtin"',
  "dev-growing":
    '[vm]\nboot = "direct"\naccelerator = "kvm"\n[paths]\nfirmware = "builtin"\n[container]\nstatic_resources = false',
} as const;
export type ClassName = keyof typeof classes;

export const hostFacts: HostFacts = {
  kvm: { usable: false, reason: "a fixed fact" },
  qemu: {
    path: "/usr/bin/qemu-system-x86_64",
    version: "11.0.1",
    objects: ["sev-snp-guest", "tdx-guest", "igvm-cfg", "memory-backend-memfd"],
    machineProperties: ["confidential-guest-support", "igvm-cfg", "memory-backend"],
    sandbox: true,
  },
  snp: { supported: true, cbitpos: 51, reducedPhysBits: 1, origin: "the test" },
  tdx: { supported: true },
  vhostVsock: true,
  vhostNet: true,
  quoteSocket: true,
  virtiofsd: false,
  image: {
    dir: "/var/lib/kata-cvm/images/default",
    rootHash: "e8605b4ff41df03efc7cd84df0d2f87345497c2627645bebaf00d533c05026a7",
    cmdline: "roothash=e8605b4ff41df03efc7cd84df0d2f87345497c2627645bebaf00d533c05026a7 console=ttyS0 quiet",
    files: ["image.json", "initrd.img", "root.erofs", "root.verity", "uki.efi", "vmlinuz"],
  },
};

/** A document of one file, aa.toml, as text: each version of zlib packs it otherwise, and the golden files have this. */
export const initdataAnnotationValue =
  "H4sIAAAAAAAAAytLLSrOzM9TsFVQMtAz1DNQ4krMSc8vyizJyAWJFWckGpmaKXFFpySWJMZyKSUm6pXk5+YogeQqFGwVDJW4AJlU1IZCAAAA";

const base: PodRequest = {
  podId: "pod1",
  runDir: "/run/kata-cvm/pods/1",
  netns: "/var/run/netns/cni-1",
  nics: [{ tap: "tap0_kcvm", mac: "0a:58:0a:58:00:05", mtu: 1450 }],
  annotations: {},
};

/** An ID block for the default policy; its signature is nothing a machine would accept. */
export const idBlockToml = () => {
  const block = Buffer.alloc(96, 0xa5);
  block.writeUInt32LE(1, 80);
  block.writeBigUInt64LE(0x30000n, 88);
  return `\n[snp]\nid_block = "${block.toString("base64")}"\nid_auth = "${Buffer.alloc(4096, 0x5a).toString("base64")}"`;
};

export const variants: Readonly<Record<string, { readonly pod: PodRequest; readonly toml?: () => string }>> = {
  minimal: { pod: base },
  initdata: { pod: { ...base, annotations: { [initdataAnnotation]: initdataAnnotationValue } } },
  "id-block": { pod: base, toml: idBlockToml },
  "two-nics": { pod: { ...base, nics: [...base.nics, { tap: "tap1_kcvm", mac: "0a:58:0a:59:00:05", mtu: 9000 }] } },
  "three-layers": {
    pod: {
      ...base,
      layers: ["a", "b", "c"].map((id) => ({ id: `layer-${id}`, path: `/var/lib/kata-cvm/layers/${id}.erofs` })),
    },
  },
};

export interface PlanCase {
  readonly name: string;
  readonly config: RuntimeConfig;
  readonly toml: string;
  readonly pod: PodRequest;
}

/** TOML allows a section once: lines of a later text join the section they belong to. */
export function mergeToml(...texts: string[]): string {
  const sections = new Map<string, string[]>();
  let current = "";
  for (const line of texts.join("\n").split("\n")) {
    const header = /^\[(\w+)\]$/.exec(line);
    if (header !== null) current = header[1] ?? "";
    else if (line !== "") sections.set(current, [...(sections.get(current) ?? []), line]);
  }
  return [...sections].map(([name, lines]) => `[${name}]\n${lines.join("\n")}\n`).join("");
}

export function planCases(): PlanCase[] {
  return Object.entries(classes).flatMap(([className, classToml]) =>
    Object.entries(variants).map(([variant, { pod, toml }]) => {
      const text = mergeToml(classToml, toml?.() ?? "");
      return {
        name: `${className}/${variant}`,
        toml: text,
        config: parseConfig([{ path: "case.toml", text }]).config,
        pod,
      };
    }),
  );
}

import assert from "node:assert/strict";
import { parseConfig } from "../../../src/config/parse.ts";
import { EnvironmentLacks, InvalidRequest } from "../../../src/lib/errors.ts";
import type { HostFacts, PodRequest } from "../../../src/plan/inputs.ts";
import type { ContainerLimits } from "../../../src/plan/limits.ts";
import { measuredParts } from "../../../src/plan/measured-parts.ts";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import { renderQemuArgv } from "../../../src/plan/qemu-argv.ts";
import { classes, hostFacts, mergeToml } from "./cases.ts";

const base: PodRequest = { podId: "p", runDir: "/run/p", nics: [], annotations: {} };

function plan(toml: string, changes: { pod?: Partial<PodRequest>; host?: Partial<HostFacts> } = {}) {
  const { config } = parseConfig([{ path: "t.toml", text: toml }]);
  return planLaunch(config, { ...hostFacts, ...changes.host }, { ...base, ...changes.pod });
}

const cri = (name: string) => `io.kubernetes.cri.sandbox-${name}`;
const sizeOf = (annotations: Readonly<Record<string, string>>, toml = "", limits: ContainerLimits = {}) => {
  const { cpu, memory } = plan(toml, { pod: { annotations, limits } });
  return [cpu.vcpus, memory.sizeMiB];
};

describe("the size of a VM", () => {
  const sizes: [string, Readonly<Record<string, string>>, number[]][] = [
    ["is the default without limits", {}, [2, 2048]],
    [
      "follows the CPU limit up to the next class",
      { [cri("cpu-quota")]: "250000", [cri("cpu-period")]: "100000" },
      [4, 2048],
    ],
    ["is one CPU for a part of one", { [cri("cpu-quota")]: "10000" }, [1, 2048]],
    ["adds the guest's own memory to the limit", { [cri("memory")]: "134217728" }, [2, 640]],
    ["rounds up to whole 2 MiB", { [cri("memory")]: "1048577" }, [2, 514]],
    ["takes zero and negative limits as none", { [cri("memory")]: "0", [cri("cpu-quota")]: "-1" }, [2, 2048]],
  ];
  for (const [what, annotations, expected] of sizes) {
    it(what, () => assert.deepEqual(sizeOf(annotations), expected));
  }

  it("is refused above the largest class, by the annotation's name", () => {
    assert.throws(
      () => sizeOf({ [cri("cpu-quota")]: "400000" }, "[vm]\nvcpu_classes = [1, 2]"),
      new InvalidRequest(`annotations["${cri("cpu-quota")}"]`, "asks for 4 CPUs, the largest of vm.vcpu_classes is 2"),
    );
  });

  it("follows the limits of a container that is a pod of its own", () => {
    assert.deepEqual(sizeOf({}, "", { milliCpus: 2001, memoryBytes: 3 * 1024 ** 3 }), [4, 3584]);
  });

  it("follows the pod's annotations where they and a container speak", () => {
    const limits = { milliCpus: 8000, memoryBytes: 1024 ** 3 };
    assert.deepEqual(sizeOf({ [cri("cpu-quota")]: "100000", [cri("memory")]: "134217728" }, "", limits), [1, 640]);
  });

  it("adds the configured overhead, which the RuntimeClass accounts for, to the sum of limits and nothing to the default", () => {
    const toml = "[vm]\nmemory_overhead = 100\ndefault_memory = 300";
    assert.deepEqual(sizeOf({ [cri("memory")]: String(400 * 1024 ** 2) }, toml), [2, 500]);
    assert.deepEqual(sizeOf({}, toml), [2, 300]);
  });

  it("is refused for a container of its own by the field of its specification", () => {
    assert.throws(
      () => sizeOf({}, "", { milliCpus: 65_000 }),
      /^InvalidRequest: linux\.resources\.cpu\.quota: asks for 65/,
    );
  });

  it("is refused above what a VM that grows could grow to, by field and key, and only there", () => {
    const growing = "[container]\nstatic_resources = false\n[vm]\nmax_vcpus = 4\nmax_memory = 4096";
    const memory = { [cri("memory")]: String(3.5 * 1024 ** 3) };
    assert.deepEqual(sizeOf(memory, growing, { milliCpus: 4000 }), [4, 4096]);
    assert.throws(
      () => sizeOf({ [cri("memory")]: String(3.5 * 1024 ** 3 + 1) }, growing),
      new InvalidRequest(
        `annotations["${cri("memory")}"]`,
        "asks for 4097 MiB with the guest's own, the largest VM has 4096 (vm.max_memory)",
      ),
    );
    assert.throws(
      () => sizeOf({}, growing, { milliCpus: 4001 }),
      new InvalidRequest("linux.resources.cpu.quota", "asks for 5 CPUs, the largest VM has 4 (vm.max_vcpus)"),
    );
    const fixed = growing.replace("false", "true");
    assert.deepEqual(sizeOf({ [cri("memory")]: String(8 * 1024 ** 3) }, fixed, { milliCpus: 5000 }), [8, 8704]);
  });

  it("is refused when the annotation is no number", () => {
    assert.throws(() => sizeOf({ [cri("memory")]: "1Gi" }), /"1Gi" is no whole number/);
  });
});

describe("the share of host directories", () => {
  const host = { virtiofsd: true };
  const helpers = (toml: string, changes = {}) => plan(toml, changes).helpers.map((helper) => helper.kind);

  it("is there for auto where the daemon is and no TEE, on demand without it, and never for copies", () => {
    assert.ok(helpers("", { host }).includes("virtiofsd"));
    assert.ok(!helpers("").includes("virtiofsd"));
    assert.ok(helpers('[volumes]\nhost_paths = "share"').includes("virtiofsd"));
    assert.ok(!helpers('[volumes]\nhost_paths = "copy"', { host }).includes("virtiofsd"));
  });

  it("is no part of a confidential guest", () => {
    for (const name of ["snp-igvm", "snp-ovmf-uki", "snp-ovmf-initrd", "tdx"] as const) {
      const { share, helpers, hotDevices } = plan(classes[name], { host });
      assert.equal(share, undefined);
      assert.ok(!JSON.stringify({ helpers, hotDevices }).includes("virtiofsd"), name);
    }
  });

  it("is a directory beside the VM's own, in memory that the daemon shares, at the end of one socket", () => {
    const { share, memory, hotDevices, helpers, runFiles } = plan("", { host });
    assert.deepEqual(share, { dir: "/run/p/share", tag: "kata-cvm-host" });
    assert.ok(!"/run/p/share".startsWith(`${runFiles.dir}/`), "which is removed whole at the VM's end");
    assert.equal(memory.share, true);
    const device = hotDevices.find(({ kind }) => kind === "vhost-user-fs");
    const daemon = helpers.find(({ kind }) => kind === "virtiofsd");
    assert.equal(device !== undefined && "socket" in device && device.socket, daemon?.socket);
  });
});

describe("the accelerator", () => {
  const kvm = { usable: true, reason: "" };
  it("is KVM for auto only when it was proved", () => {
    assert.deepEqual([plan("").accelerator, plan("").cpu.model], ["tcg", "max,-erms,-fsrm,-la57"]);
    const proved = plan("", { host: { kvm } });
    assert.deepEqual([proved.accelerator, proved.cpu.model], ["kvm", "host"]);
  });

  it("is KVM for a confidential guest whatever the proof of ordinary guests says", () => {
    assert.equal(plan(classes.tdx).accelerator, "kvm");
  });
});

describe("the kernel command line", () => {
  it("is the image's with a UKI, and never an argument of QEMU's", () => {
    const found = plan("");
    assert.equal(found.cmdline, hostFacts.image.cmdline);
    assert.ok(!renderQemuArgv(found).includes("-append"));
  });

  it("is composed once for a direct boot, and QEMU gets exactly that", () => {
    const found = plan(mergeToml(classes["dev-fast"], '[vm]\nkernel_params = " a=1  b "', "[agent]\ndebug = true"));
    assert.equal(found.cmdline, `${hostFacts.image.cmdline} agent.log=debug a=1  b`);
    const argv = renderQemuArgv(found);
    assert.equal(argv[argv.indexOf("-append") + 1], found.cmdline);
  });

  it("is refused when the kernel would cut it", () => {
    const image = { ...hostFacts.image, cmdline: "x".repeat(2_000) };
    const toml = mergeToml(classes["dev-fast"], `[vm]\nkernel_params = "${"y".repeat(60)}"`);
    assert.throws(() => plan(toml, { host: { image } }), /makes a command line of 2061 bytes, the kernel keeps 2047/);
  });
});

describe("planLaunch refuses", () => {
  const without = (type: string) => ({
    qemu: { ...hostFacts.qemu, version: "10.0.2", objects: hostFacts.qemu.objects.filter((name) => name !== type) },
  });
  const lacking: [string, string, Partial<HostFacts>, RegExp][] = [
    [
      "IGVM with a QEMU built without it",
      classes["snp-igvm"],
      without("igvm-cfg"),
      /^this QEMU \(10\.0\.2\) was built without IGVM support; set paths\.qemu/,
    ],
    [
      "SNP with a QEMU that has no such object",
      classes["snp-ovmf-uki"],
      without("sev-snp-guest"),
      /has no sev-snp-guest object; use QEMU 9\.1/,
    ],
    [
      "TDX with a QEMU that has no such object",
      classes.tdx,
      without("tdx-guest"),
      /has no tdx-guest object; use QEMU 10\.1/,
    ],
    [
      "SNP when nobody knows the C-bit",
      classes["snp-ovmf-uki"],
      { snp: { supported: false, cbitpos: 0, reducedPhysBits: 0, origin: "QEMU says: no SEV" } },
      /unknown \(QEMU says: no SEV\); .* set snp\.cbitpos and snp\.reduced_phys_bits/,
    ],
    [
      "SNP when only the C-bit is known",
      `${classes["snp-ovmf-uki"]}\n[snp]\ncbitpos = 51`,
      { snp: { supported: false, cbitpos: 0, reducedPhysBits: 0, origin: "not asked" } },
      /set snp\.cbitpos and snp\.reduced_phys_bits/,
    ],
    [
      "a UKI that the image lacks",
      "",
      { image: { ...hostFacts.image, files: [] } },
      /has no uki\.efi, which boot = "uki" needs/,
    ],
  ];
  for (const [what, toml, host, message] of lacking) {
    it(what, () => {
      assert.throws(
        () => plan(toml, { host }),
        (error) => error instanceof EnvironmentLacks && message.test(error.message),
      );
    });
  }

  const requests: [string, Partial<PodRequest>, RegExp][] = [
    ["a pod id that could leave its directory", { podId: "../x" }, /^podId: /],
    [
      "a run directory too long for sockets",
      { runDir: `/${"x".repeat(100)}` },
      /^runDir: .* does not fit a socket address$/,
    ],
    ["a run directory with a comma, which QEMU would split at", { runDir: "/run/a,b" }, /^runDir: /],
    ["a network namespace that is no path", { netns: "cni-1" }, /^netns: /],
  ];
  for (const [what, pod, message] of requests) {
    it(what, () => {
      assert.throws(
        () => plan("", { pod }),
        (error) => error instanceof InvalidRequest && message.test(error.message),
      );
    });
  }
});

describe("measuredParts", () => {
  const rules: [keyof typeof classes, string][] = [
    ["snp-igvm", "snp-igvm"],
    ["snp-ovmf-uki", "snp-ovmf"],
    ["snp-ovmf-initrd", "snp-ovmf"],
    ["tdx", "tdx"],
    ["dev-measured", "tpm"],
    ["dev-fast", "none"],
  ];
  for (const [name, rule] of rules) {
    it(`measures ${name} by the rule ${rule}`, () => assert.equal(measuredParts(plan(classes[name])).rule, rule));
  }

  it("names the very line and files that QEMU gets", () => {
    const found = plan(classes["snp-ovmf-initrd"]);
    const parts = measuredParts(found);
    assert.ok(parts.rule === "snp-ovmf");
    const argv = renderQemuArgv(found);
    const given = (option: string) => argv[argv.indexOf(option) + 1];
    assert.deepEqual(
      [parts.append, parts.kernel?.kernel, parts.kernel?.initrd, parts.firmware, parts.vcpuType, String(parts.vcpus)],
      [given("-append"), given("-kernel"), given("-initrd"), given("-bios"), given("-cpu"), given("-smp")],
    );
  });
});

describe("the kernel of a direct boot", () => {
  const files = [...hostFacts.image.files, "vmlinux"];
  const kernelOf = (firmware: string, given: readonly string[]) => {
    const host = { image: { ...hostFacts.image, files: given } };
    const { kernel } = plan(`[vm]\nboot = "direct"\n[paths]\nfirmware = "${firmware}"`, { host });
    return kernel?.kernel.replace(`${hostFacts.image.dir}/`, "");
  };

  it("is the unpacked one without firmware, where the image has it, and else the packed one", () => {
    assert.equal(kernelOf("builtin", files), "vmlinux");
    assert.equal(kernelOf("builtin", hostFacts.image.files), "vmlinuz");
    assert.equal(kernelOf("/usr/share/ovmf/OVMF.fd", files), "vmlinuz");
  });
});

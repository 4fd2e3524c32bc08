import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { applyOverrides, initdataAnnotation } from "../../../src/config/overrides.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { InvalidConfig } from "../../../src/lib/errors.ts";

const shipped = new URL("../../../configs/", import.meta.url);
const vcpusAnnotation = "io.katacontainers.config.hypervisor.default_vcpus";

interface Runtime {
  readonly runtime_type: string;
  readonly options?: { readonly ConfigPath: string };
}

interface ContainerdConfig {
  readonly version: number;
  readonly plugins: Readonly<Record<string, { containerd: { runtimes: Record<string, Runtime> } }>>;
}

function load(...texts: string[]) {
  return parseConfig(texts.map((text, i) => ({ path: `/etc/${i}.toml`, text })));
}

function problems(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof InvalidConfig, String(error));
    return error.problems.map((p) => `${p.file}:${p.line ?? "-"} ${p.key}: ${p.reason}`);
  }
  return assert.fail("nothing was refused");
}

describe("parseConfig", () => {
  it("makes a complete, deeply frozen configuration from nothing", () => {
    const { config, origins } = load();
    assert.equal(config.vm.defaultMemory, 2048);
    assert.equal(config.paths.layers, "/var/lib/kata-cvm/layers");
    assert.deepEqual(origins.get("vm.tee"), { file: "default" });
    assert.ok(Object.isFrozen(config) && Object.isFrozen(config.vm) && Object.isFrozen(config.vm.vcpuClasses));
  });

  it("lets a drop-in override one key and remembers where each value came from", () => {
    const { config, origins } = load("[vm]\ndefault_vcpus = 4\ndefault_memory = 512", "[vm]\n\ndefault_vcpus = 8");
    assert.deepEqual([config.vm.defaultVcpus, config.vm.defaultMemory], [8, 512]);
    assert.deepEqual(origins.get("vm.default_vcpus"), { file: "/etc/1.toml", line: 3 });
    assert.deepEqual(origins.get("vm.default_memory"), { file: "/etc/0.toml", line: 3 });
  });

  it("reports every problem of every file at once, with its line and the nearest known key", () => {
    const first = '[vm]\ndefault_vcpu = 2\ntee = "sgx"\n\n[path]\nqemu = "/q"';
    const second = '[snp]\npolicy = 30000\ndefault_memory = 1\n[log]\nzzzzzzzzzzzz = ""';
    assert.deepEqual(
      problems(() => load(first, second)),
      [
        "/etc/0.toml:2 vm.default_vcpu: unknown key; did you mean vm.default_vcpus?",
        "/etc/0.toml:5 path: unknown section; did you mean paths?",
        "/etc/1.toml:3 snp.default_memory: unknown key; did you mean vm.default_memory?",
        "/etc/1.toml:5 log.zzzzzzzzzzzz: unknown key",
        "/etc/0.toml:3 vm.tee: must be one of none, snp, tdx",
        "/etc/1.toml:2 snp.policy: must be a 64-bit number in hex such as 0x30000",
      ],
    );
  });

  it("finds lines past multi-line strings and in dotted keys", () => {
    assert.deepEqual(
      problems(() => load('vm.boot = "x"\n[log]\nlevel = """\n[tpm]\ndevice = 3\n"""\n[tpm]\ndevice = 4')),
      [
        "/etc/0.toml:1 vm.boot: must be one of uki, uki-disk, direct",
        "/etc/0.toml:8 tpm.device: must be one of auto, none, swtpm",
        "/etc/0.toml:3 log.level: must be one of debug, info, warn, error",
      ],
    );
  });

  it("gives a syntax error its line", () => {
    assert.match(problems(() => load("[vm]\ntee = "))[0] ?? "", /^\/etc\/0\.toml:2 \(file\): is not TOML/);
  });

  const block = Buffer.alloc(96);
  block.writeBigUInt64LE(0x30001n, 88);
  const conflicts: [string, string, string][] = [
    [
      "a UEFI boot without UEFI",
      '[paths]\nfirmware = "builtin"',
      'default:- vm.boot: "uki" needs UEFI, so a firmware file',
    ],
    [
      "SNP with the development firmware",
      '[vm]\ntee = "snp"',
      'default:- paths.firmware: must name a firmware built for tee = "snp"',
    ],
    [
      "a host TPM for a confidential guest",
      '[vm]\ntee = "tdx"\n[paths]\nfirmware = "/f"\n[tpm]\ndevice = "swtpm"',
      "/etc/0.toml:6 tpm.device: a TPM run by the host must not serve a confidential guest",
    ],
    [
      "host directories shared with a confidential guest",
      '[vm]\ntee = "tdx"\n[paths]\nfirmware = "/f"\n[volumes]\nhost_paths = "share"',
      "/etc/0.toml:6 volumes.host_paths: a confidential guest must not work on files that its host reads and changes",
    ],
    [
      "a policy without the mandatory bit",
      '[snp]\npolicy = "0x1"',
      "/etc/0.toml:2 snp.policy: 0x1 lacks bit 17, which the SNP firmware demands; the usual value is 0x30000",
    ],
    [
      "kernel parameters that a UKI would not see",
      '[vm]\nkernel_params = "a"',
      '/etc/0.toml:2 vm.kernel_params: the command line is inside the UKI; rebuild the image, or use boot = "direct"',
    ],
    [
      "an ID block for another policy",
      `[snp]\nid_block = "${block.toString("base64")}"\nid_auth = "AAAA"`,
      "default:- snp.policy: is 0x30000, but the ID block was signed for 0x30001",
    ],
    [
      "half of the ID pair",
      '[snp]\nid_auth = "AAAA"',
      "default:- snp.id_block: is missing: id_block and id_auth come as a pair",
    ],
  ];
  for (const [what, text, message] of conflicts) {
    it(`refuses ${what}`, () =>
      assert.deepEqual(
        problems(() => load(text)),
        [message],
      ));
  }
});

describe("applyOverrides", () => {
  it("changes an allowed key and names the annotation as its origin", () => {
    const { config, origins } = applyOverrides(load(), { [vcpusAnnotation]: "4" });
    assert.equal(config.vm.defaultVcpus, 4);
    assert.deepEqual(origins.get("vm.default_vcpus"), { file: `annotation ${vcpusAnnotation}` });
  });

  it("refuses what the operator did not allow, and says how to allow it", () => {
    const loaded = load('[annotations]\nallow = ["default_memory"]');
    assert.deepEqual(
      problems(() => applyOverrides(loaded, { [vcpusAnnotation]: "4", [initdataAnnotation]: "x" })),
      [
        `annotation:- ${vcpusAnnotation}: is not allowed; the operator may add "default_vcpus" to annotations.allow`,
        `annotation:- ${initdataAnnotation}: is not allowed; the operator may add "cc_init_data" to annotations.allow`,
      ],
    );
  });

  it("refuses a policy that nothing would bind the guest to, and says where policies belong", () => {
    const annotation = "io.katacontainers.config.agent.policy";
    assert.deepEqual(
      problems(() => applyOverrides(load(), { [annotation]: "cGFja2FnZQ==" })),
      [
        `annotation:- ${annotation}: is not sent; put policy.rego into the initdata, and an agent that enforces it into the image`,
      ],
    );
  });

  it("checks values as a file's are checked", () => {
    assert.deepEqual(
      problems(() => applyOverrides(load(), { [vcpusAnnotation]: "many" })),
      [`annotation ${vcpusAnnotation}:- vm.default_vcpus: must be a whole number from 1 to 240`],
    );
  });

  it("blames the annotation for a start beyond what a VM may grow to", () => {
    const loaded = load("[container]\nstatic_resources = false\n[vm]\nmax_vcpus = 4");
    assert.deepEqual(
      problems(() => applyOverrides(loaded, { [vcpusAnnotation]: "5" })),
      [`annotation ${vcpusAnnotation}:- vm.default_vcpus: is more than vm.max_vcpus (4)`],
    );
  });

  it("leaves the configuration alone when no annotation is ours", () => {
    const loaded = load();
    assert.equal(applyOverrides(loaded, { "io.kubernetes.cri.sandbox-id": "x" }), loaded);
  });
});

describe("the shipped configuration", () => {
  for (const name of readdirSync(shipped).filter((file) => file.endsWith(".toml"))) {
    it(`${name} is accepted`, () => {
      const text = readFileSync(new URL(name, shipped), "utf8");
      assert.doesNotThrow(() => parseConfig([{ path: name, text }]));
    });

    it(`${name} lets a pod ask for encrypted emptyDirs, as the README says`, () => {
      const loaded = parseConfig([{ path: name, text: readFileSync(new URL(name, shipped), "utf8") }]);
      const annotations = { "io.katacontainers.config.runtime.emptydir_mode": "block-encrypted" };
      assert.equal(applyOverrides(loaded, annotations).config.volumes.emptydirMode, "block-encrypted");
    });
  }

  for (const version of [2, 3, 4]) {
    it(`registers all handlers for containerd's configuration version ${version}`, () => {
      const file = new URL(`containerd/config-v${version}.toml`, shipped);
      const document = parse(readFileSync(file, "utf8")) as unknown as ContainerdConfig;
      const plugin = version === 2 ? "io.containerd.grpc.v1.cri" : "io.containerd.cri.v1.runtime";
      const runtimes = document.plugins[plugin]?.containerd.runtimes ?? {};
      assert.equal(document.version, version);
      assert.deepEqual(Object.keys(runtimes), ["kata-cvm", "kata-cvm-snp", "kata-cvm-tdx"]);
      const snp = runtimes["kata-cvm-snp"];
      // containerd 2 takes any options for runc's, so there the runtime type names the file
      if (version === 2) assert.equal(snp?.options?.ConfigPath, "/etc/kata-cvm/kata-cvm-snp.toml");
      else assert.deepEqual([snp?.runtime_type, snp?.options], ["io.containerd.kata-cvm-snp.v2", undefined]);
    });
  }
});

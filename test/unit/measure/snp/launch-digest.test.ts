// Vectors: dstack-mr (one value signed by a Milan machine) and sev-snp-measure; see the reference page on
// confidential launch, 5.1 and 5.2.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { InvalidRequest } from "../../../../src/lib/errors.ts";
import { hashKernelFiles } from "../../../../src/measure/kernel-hashes.ts";
import { firmwareGuids, parseOvmf, type SevSection } from "../../../../src/measure/ovmf.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { parseVcpuType } from "../../../../src/measure/snp/cpu-models.ts";
import { measureSnp, type SnpInputs, type SnpLayout, snpLayout } from "../../../../src/measure/snp/launch-digest.ts";
import { PageChain } from "../../../../src/measure/snp/page-chain.ts";
import { measureSev } from "../../../../src/measure/snp/sev-digest.ts";
import { firmwareImage, type Section, sevMetadata, u32 } from "../../../support/firmware-image.ts";
import { fixture } from "../../../support/tools.ts";

const empty = new Uint8Array();
const epyc = parseVcpuType("EPYC-v4");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const kernelWith = (cmdline: string) => hashKernelFiles({ kernel: empty, initrd: empty, cmdline });

function digestOf(layout: SnpLayout, rest: Partial<SnpInputs> = {}): string {
  const inputs = { layout, vcpus: 1, vcpuSignature: epyc, guestFeatures: 1n, vmm: "qemu", ...rest } as const;
  return hex(measureSnp(inputs).measurement);
}

function sections(...list: readonly Section[]): readonly SevSection[] {
  return parseOvmf(
    firmwareImage({ entries: [[firmwareGuids.sevMetadata, u32(4096)]], patches: [[0, sevMetadata(list)]] }),
  ).sevSections as readonly SevSection[];
}

describe("measureSnp against a value signed by hardware (dstack-mr REAL_MEASUREMENT_DOC)", () => {
  const layout: SnpLayout = {
    firmware: {
      digest: Buffer.from(
        "ffb57e393469a497c0e3b07bd1c97d8611e555f464d14491837665893ac642b263a71f9507ff100a847897fe0c3f8c6f",
        "hex",
      ),
    },
    sections: sections(
      [0x800000, 0x9000, 1],
      [0x80a000, 0x3000, 1],
      [0x80d000, 0x1000, 2],
      [0x80e000, 0x1000, 3],
      [0x80f000, 0x1000, 4],
      [0x811000, 0xf000, 1],
      [0x810000, 0x1000, 0x10],
    ),
    hashTableGpa: 8457216,
    apResetEip: 8433668,
  };
  const cmdline =
    "console=ttyS0 init=/init panic=1 net.ifnames=0 biosdevname=0 mce=off oops=panic pci=noearly pci=nommconf " +
    "random.trust_cpu=y random.trust_bootloader=n tsc=reliable no-kvmclock " +
    "dstack.rootfs_hash=ca5adaef0ac3a36108035925763b48a5818f634e700fbaab561d419fd30d7121 dstack.rootfs_size=490713088";
  const kernelHashes = {
    kernel: Buffer.from("dd9ea274ce9a07090b22e8284b0c841b65c021c2d15ca57d0f16731089dd226c", "hex"),
    initrd: Buffer.from("5f844c4a2ca5a3d0711b3db38293b21ba929bb8e0b3c5bc1a779a57f69221c19", "hex"),
    cmdline: createHash("sha256").update(`${cmdline}\0`).digest(),
  };
  const signed = "7f51e17f72a04d5422cb2c00998166536019a217376f3aa45a630e59c805a599847ff250dbffcd07e1ba639771d6f05d";

  it("gives the measurement of the Milan guest with 2 vCPUs", () => {
    assert.equal(digestOf(layout, { vcpus: 2, kernelHashes }), signed);
  });

  it("gives the value inside the signed report itself", function () {
    const report = fixture(this, "snp/dstack-milan-attestation.bin").subarray(4, 4 + 1184);
    assert.equal(digestOf(layout, { vcpus: 2, kernelHashes }), hex(report.subarray(0x90, 0x90 + 48)));
  });

  it("keeps a history whose last running digest is the measurement", () => {
    const { trail } = measureSnp({
      layout,
      vcpus: 2,
      vcpuSignature: epyc,
      guestFeatures: 1n,
      vmm: "qemu",
      kernelHashes,
    });
    assert.equal(trail.steps.length, 1 + 7 + 2);
    assert.equal(trail.steps.at(-1)?.running, signed);
  });
});

describe("measureSnp against dstack-mr's synthetic cases", () => {
  it("chains one page of known contents", () => {
    const chain = new PageChain();
    chain.addDigest("NORMAL", 0x1000, createHash("sha384").update("page").digest());
    assert.equal(
      hex(chain.digest),
      "3ebc1a70acc0bae5ae2788fae29a0371f983b19a68faf9843064f36040f58571ce5bb6bcdc9c361087073f8cffd92635",
    );
  });

  it("parses and hashes the 4 KiB firmware", () => {
    const image = firmwareImage({
      entries: [
        [firmwareGuids.sevMetadata, u32(3584)],
        [firmwareGuids.sevEsReset, u32(0xffff_fff0)],
        [firmwareGuids.sevHashTable, u32(0x4000)],
      ],
      patches: [
        [
          512,
          sevMetadata(
            [
              [0x1000, 0x1000, 1],
              [0x2000, 0x1000, 2],
              [0x3000, 0x1000, 3],
              [0x4000, 0x1000, 0x10],
            ],
            0,
          ),
        ],
      ],
    });
    assert.equal(
      createHash("sha256").update(image).digest("hex"),
      "a518a7020d85f0879caf0bb4ddd13277d6176de2e00da802d2df2e46d4cf7eb2",
    );
    const { ovmfHash } = measureSnp({
      layout: snpLayout(parseOvmf(image)),
      vcpus: 1,
      vcpuSignature: epyc,
      guestFeatures: 1n,
      vmm: "qemu",
    });
    assert.equal(
      hex(ovmfHash),
      "7c0f80f0a8d0ab1ee23fe763b255b8b210bb71113febcda60d76c00e84512f0cc141ffaa61be7bd22164736e85ec52d3",
    );
  });

  it("goes on from a seed with kernel hashes and two vCPUs", () => {
    const cmdline = `console=ttyS0 dstack.rootfs_hash=${"33".repeat(32)}`;
    const layout: SnpLayout = {
      firmware: { digest: Buffer.alloc(48, 0x44) },
      sections: sections([0x100000, 0x2000, 1], [0x800000, 0x1000, 0x10], [0x810000, 0x1000, 2], [0x820000, 0x1000, 3]),
      hashTableGpa: 0x801000,
      apResetEip: 0xffff_fff0,
    };
    const kernelHashes = {
      kernel: Buffer.alloc(32, 0x55),
      initrd: Buffer.alloc(32, 0x66),
      cmdline: createHash("sha256").update(`${cmdline}\0`).digest(),
    };
    assert.equal(
      digestOf(layout, { vcpus: 2, kernelHashes }),
      "88b48404819692fd2a5068f1a07bf1973bbcaa1314adc670705f9388762a759faf889f8e2c71fe1ec892554415257960",
    );
  });
});

describe("measureSnp against sev-snp-measure's test-suite", () => {
  const loglevel = "console=ttyS0 loglevel=7";
  const cases: readonly (readonly [label: string, inputs: Partial<SnpInputs>, expected: string])[] = [
    [
      "QEMU, empty command line, features 0x21",
      { guestFeatures: 0x21n, kernelHashes: kernelWith("") },
      "329c8ce0972ae52343b64d34a434a86f245dfd74f5ed7aae15d22efc78fb9683632b9b50e4e1d7fa41179ef98a7ef198",
    ],
    [
      "QEMU, empty command line, features 0x1",
      { kernelHashes: kernelWith("") },
      "ddc5224521617a536ee7ce9dd6224d1b58a8d4fda1c741f3ac99fc4bfa04ba6e9fc98646d4a07a9079397fa3852819b5",
    ],
    [
      "QEMU, command line, features 0x21",
      { guestFeatures: 0x21n, kernelHashes: kernelWith(loglevel) },
      "803f691094946e42068aaa3a8f9e26a5c89f36f7b73ecfb28c653360fe4b3aba7e534442e7e1e17895dfe778d0228977",
    ],
    [
      "QEMU, command line, features 0x1",
      { kernelHashes: kernelWith(loglevel) },
      "6d287813eb5222d770f75005c664e34c204f385ce832cc2ce7d0d6f354454362f390ef83a92046c042e706363b4b08fa",
    ],
    [
      "QEMU, no kernel, features 0x21",
      { guestFeatures: 0x21n },
      "e1e1ca029dd7973ab9513295be68198472dcd4fc834bd9af9b63f6e8a1674dbf281a9278a4a2ebe0eed9f22adbcd0e2b",
    ],
    [
      "QEMU, no kernel, features 0x1",
      {},
      "19358ba9a7615534a9a1e2f0dfc29384dcd4dcb7062ff9c6013b26869a5fc6ecabe033c48dd6f6db5d6d76e7c5df632d",
    ],
    [
      "QEMU, 4 vCPUs",
      { vcpus: 4, guestFeatures: 0x21n, kernelHashes: kernelWith("") },
      "4953b1fb416fa874980e8442b3706d345926d5f38879134e00813c5d7abcbe78eafe7b422907be0b4698e2414a631942",
    ],
    [
      "EC2",
      { vmm: "ec2", guestFeatures: 0x21n, kernelHashes: kernelWith("") },
      "0ce9ccc06bab55eebe8abc234f3df6514883977a68a591b71052498ab52b2f1aa415db338033946ef93aa8278c0d67fb",
    ],
    [
      "GCE",
      { vmm: "gce", kernelHashes: kernelWith("") },
      "5da7106cf14cf46b1725ebab123eb9e53bd46a1e9f400cd0c08e7827b04b688ea8b4e403c8404efed4397ea5d5d0722e",
    ],
    [
      "EC2 by the older rule of the sev crate 7.1.0, features 0x1",
      { vmm: "ec2-legacy", kernelHashes: kernelWith("") },
      "7d3756157c805bf6adf617064c8552e8c1688fa1c8756f11cbf56ba5d25c9270fb69c0505c1cbe1c5c66c0e34c6ed3be",
    ],
    [
      "EC2 by the older rule of the sev crate 7.1.0, features 0x21",
      { vmm: "ec2-legacy", guestFeatures: 0x21n, kernelHashes: kernelWith("") },
      "6ae80856486b1396af8c82a40351d6ed76a20c785e9c7fa4ffa27c22d5d6313b4b3b458cd3c9968e6f89fb5d8450d7a6",
    ],
  ];
  for (const [label, inputs, expected] of cases) {
    it(`agrees for the AmdSev build: ${label}`, function () {
      const layout = snpLayout(parseOvmf(fixture(this, "snp/ovmf_AmdSev_suffix.bin")));
      assert.equal(digestOf(layout, inputs), expected);
    });
  }

  it("agrees on the digest after the AmdSev firmware's pages", function () {
    const layout = snpLayout(parseOvmf(fixture(this, "snp/ovmf_AmdSev_suffix.bin")));
    const { ovmfHash } = measureSnp({ layout, vcpus: 1, vcpuSignature: epyc, guestFeatures: 1n, vmm: "qemu" });
    assert.equal(
      hex(ovmfHash),
      "086e2e9149ebf45abdc3445fba5b2da8270bdbb04094d7a2c37faaa4b24af3aa16aff8c374c2a55c467a50da6d466b74",
    );
  });

  it("agrees for the OvmfX64 build without a kernel", function () {
    const layout = snpLayout(parseOvmf(fixture(this, "snp/ovmf_OvmfX64_suffix.bin")));
    assert.equal(
      digestOf(layout, { guestFeatures: 0x21n }),
      "28797ae0afaba4005a81e629acebfb59e6687949d6be44007cd5506823b0dd66f146aaae26ff291eed7b493d8a64c385",
    );
  });

  it("refuses a kernel where the firmware has no page for its hashes", function () {
    const layout = snpLayout(parseOvmf(fixture(this, "snp/ovmf_OvmfX64_suffix.bin")));
    assert.throws(() => digestOf(layout, { kernelHashes: kernelWith("") }), {
      name: "InvalidRequest",
      message: /KERNEL_HASHES/,
    });
  });
});

describe("measureSev against sev-snp-measure's test-suite", () => {
  const es = { vcpus: 1, vcpuSignature: epyc, vmm: "qemu" } as const;

  it("agrees for SEV-ES, SEV with a command line, and SEV with a kernel only", function () {
    const firmware = parseOvmf(fixture(this, "snp/ovmf_AmdSev_suffix.bin"));
    const digest = (inputs: Omit<Parameters<typeof measureSev>[0], "firmware">): string =>
      hex(measureSev({ firmware, ...inputs }).digest);
    assert.equal(
      digest({ kernelHashes: kernelWith(""), es }),
      "13810ae661ea11e2bb205621f582fee268f0367c8f97bc297b7fadef3e12002c",
    );
    assert.equal(
      digest({ kernelHashes: kernelWith("console=ttyS0 loglevel=7") }),
      "82a3ee5d537c3620628270c292ae30cb40c3c878666a7890ee7ef2a08fb535ff",
    );
    assert.equal(
      digest({ kernelHashes: kernelWith("") }),
      "77f613d7bbcdf12a73782ea9e88b0172aeda50d1a54201cb903594ff52846898",
    );
  });

  it("is the file's own SHA-256 for SEV without a kernel", function () {
    const firmware = parseOvmf(fixture(this, "snp/ovmf_OvmfX64_suffix.bin"));
    assert.equal(
      hex(measureSev({ firmware }).digest),
      "b4c021e085fb83ceffe6571a3d357b4a98773c83c474e47f76c876708fe316da",
    );
    assert.throws(() => measureSev({ firmware, kernelHashes: kernelWith("") }), InvalidRequest);
  });
});

describe("what measureSnp refuses", () => {
  const good: SnpLayout = {
    firmware: { digest: Buffer.alloc(48) },
    sections: sections([0x800000, 0x1000, 1]),
    hashTableGpa: undefined,
    apResetEip: undefined,
  };
  const image = (list: readonly Section[]): Buffer =>
    firmwareImage({ entries: [[firmwareGuids.sevMetadata, u32(4096)]], patches: [[0, sevMetadata(list)]] });

  it("refuses a second vCPU where the firmware names no reset address", () => {
    assert.throws(() => digestOf(good, { vcpus: 2 }), { name: "InvalidRequest", message: /reset address/ });
  });

  it("refuses vCPU counts that are no counts", () => {
    for (const vcpus of [0, -1, 1.5, Number.NaN, 100_000]) {
      assert.throws(() => digestOf(good, { vcpus }), InvalidRequest);
    }
  });

  it("refuses a section of size 0 with its place in the file (Debian's inteltdx builds have them)", () => {
    assert.throws(() => snpLayout(parseOvmf(image([[0x800000, 0, 4]]))), { name: "MalformedInput", offset: 16 });
  });

  it("refuses a section that is not whole pages, or covers too much", () => {
    assert.throws(() => snpLayout(parseOvmf(image([[0x800001, 0x1000, 1]]))), MalformedInput);
    assert.throws(() => snpLayout(parseOvmf(image([[0, 0xffff_f000, 1]]))), MalformedInput);
  });

  it("refuses firmware without SEV metadata and says so", () => {
    assert.throws(() => snpLayout(parseOvmf(Buffer.alloc(4096))), { message: /no SEV metadata/ });
  });
});

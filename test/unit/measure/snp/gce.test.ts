// Vectors: gce-tcb-verifier, sev/sev_test.go; see the reference page on confidential launch, 5.2. Google's tool
// cuts the address of a VMSA to the product's physical address width.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { firmwareGuids, parseOvmf } from "../../../../src/measure/ovmf.ts";
import { parseVcpuType } from "../../../../src/measure/snp/cpu-models.ts";
import { measureSnp, snpLayout } from "../../../../src/measure/snp/launch-digest.ts";
import { PageChain } from "../../../../src/measure/snp/page-chain.ts";
import { BSP_EIP, type Vmm, vmsaPage } from "../../../../src/measure/snp/vmsa.ts";
import { firmwareImage, sevMetadata, u32 } from "../../../support/firmware-image.ts";

const epyc = parseVcpuType("EPYC-v4");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function digestOf(image: Uint8Array, { vmm, vcpus = 1 }: { vmm: Vmm; vcpus?: number }): string {
  const inputs = { layout: snpLayout(parseOvmf(image)), vcpus, vcpuSignature: epyc, guestFeatures: 1n, vmm };
  return hex(measureSnp(inputs).measurement);
}

describe("measureSnp against gce-tcb-verifier's test-suite", () => {
  const bumper = Buffer.from("LGTM".repeat(4));
  const snp = sevMetadata([
    [0xff001000, 0x1000, 1],
    [0xff003000, 0x1000, 3],
    [0xff004000, 0x1000, 2],
  ]);
  const patches = [
    [0x800, bumper],
    [0xa00, bumper],
    [0, snp],
  ] as const;
  const sevEntries = [
    [firmwareGuids.sevEsReset, u32(0xff0000ff)],
    [firmwareGuids.sevMetadata, u32(4096)],
  ] as const;
  const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

  it("chains three pages from address 0", () => {
    const data = Buffer.alloc(3 * 4096);
    data.set(bumper, 0);
    data.set(bumper, data.length - bumper.length);
    const chain = new PageChain();
    chain.addContents("NORMAL", 0, data);
    assert.equal(
      hex(chain.digest),
      "cba1cd767c33b30f96271837dbbae4081a945464a5af397b9b0336b5d8759ee88cc6b62c05d915c4424a9ac5747437d4",
    );
  });

  it("chains three zero pages from address 0x9000", () => {
    const chain = new PageChain();
    chain.addBlank("ZERO", 0x9000, 3 * 4096);
    assert.equal(
      hex(chain.digest),
      "4bfe18477ba370a50329da74b9621e721c4f29663176e08fbcf088a17c1bc45f133898b86d5082acbe202a6e9419808a",
    );
  });

  /** fakeovmf.CleanExample of the tool's tests */
  const cleanExample = (): Buffer => {
    const tdx = Buffer.concat([
      Buffer.from("f3f9eae98e16d544a8eb7f4d8738f6ae", "hex"),
      Buffer.from("TDVF"),
      u32(208, 1, 6),
      ...[
        [0x20000, 0x1e0000, 0xffe20000, 0x1e0000, 0, 1],
        [0, 0x20000, 0xffe00000, 0x20000, 1, 0],
        [0, 0, 0x810000, 0x10000, 3, 0],
        [0, 0, 0x80b000, 0x2000, 3, 0],
        [0, 0, 0x809000, 0x2000, 2, 0],
        [0, 0, 0x800000, 0x6000, 3, 0],
      ].map(([data = 0, raw = 0, base = 0, size = 0, type = 0, attributes = 0]) =>
        u32(data, raw, base, 0, size, 0, type, attributes),
      ),
    ]);
    return firmwareImage({
      entries: [...sevEntries, [firmwareGuids.tdxMetadata, u32(4096 - 0x110)]],
      patches: [...patches, [0x100, tdx]],
    });
  };

  it("agrees for the fake firmware with TDX metadata and one vCPU", () => {
    const image = cleanExample();
    assert.equal(sha256(image), "47478af62c0a1b7beeadfaa3ede8ee05527242eec3476db94f5a718ef588eccf");
    assert.equal(
      digestOf(image, { vmm: "gce" }),
      "301a56e0014065ed60a3c848ea0d3d0b2aa46f4bfea9ddeadbc602146d4c087851ab2c15d573f8b2a42ecc82d74c9db8",
    );
  });

  it("agrees for the fake firmware without TDX metadata and four vCPUs", () => {
    const image = firmwareImage({ entries: sevEntries, patches });
    assert.equal(sha256(image), "d2797abd95d8c1f6dcde43486a9576298c121f5d3ff7f876b8fada9e4f3c2459");
    assert.equal(
      digestOf(image, { vmm: "gce", vcpus: 4 }),
      "1a8cd8039cdcdcd1ec9800ca215ba5cbbed437697debf0b2fc1a9b873f1eb15f82dc7d5cf246dbee4df1bb9d3b6c7a16",
    );
  });

  // the tool at 74582c0, sev.LaunchDigest of the same firmware with Product GENOA
  const genoa: readonly (readonly [vcpus: number, digest: string])[] = [
    [1, "eced7b051a976cffc97287d857dbecbf07d09ef882549f70c30ccf08838ca7fa2007626c0b10bb6ea8f18162325fc86f"],
    [2, "5143fc2251f32b2630a1c74602c091cd7fd66818f160484a15b961668ebd36a32bee3a25c3f64dc7a5d0d561243cc1fc"],
    [4, "e71b9392d0871339271ccca7fd36a82068645ad29e82fc40e3e47d841f183d3af470ba5cda3f36528fbcaf9b08bee789"],
  ];
  for (const [vcpus, digest] of genoa) {
    it(`agrees for Genoa, where VMSAs lie at the top of 52 bits: ${vcpus} vCPUs`, () => {
      assert.equal(digestOf(cleanExample(), { vmm: "gce-genoa", vcpus }), digest);
    });
  }

  it("gives the boot processor the 4096 bytes of the tool's vmsaBytes", () => {
    const page = vmsaPage({ vmm: "gce", eip: BSP_EIP, signature: epyc, features: 1n });
    assert.equal(sha256(page), "a2b1355de1e1f11159d4cfaa28a748c6d19f63b330a7cb09696eda0c5f2f8ab8");
  });
});

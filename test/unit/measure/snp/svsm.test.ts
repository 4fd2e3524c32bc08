// Vectors: sev-snp-measure's test-suite (its svsm.bin and svsm_ovmf.fd are too large to hand round: put them into
// $KATA_CVM_FIXTURES/snp) and sev-snp-measure 0.0.13 run on the small files of test/support/svsm-image.ts.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { firmwareGuids, parseOvmf } from "../../../../src/measure/ovmf.ts";
import { parseVcpuType } from "../../../../src/measure/snp/cpu-models.ts";
import { measureSvsm, type SvsmInputs } from "../../../../src/measure/snp/svsm-digest.ts";
import { firmwareImage, sevMetadata, u32 } from "../../../support/firmware-image.ts";
import { svsmBinary, svsmFirmware, svsmVarsBytes } from "../../../support/svsm-image.ts";
import { fixture } from "../../../support/tools.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function digestOf(rest: Partial<SvsmInputs> = {}): string {
  const inputs: SvsmInputs = {
    firmware: parseOvmf(svsmFirmware()),
    svsm: parseOvmf(svsmBinary()),
    varsBytes: svsmVarsBytes,
    vcpus: 1,
    vcpuSignature: parseVcpuType("EPYC-v4"),
    guestFeatures: 1n,
    vmm: "qemu",
    ...rest,
  };
  return measureSvsm(inputs).measurement.toString("hex");
}

describe("measureSvsm against sev-snp-measure's test-suite", () => {
  const published: readonly (readonly [label: string, inputs: Pick<SvsmInputs, "vmm" | "vcpus">, digest: string])[] = [
    [
      "4 vCPUs",
      { vmm: "qemu", vcpus: 4 },
      "27d154c27b7b359c935e250ec6fee72aa0ae8c1225e3b0e1cf46a9567e938066d7d6f94bbdc4a857818bdb79277a44b2",
    ],
    [
      "2 vCPUs",
      { vmm: "qemu", vcpus: 2 },
      "9b94745036aafddf4f7f8b00c7513abb5b7703178cb95aaa57928bd963d68d3bfcb715d6019b9167ee2517b11b0d9be7",
    ],
    // as the mode was added with values read from hardware (0a1396f), before MXCSR was changed (ae95e59)
    [
      "4 vCPUs on the recorded host",
      { vmm: "qemu-legacy", vcpus: 4 },
      "265aed64f2454253f6b19e49e17041ef052dedf964dd8d2740794a06aee3a720c475e3643a1b7e26b9efce7a107bf77f",
    ],
    [
      "2 vCPUs on the recorded host",
      { vmm: "qemu-legacy", vcpus: 2 },
      "4ae03ca013690e956bc1eb16bc1c6465788dba64ad88a650db09216fa9cdddf06167bfce810eba8988108e71458dd68b",
    ],
  ];
  for (const [label, inputs, digest] of published) {
    it(`agrees for svsm.bin: ${label}`, function () {
      const firmware = parseOvmf(fixture(this, "snp/svsm_ovmf.fd"));
      const svsm = parseOvmf(fixture(this, "snp/svsm.bin"));
      assert.equal(digestOf({ ...inputs, firmware, svsm, varsBytes: 540_672 }), digest);
    });
  }
});

describe("measureSvsm against sev-snp-measure 0.0.13", () => {
  it("is given the files that the tool was given", () => {
    const digests = [sha256(svsmFirmware()), sha256(svsmBinary())];
    assert.deepEqual(digests, [
      "d5c04873593bf00780cb9690325aeabbee837b348f8a5f35f00eb7ee791ec50f",
      "eea12a331f1b6826af8c4bf0542d429cd87e461c751afe3349adb0fa5eac8737",
    ]);
  });

  it("agrees for one vCPU", () => {
    assert.equal(
      digestOf(),
      "8b3db940a217df4b22a548efda5e641c7ea21b6f9181e06e404374b4f588f6adc8ce180995eaf112725a4727e3e1b6b3",
    );
  });

  it("agrees for three vCPUs of another model", () => {
    assert.equal(
      digestOf({ vcpus: 3, vcpuSignature: parseVcpuType("EPYC-Milan") }),
      "c2ad55f35342a5cc9851f52201285ec4de3ca4bce1718ad1166f12998a276d7d9dbf45aefa42378330839f9743d04a30",
    );
  });
});

describe("what measureSvsm refuses", () => {
  const binary = (entries: readonly (readonly [guid: string, payload: Uint8Array])[]) =>
    parseOvmf(
      firmwareImage({
        entries: [[firmwareGuids.sevMetadata, u32(4096)], ...entries],
        patches: [[0, sevMetadata([[0x1000, 0x1000, 1]])]],
      }),
    );

  it("refuses a binary that does not tell its entry", () => {
    assert.throws(() => digestOf({ svsm: binary([]) }), { name: "MalformedInput", message: /SVSM_INFO/ });
  });

  it("refuses an entry outside the binary", () => {
    const svsm = binary([[firmwareGuids.svsmInfo, u32(4096)]]);
    assert.throws(() => digestOf({ svsm }), { name: "MalformedInput", message: /behind its end/ });
  });

  it("refuses a binary without SEV metadata", () => {
    const svsm = parseOvmf(firmwareImage({ entries: [[firmwareGuids.svsmInfo, u32(0)]] }));
    assert.throws(() => digestOf({ svsm }), { name: "MalformedInput", message: /no SEV metadata/ });
  });

  it("refuses variable stores that are not whole pages or leave no room", () => {
    for (const varsBytes of [-4096, 100, 0.5, 2 ** 32]) {
      assert.throws(() => digestOf({ varsBytes }), { name: "InvalidRequest", message: /vars-size/ });
    }
  });
});

// A launch's plan decides what is measured and how; the digests themselves have their vectors under test/unit/measure.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { parseConfig } from "../../../src/config/parse.ts";
import { EnvironmentLacks } from "../../../src/lib/errors.ts";
import { measureIgvm } from "../../../src/measure/igvm/measure-igvm.ts";
import { parseIgvm } from "../../../src/measure/igvm/parse.ts";
import { hashKernelFiles } from "../../../src/measure/kernel-hashes.ts";
import { firmwareGuids, parseOvmf } from "../../../src/measure/ovmf.ts";
import { measureSnp, snpLayout } from "../../../src/measure/snp/launch-digest.ts";
import type { PodRequest } from "../../../src/plan/inputs.ts";
import { measuredParts } from "../../../src/plan/measured-parts.ts";
import { planLaunch } from "../../../src/plan/plan-launch.ts";
import { type Prediction, predictLaunch } from "../../../src/plan/predict-launch.ts";
import { firmwareImage, sevMetadata, u32 } from "../../support/firmware-image.ts";
import { minimalIgvm } from "../../support/igvm-image.ts";
import { buildPe } from "../../support/pe-image.ts";
import { standardMemory, tdvfImage } from "../../support/tdvf-image.ts";
import { type ClassName, classes, hostFacts, initdataAnnotationValue } from "./cases.ts";

const kernel = buildPe([{ name: ".text", content: Buffer.from("kernel") }]);
const uki = (cmdline: string) =>
  buildPe([
    { name: ".linux", content: kernel },
    { name: ".cmdline", content: Buffer.from(cmdline) },
    { name: ".initrd", content: Buffer.from("initrd") },
  ]);
/** Metadata with a page for kernel hashes, its address, and the reset address of further vCPUs. */
const sevFirmware = firmwareImage({
  size: 8192,
  entries: [
    [firmwareGuids.sevMetadata, u32(8192)],
    [firmwareGuids.sevHashTable, u32(0x810c00, 0x400)],
    [firmwareGuids.sevEsReset, u32(0x80b004)],
  ],
  patches: [[0, sevMetadata([[0x810000, 0x1000, 0x10]])]],
});
const files: Readonly<Record<string, Uint8Array>> = {
  "/usr/share/kata-cvm/coconut-qemu.igvm": minimalIgvm(),
  "/usr/share/ovmf/OVMF.amdsev.fd": sevFirmware,
  "/usr/share/ovmf/OVMF.inteltdx.fd": tdvfImage(standardMemory),
  [`${hostFacts.image.dir}/uki.efi`]: uki(hostFacts.image.cmdline),
  [`${hostFacts.image.dir}/vmlinuz`]: kernel,
  [`${hostFacts.image.dir}/initrd.img`]: Buffer.from("initrd"),
};
const initdata = { "io.katacontainers.config.hypervisor.cc_init_data": initdataAnnotationValue };

interface Changes {
  readonly toml?: string;
  readonly annotations?: PodRequest["annotations"];
  readonly files?: Readonly<Record<string, Uint8Array | undefined>>;
}

async function predict(name: ClassName, changes: Changes = {}): Promise<Prediction> {
  const texts = [classes[name], changes.toml ?? ""];
  const { config } = parseConfig(texts.map((text, index) => ({ path: `${index}.toml`, text })));
  const pod = { podId: "p", runDir: "/run/p", nics: [], annotations: changes.annotations ?? {} };
  const found: Readonly<Record<string, Uint8Array | undefined>> = { ...files, ...changes.files };
  const image = { ...hostFacts.image, files: [...hostFacts.image.files, "esp.img"] };
  return await predictLaunch(
    measuredParts(planLaunch(config, { ...hostFacts, image }, pod)),
    async (_setting, path) => {
      const bytes = found[path];
      if (bytes === undefined) throw new EnvironmentLacks(`${path} does not exist`, "");
      return bytes;
    },
  );
}

const valuesOf = ({ values }: Prediction, name: string) =>
  values.filter((value) => value.name === name).map(({ value }) => value);
const namesOf = ({ values }: Prediction) => [...new Set(values.map(({ name }) => name))].sort();

describe("the prediction of a launch", () => {
  const pcrs = [4, 8, 9, 11, 12, 13].map((index) => `pcr.sha256.${index}`).sort();
  const snp = ["snp.hostData", "snp.measurement", "snp.policy"];
  const names: readonly (readonly [ClassName, readonly string[], readonly string[]])[] = [
    ["snp-igvm", [...pcrs, ...snp], ["pcr.sha256.7"]],
    ["snp-ovmf-uki", snp, []],
    ["snp-ovmf-initrd", snp, []],
    [
      "tdx",
      ["mrConfigId", "mrOwner", "mrOwnerConfig", "mrTd", "rtmr1", "rtmr2", "rtmr3"].map((one) => `tdx.${one}`),
      ["tdx.rtmr0"],
    ],
    ["dev-measured", pcrs, ["pcr.sha256.7"]],
    ["dev-fast", [], ["all"]],
  ];
  for (const [name, known, unknown] of names) {
    it(`of ${name} names ${known.length} values, and why ${unknown.length} more are not known`, async () => {
      const prediction = await predict(name);
      assert.deepEqual(namesOf(prediction), known);
      assert.deepEqual(
        prediction.unknown.map((one) => one.name),
        unknown,
      );
    });
  }

  it("is the launch digest of the very kernel, initrd, command line and vCPUs that QEMU gets", async () => {
    const cmdline = `${hostFacts.image.cmdline} loglevel=7`;
    const expected = measureSnp({
      layout: snpLayout(parseOvmf(sevFirmware)),
      vcpus: 2,
      vcpuSignature: 0x800f12,
      guestFeatures: 1n,
      vmm: "qemu",
      kernelHashes: hashKernelFiles({ kernel, initrd: Buffer.from("initrd"), cmdline }),
    });
    assert.deepEqual(valuesOf(await predict("snp-ovmf-initrd"), "snp.measurement"), [
      expected.measurement.toString("hex"),
    ]);
  });

  it("moves with the number of vCPUs under OVMF, and not with an IGVM file", async () => {
    const two = await predict("snp-ovmf-uki");
    const cpu = { "io.kubernetes.cri.sandbox-cpu-quota": "400000", "io.kubernetes.cri.sandbox-cpu-period": "100000" };
    const more = await predict("snp-ovmf-uki", { annotations: cpu });
    assert.notDeepEqual(valuesOf(two, "snp.measurement"), valuesOf(more, "snp.measurement"));
    const igvm = [measureIgvm(parseIgvm(minimalIgvm())).measurement.toString("hex")];
    assert.deepEqual(valuesOf(await predict("snp-igvm", { annotations: cpu }), "snp.measurement"), igvm);
    assert.deepEqual(valuesOf(await predict("snp-igvm"), "snp.measurement"), igvm);
  });

  it("moves with initdata where it is bound, and nowhere else", async () => {
    const bound: readonly (readonly [ClassName, readonly string[]])[] = [
      ["snp-igvm", ["pcr.sha256.8", "snp.hostData"]],
      ["snp-ovmf-uki", ["snp.hostData"]],
      ["tdx", ["tdx.mrConfigId"]],
      ["dev-measured", ["pcr.sha256.8"]],
    ];
    for (const [name, expected] of bound) {
      const [without, with_] = [await predict(name), await predict(name, { annotations: initdata })];
      const moved = namesOf(with_).filter(
        (value) => JSON.stringify(valuesOf(with_, value)) !== JSON.stringify(valuesOf(without, value)),
      );
      assert.deepEqual(moved, expected, name);
    }
  });

  it("has PCR 8 as the guest extends it: by the document's digest, or by a word when there is none", async () => {
    const sha256 = (...parts: readonly (Uint8Array | string)[]) => {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return hash.digest();
    };
    const document = 'version = "0.1.0"\nalgorithm = "sha256"\n[data]\n"aa.toml" = "x = 1"\n';
    const zeros = Buffer.alloc(32);
    const given = await predict("dev-measured", { annotations: initdata });
    assert.deepEqual(valuesOf(given, "pcr.sha256.8"), [sha256(zeros, sha256(document)).toString("hex")]);
    const none = sha256(zeros, sha256("kata-cvm:no-initdata")).toString("hex");
    assert.deepEqual(valuesOf(await predict("dev-measured"), "pcr.sha256.8"), [none]);
  });

  it("refuses a UKI whose command line is not the one that the plan names", async () => {
    const other = { [`${hostFacts.image.dir}/uki.efi`]: uki("roothash=00 quiet") };
    const { unknown, values } = await predict("dev-measured", { files: other });
    assert.match(unknown.map(({ reason }) => reason).join(), /another command line/);
    assert.deepEqual(
      values.map(({ name }) => name),
      ["pcr.sha256.8"],
    );
  });

  it("names what the host sets beside every digest: SNP's policy, and the owner's fields of a TD", async () => {
    const policy = await predict("snp-ovmf-uki", { toml: '[snp]\npolicy = "0x20137"' });
    assert.deepEqual(valuesOf(policy, "snp.policy"), ["0000000000020137"]);
    assert.deepEqual(valuesOf(policy, "snp.measurement"), valuesOf(await predict("snp-ovmf-uki"), "snp.measurement"));
    const mrowner = Buffer.alloc(48, 7);
    const owned = await predict("tdx", { toml: `[tdx]\nmrowner = "${mrowner.toString("base64")}"` });
    assert.deepEqual(valuesOf(owned, "tdx.mrOwner"), [mrowner.toString("hex")]);
    assert.deepEqual(valuesOf(owned, "tdx.mrOwnerConfig"), ["00".repeat(48)]);
  });

  it("does not give a TD that boots from a disk the RTMR1 of one that QEMU gives the UKI", async () => {
    const disk = await predict("tdx", { toml: '[vm]\nboot = "uki-disk"' });
    assert.match(disk.unknown.find(({ name }) => name === "tdx.rtmr1")?.reason ?? "", /partition table/);
    assert.deepEqual(valuesOf(disk, "tdx.rtmr1"), []);
    assert.deepEqual(valuesOf(disk, "tdx.rtmr2"), valuesOf(await predict("tdx"), "tdx.rtmr2"));
  });

  it("leaves only those values unknown that a missing file decides", async () => {
    const { unknown, values } = await predict("snp-igvm", {
      files: { "/usr/share/kata-cvm/coconut-qemu.igvm": undefined },
    });
    assert.deepEqual(
      unknown.map(({ name }) => name),
      ["snp.measurement", "pcr.sha256.7"],
    );
    assert.ok(values.some(({ name }) => name === "pcr.sha256.11"));
  });
});

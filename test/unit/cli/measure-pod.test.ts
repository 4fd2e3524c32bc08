// `measure pod` and `reference` speak of whole runtime classes; each digest must be the one that the command for a
// single launch gives for the same files.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureInitdataCommand } from "../../../src/cli/measure-initdata.ts";
import { measurePodCommand } from "../../../src/cli/measure-pod.ts";
import { measureSnpCommand } from "../../../src/cli/measure-snp.ts";
import { measureUkiCommand } from "../../../src/cli/measure-uki.ts";
import { planCommand } from "../../../src/cli/plan.ts";
import { referenceCommand } from "../../../src/cli/reference.ts";
import { EnvironmentLacks, Unsupported } from "../../../src/lib/errors.ts";
import { parseReference } from "../../../src/measure/evidence/reference.ts";
import { firmwareGuids } from "../../../src/measure/ovmf.ts";
import { firmwareImage, sevMetadata, u32 } from "../../support/firmware-image.ts";
import { buildPe } from "../../support/pe-image.ts";

interface PodJson {
  readonly class: string;
  readonly rootHash: string;
  readonly vcpuClasses: readonly number[];
  readonly values: Readonly<Record<string, readonly { readonly value: string; readonly label: string }[]>>;
  readonly unknown: readonly { readonly name: string; readonly reason: string }[];
}

describe("measure pod", () => {
  const dir = mkdtempSync(join(tmpdir(), "measure-pod-"));
  const file = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(join(dir, name), bytes);
    return join(dir, name);
  };
  after(() => rmSync(dir, { recursive: true }));
  const cmdline = "roothash=aa quiet";
  const linux = buildPe([{ name: ".text", content: Buffer.from("kernel") }]);
  const ovmf = file(
    "ovmf.fd",
    firmwareImage({
      size: 8192,
      entries: [
        [firmwareGuids.sevMetadata, u32(8192)],
        [firmwareGuids.sevHashTable, u32(0x810c00, 0x400)],
        [firmwareGuids.sevEsReset, u32(0x80b004)],
      ],
      patches: [[0, sevMetadata([[0x810000, 0x1000, 0x10]])]],
    }),
  );
  const uki = file(
    "uki.efi",
    buildPe([
      { name: ".linux", content: linux },
      { name: ".cmdline", content: Buffer.from(cmdline) },
    ]),
  );
  file("image.json", JSON.stringify({ rootHash: "aa", cmdline }));
  const snp = file(
    "snp.toml",
    `[vm]\ntee = "snp"\nvcpu_classes = [1, 2, 6]\ndefault_vcpus = 2\n[paths]\nfirmware = "${ovmf}"\nimage = "${dir}"\n`,
  );
  const measured = file("measured.toml", `[paths]\nfirmware = "${join(dir, "none.fd")}"\nimage = "${dir}"\n`);
  const initdata = file("initdata.toml", 'version = "0.1.0"\nalgorithm = "sha384"\n');
  const measurePod = async (args: Readonly<Record<string, unknown>>) =>
    (await measurePodCommand.run(args)).json as PodJson;

  it("gives one launch digest per class of vCPUs, each as measure snp gives it, on a machine without SNP", async () => {
    const pod = await measurePod({ config: snp });
    const single = async (vcpus: number) =>
      (await measureSnpCommand.run({ ovmf, kernel: uki, append: "", vcpus, "vcpu-type": "EPYC-v4" })).text;
    assert.deepEqual(pod.values["snp.measurement"], [
      { value: await single(1), label: "1 vCPU" },
      { value: await single(2), label: "2 vCPUs" },
      { value: await single(6), label: "6 vCPUs" },
    ]);
    assert.deepEqual([pod.class, pod.rootHash, pod.vcpuClasses], ["snp-ovmf-uki", "aa", [1, 2, 6]]);
  });

  it("gives registers once for all classes of vCPUs, as measure uki gives them", async () => {
    const { values, unknown } = await measurePod({ config: measured });
    const { json } = await measureUkiCommand.run({ uki, phase: ["sysinit:ready"] });
    const { pcr4, pcr11 } = json as { pcr4: string; pcr11: string };
    assert.deepEqual(values["pcr.sha256.4"], [{ value: pcr4, label: "direct boot" }]);
    assert.equal(values["pcr.sha256.11"]?.find(({ label }) => label === "after sysinit:ready")?.value, pcr11);
    assert.deepEqual(
      unknown.map(({ name }) => name),
      ["pcr.sha256.7"],
    );
  });

  it("speaks of the classes that a growing VM may start in, which is bounded", async () => {
    const growing = `[vm]\nvcpu_classes = [1, 4, 16, 32]\nmax_vcpus = 10\n[container]\nstatic_resources = false\n`;
    const config = file("growing.toml", `${growing}[paths]\nfirmware = "${join(dir, "none.fd")}"\nimage = "${dir}"\n`);
    const pod = await measurePod({ config });
    assert.deepEqual(pod.vcpuClasses, [1, 4, 16]);
    assert.deepEqual(pod.values, (await measurePod({ config: measured })).values);
  });

  it("binds the initdata that is given, as measure initdata gives it", async () => {
    const alone = (await measureInitdataCommand.run({ file: initdata })).json as { pcr8: string; snpHostData: string };
    const values = async (config: string) => (await measurePod({ config, initdata })).values;
    assert.deepEqual((await values(snp))["snp.hostData"], [{ value: alone.snpHostData, label: "this initdata" }]);
    assert.deepEqual((await values(measured))["pcr.sha256.8"], [{ value: alone.pcr8, label: "this initdata" }]);
  });

  it("is what plan expects of its one launch, and what reference publishes", async () => {
    const qemu = { path: "/q", version: "11.0", objects: ["sev-snp-guest"], machineProperties: [], sandbox: true };
    const facts = file("facts.json", JSON.stringify({ qemu }));
    const planned = (await planCommand.run({ config: snp, facts })).json as { expected: PodJson["values"] };
    const { values } = await measurePod({ config: snp });
    assert.deepEqual(planned.expected["snp.measurement"], [values["snp.measurement"]?.[1]]);
    const { json } = await referenceCommand.run({ config: snp });
    assert.deepEqual((json as PodJson).values, values);
    assert.equal(parseReference(Buffer.from(JSON.stringify(json))).values.length, 5);
  });

  it("tells what reference leaves out, and there is none without what is launched: any firmware would pass", async () => {
    const { notes = [] } = await referenceCommand.run({ config: measured });
    assert.match(notes.join(), /^left out, so not compared: pcr\.sha256\.7: .*none\.fd does not exist/);
    const paths = `[paths]\nfirmware = "${join(dir, "none.fd")}"\nimage = "${dir}"\n`;
    for (const [tee, value] of [
      ["snp", "snp.measurement"],
      ["tdx", "tdx.mrTd"],
    ]) {
      const config = file(`${tee}-none.toml`, `[vm]\ntee = "${tee}"\n${paths}`);
      await assert.rejects(referenceCommand.run({ config }), (error) => {
        assert.ok(error instanceof EnvironmentLacks);
        assert.equal(error.what, `no reference without ${value}`);
        return true;
      });
    }
  });

  it("knows no value of a class whose firmware measures nothing, and reference refuses it", async () => {
    const fast = file("fast.toml", `[vm]\nboot = "direct"\n[paths]\nfirmware = "builtin"\nimage = "${dir}"\n`);
    file("vmlinuz", linux);
    file("initrd.img", "");
    const { values, unknown } = await measurePod({ config: fast });
    assert.deepEqual([values, unknown.length], [{}, 1]);
    await assert.rejects(referenceCommand.run({ config: fast }), Unsupported);
  });
});

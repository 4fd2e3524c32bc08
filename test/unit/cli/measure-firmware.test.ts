import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Command, exitCodeOf } from "../../../src/cli/command.ts";
import { explainCommands } from "../../../src/cli/explain.ts";
import { idblockCommand } from "../../../src/cli/idblock.ts";
import { measureIgvmCommand } from "../../../src/cli/measure-igvm.ts";
import { measureSnpCommand } from "../../../src/cli/measure-snp.ts";
import { measureTdxCommand } from "../../../src/cli/measure-tdx.ts";
import { writeIgvm } from "../../../src/measure/igvm/write.ts";
import { firmwareGuids } from "../../../src/measure/ovmf.ts";
import { verifyIdAuth } from "../../../src/measure/snp/id-block.ts";
import { plainLoader } from "../../support/acpi-loader.ts";
import { firmwareImage, sevMetadata, u32 } from "../../support/firmware-image.ts";
import { minimalIgvm, minimalParts } from "../../support/igvm-image.ts";
import { standardMemory, tdvfImage } from "../../support/tdvf-image.ts";

interface Json {
  readonly [key: string]: unknown;
}

let dir = "";
const file = (name: string, bytes: Uint8Array | string): string => {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
};
const named = (name: string): Command => {
  const found = explainCommands.find((one) => one.command.startsWith(`explain ${name}`));
  assert.ok(found);
  return found;
};
async function run(command: Command, args: Readonly<Record<string, unknown>>) {
  const { json, text, exitCode } = await command.run(args);
  return { json: json as Json, text, exitCode };
}

/** An AmdSev-like build: the page for kernel hashes, a reset address for more vCPUs. */
const amdSev = firmwareImage({
  size: 8192,
  entries: [
    [firmwareGuids.sevHashTable, u32(0x810c00, 0x400)],
    [firmwareGuids.sevEsReset, u32(0x80b004)],
    [firmwareGuids.sevMetadata, u32(8192)],
  ],
  patches: [
    [
      0,
      sevMetadata([
        [0x800000, 0x9000, 1],
        [0x80d000, 0x1000, 2],
        [0x80e000, 0x1000, 3],
        [0x810000, 0x1000, 0x10],
      ]),
    ],
  ],
});

describe("the measuring commands for firmware", () => {
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-cvm-measure-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it("measure snp prints the digest, and a document with its inputs", async () => {
    const args = { ovmf: file("OVMF.fd", amdSev), vcpus: 2, kernel: file("k", "kernel"), append: "console=ttyS0" };
    const { json, text, exitCode } = await run(measureSnpCommand, args);
    assert.equal(exitCode, 0);
    assert.equal(text, json["measurement"]);
    assert.match(text, /^[0-9a-f]{96}$/);
    assert.deepEqual(
      [json["mode"], json["vmm"], json["vcpus"], json["vcpuSignature"], json["guestFeatures"]],
      ["snp", "qemu", 2, "0x800f12", "0x1"],
    );
  });

  it("measure snp --ladder gives the digest of every smaller guest too", async () => {
    const ovmf = file("OVMF.fd", amdSev);
    const { json } = await run(measureSnpCommand, { ovmf, vcpus: 4, ladder: true });
    const ladder = json["ladder"] as Record<string, string>;
    for (const vcpus of [1, 2, 3, 4]) {
      const single = await run(measureSnpCommand, { ovmf, vcpus });
      assert.equal(ladder[vcpus], single.json["measurement"]);
    }
  });

  it("measure snp covers SEV and SEV-ES with their shorter digests", async () => {
    const ovmf = file("OVMF.fd", amdSev);
    for (const mode of ["sev", "seves"]) {
      const { json } = await run(measureSnpCommand, { ovmf, mode });
      assert.match(String(json["measurement"]), /^[0-9a-f]{64}$/);
    }
  });

  it("bad input ends with exit code 2 and names the option", async () => {
    const ovmf = file("OVMF.fd", amdSev);
    const cases: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
      [{ ovmf, append: "x" }, /--append/],
      [{ ovmf, "vcpu-type": "i486" }, /i486/],
      [{ ovmf, vmm: "xen" }, /"xen" is not one of/],
      [{ ovmf, svsm: ovmf }, /--svsm: is for --mode snp:svsm/],
      [{ ovmf, mode: "snp:svsm", "vars-size": 0 }, /--svsm: is required/],
      [{ ovmf, mode: "snp:svsm", svsm: ovmf }, /--vars-size: is required/],
      [{ ovmf, mode: "snp:svsm", svsm: ovmf, "vars-size": 0, vmm: "ec2" }, /--vmm: ec2 never ran/],
      [{ ovmf, mode: "snp:svsm", svsm: ovmf, "vars-size": 0, kernel: ovmf }, /--kernel: is not measured/],
      [{ ovmf, "guest-features": "many" }, /--guest-features/],
      [{ ovmf: join(dir, "absent") }, /--ovmf: cannot read/],
      [{ ovmf: file("zero", Buffer.alloc(4096)) }, /no SEV metadata/],
      [{}, /--ovmf: is required/],
    ];
    for (const [args, message] of cases) {
      await assert.rejects(measureSnpCommand.run(args), (error) => {
        assert.match(String(error), message);
        assert.equal(exitCodeOf(error), 2);
        return true;
      });
    }
  });

  it("explain snp lists every step, the last one holding the measurement", async () => {
    const args = { ovmf: file("OVMF.fd", amdSev), kernel: file("k", "kernel"), append: "quiet" };
    const { json, text } = await run(named("snp"), args);
    const [trail] = json["trails"] as { steps: { label: string; running: string }[]; value: string }[];
    assert.deepEqual(
      trail?.steps.map((step) => step.label),
      ["firmware", "memory validated for the firmware", "secrets page", "CPUID page", "kernel hashes page", "vCPU 0"],
    );
    assert.equal(trail?.steps.at(-1)?.running, json["measurement"]);
    assert.ok(text.includes("kernel hashes page") && text.includes("--append"));
  });

  it("explain --diff names the first input that differs and the setting it came from", async () => {
    const base = {
      ovmf: file("OVMF.fd", amdSev),
      kernel: file("k", "kernel"),
      initrd: file("i", "rd"),
      append: "a",
      vcpus: 2,
    };
    const otherFirmware = Buffer.from(amdSev);
    otherFirmware[0x1000] = 1;
    const changes: readonly (readonly [Readonly<Record<string, unknown>>, string, string])[] = [
      [{ ovmf: file("other.fd", otherFirmware) }, "--ovmf", "firmware"],
      [{ kernel: file("k2", "other") }, "--kernel", "kernel hashes page: kernel SHA-256"],
      [{ initrd: file("i2", "other") }, "--initrd", "kernel hashes page: initrd SHA-256"],
      [{ append: "b" }, "--append", "kernel hashes page: command line SHA-256"],
      [{ "vcpu-type": "EPYC-Genoa" }, "--vcpu-type", "vCPU 0: CPU signature"],
      [{ "guest-features": "0x21" }, "--guest-features", "vCPU 0: SEV_FEATURES"],
      [{ vcpus: 3 }, "--vcpus", "vCPU 2"],
      [{ vmm: "qemu-legacy" }, "--vmm", "vCPU 0: VMM"],
    ];
    const first = await run(named("snp"), base);
    const other = file("base.json", JSON.stringify(first.json));
    assert.equal((await run(named("snp"), { ...base, diff: other })).text, "nothing differs");
    for (const [change, setting, label] of changes) {
      const { json, text, exitCode } = await run(named("snp"), { ...base, ...change, diff: other });
      const found = json["first"] as { setting: string; label: string };
      assert.deepEqual([found.setting, found.label, exitCode], [setting, label, 1]);
      assert.ok(text.includes(setting));
    }
  });

  it("explain diff compares two saved explanations and shows both settings", async () => {
    const ovmf = file("OVMF.fd", amdSev);
    const kernel = file("k", "kernel");
    const paths: string[] = [];
    for (const append of ["root=/dev/vda", "root=/dev/vdb"]) {
      const { json } = await run(named("snp"), { ovmf, kernel, append });
      paths.push(file(`${paths.length}.json`, JSON.stringify(json)));
    }
    const { text } = await run(named("diff"), { a: paths[0], b: paths[1] });
    assert.ok(text.includes("a: root=/dev/vda") && text.includes("b: root=/dev/vdb"), text);
    await assert.rejects(named("diff").run({ a: file("x.json", "{}"), b: paths[1] }), /no explained registers/);
    await assert.rejects(named("diff").run({ a: file("y.json", "not json"), b: paths[1] }), /no JSON document/);
  });

  it("measure igvm reports digest, policy and findings; exit code 1 where QEMU would refuse", async () => {
    const good = await run(measureIgvmCommand, { igvm: file("good.igvm", minimalIgvm()) });
    assert.equal(good.exitCode, 0);
    assert.equal(
      good.json["measurement"],
      "4ca73317d40a6fa89898dcc9fbe31294f5499d6b818548b097528a75d16355b614ef4a18f81b0a3e515f79e2a27f8f98",
    );
    assert.equal(good.json["policy"], "0x30000");
    const bad = writeIgvm(minimalParts.slice(0, -1));
    const refused = await run(measureIgvmCommand, { igvm: file("bad.igvm", bad) });
    assert.equal(refused.exitCode, 1);
    assert.match(refused.text, /refusal at 0x0: no VP context/);
  });

  it("measure tdx gives both MRTD orders, names what is missing, and takes ACPI digests", async () => {
    const ovmf = file("TDVF.fd", tdvfImage(standardMemory));
    const { json, text } = await run(measureTdxCommand, { ovmf, memory: 2048 });
    const mrtd = json["mrtd"] as { singlePass: string; twoPass: string };
    assert.match(mrtd.singlePass, /^[0-9a-f]{96}$/);
    assert.deepEqual((json["rtmr"] as unknown[]).slice(0, 3), [null, null, null]);
    assert.match(text, /RTMR0 {2}not determined; missing: configuration volume/);
    await assert.rejects(measureTdxCommand.run({ ovmf, acpi: "00,11" }), /three digests/);
    await assert.rejects(measureTdxCommand.run({ ovmf, acpi: "00,11,22" }), /48 bytes/);
  });

  it("measure tdx reads fw_cfg's ACPI blobs from files, and from where the kernel shows them", async () => {
    const ovmf = file("TDVF.fd", tdvfImage(standardMemory));
    const blobs = { "etc/table-loader": plainLoader, "etc/acpi/rsdp": "rsdp", "etc/acpi/tables": "tables" };
    for (const [name, bytes] of Object.entries(blobs)) {
      mkdirSync(join(dir, "dump", dirname(name)), { recursive: true });
      writeFileSync(join(dir, "dump", name), bytes);
      mkdirSync(join(dir, "by_name", name), { recursive: true });
      writeFileSync(join(dir, "by_name", name, "raw"), bytes);
    }
    const acpi = Object.values(blobs).map((bytes) => createHash("sha384").update(bytes).digest("hex"));
    const digestsOf = async (args: Readonly<Record<string, string>>): Promise<unknown> => {
      const { json } = await run(measureTdxCommand, { ovmf, memory: 2048, ...args });
      const events = json["events"] as readonly { from: string; digest: string | null }[];
      return events.filter(({ from }) => from === "--acpi").map(({ digest }) => digest);
    };
    assert.deepEqual(await digestsOf({ acpi: acpi.join(",") }), acpi);
    assert.deepEqual(await digestsOf({ "acpi-tables": join(dir, "dump") }), acpi);
    assert.deepEqual(await digestsOf({ "acpi-tables": join(dir, "by_name") }), acpi);
    await assert.rejects(run(measureTdxCommand, { ovmf, "acpi-tables": dir }), /--acpi-tables: cannot read .*ENOENT/);
    await assert.rejects(run(measureTdxCommand, { ovmf, "acpi-tables": dir, acpi: "" }), /leaves nothing for --acpi/);
  });

  it("idblock makes a pair that verifies, with the policy in words", async () => {
    const pem = (curve: string): string =>
      generateKeyPairSync("ec", { namedCurve: curve }).privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const args = {
      measurement: "ab".repeat(48),
      policy: "smt on, debug off",
      "id-key": file("id.pem", pem("secp384r1")),
      "author-key": file("author.pem", pem("secp384r1")),
    };
    const { json } = await run(idblockCommand, args);
    const [block, auth] = [json["idBlock"], json["idAuth"]].map((text) => Buffer.from(String(text), "base64"));
    assert.deepEqual(verifyIdAuth(block ?? Buffer.alloc(0), auth ?? Buffer.alloc(0)), { idKey: true, authorKey: true });
    assert.equal(block?.readBigUInt64LE(88), 0x30000n);
    assert.match(String(json["idKeyDigest"]), /^[0-9a-f]{96}$/);
    await assert.rejects(idblockCommand.run({ ...args, "id-key": file("p256.pem", pem("prime256v1")) }), /P-384/);
    await assert.rejects(
      idblockCommand.run({ ...args, "id-key": file("junk.pem", "junk") }),
      /no unencrypted private key/,
    );
    await assert.rejects(idblockCommand.run({ ...args, measurement: "abc" }), /--measurement: is not hex/);
  });
});

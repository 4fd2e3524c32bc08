// Firmware as Debian ships it, by the hash of the file: reference page on confidential launch, 5.4
// (SNP digests by sev-snp-measure 0.0.13). A machine has one or two of these; test/support/debian-firmware fetches
// those of other releases, and KATA_CVM_FIRMWARE_DIR names a folder with more.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hashKernelFiles } from "../../../src/measure/kernel-hashes.ts";
import { parseOvmf } from "../../../src/measure/ovmf.ts";
import { parseVcpuType } from "../../../src/measure/snp/cpu-models.ts";
import { measureSnp, snpLayout } from "../../../src/measure/snp/launch-digest.ts";
import { measureMrtd } from "../../../src/measure/tdx/mrtd.ts";
import { parseTdvf } from "../../../src/measure/tdx/tdvf.ts";
import { skip } from "../../support/tools.ts";

interface Expected {
  readonly name: string;
  readonly sha256: string;
  readonly ovmfHash?: string;
  /** by number of vCPUs, no kernel */
  readonly snp?: Readonly<Record<number, string>>;
  /** one vCPU, empty kernel and initrd, by command line */
  readonly kernel?: Readonly<Record<string, string>>;
  readonly mrtd?: { readonly singlePass: string; readonly twoPass: string };
  /** SNP launch refused with this reason */
  readonly snpRefusal?: RegExp;
}

const packaged: readonly Expected[] = [
  {
    name: "bookworm OVMF.fd",
    sha256: "7b456907dd0786d415999e801a1ac4637b8ed4d7cf5378cfc6edbe5e574dd773",
    ovmfHash: "ba2c811512ef868474f239a21f7d7057d65a20de87a003c4f116e4fb1573183bfbcd75c3e99b2f558575a5d0094f73c6",
    snp: {
      1: "11570979c77a0adb515761a702527c8b9e11554e730552621d950988613a3a75c6ff1703f540bd22a9beede8fe7a97e3",
      4: "32ac9d7a17d28f7cd4404a4516d2f00519668c40ada2062351c36767e908eb3f090d66c33ab10f80150e00a4385b6d0f",
    },
    mrtd: {
      singlePass: "4c7206f0f483c524f12c366c711e9049030a8d47c471ee5aa9c4999a08de4057fb887fed0744d5631a212967fb231c47",
      twoPass: "acccbcc870a381adab0d3919d90a7f268ac3b0364771f202ed4bb4e892d045b33db3b32e6924cba830a724eed443f7e1",
    },
  },
  {
    name: "trixie OVMF.fd",
    sha256: "14954040cc754ade0c625ac3470ea46d4c14318b5b1396de4ef77090203d76db",
    snp: {
      1: "6eef547a9fcf5720c5c04883fe85788d29de46b55a51e554467029b554a3352e66d2f3c71b84cea937d19a1a6c41596f",
      4: "676826e902524799a067f7c43b3ab0101dce73a2506d41436dd2f8472fa208081f11f9e65ca5d2439785732a0bfd8339",
    },
    mrtd: {
      singlePass: "bdc6fb145880f06f30c8b346b8dce2a99d9351b56892df22f80fcf6574caa9f9c31df8e8576d53b4d0cd1c3f28910e11",
      twoPass: "456f07902150d008bb913c3e1e84e9297f735a6c83cd2a957a1f0a8bbedb06df188e3837ae48d32c73d473d097dc0db2",
    },
  },
  {
    name: "sid OVMF.amdsev.fd",
    sha256: "3e4fd0b3fe3b2dbe481c3d9e99418a034174f26cbe1f55aa212b0f18c12d2d6f",
    ovmfHash: "9d0dd8be18c86e3fe3bf0038ed75ebf5340bee69fd2632c8ff9409964575960ae1f7e84be387d2e3467bc3508d1e4806",
    snp: {
      1: "d74bd3ea40b240c3228edc5177ce6193561ebff633dbd0be76d6c143b876d65102425c0e2e8a930857c48daa5eacda58",
      4: "13a6ae9fbaa31c91ade309c36bd5214729438abac318e01176e02a97b8bec11a4bce86b4d2b1fba2ec0481dd24ff525f",
    },
    kernel: {
      "console=ttyS0 loglevel=7":
        "fbede50d3ee39abff62f75615d1913b0451bf18482902f20dbc00f9e509833cde0a69cc93b261d1b9c5594a951b90fb1",
      "": "dc90224373ef87b56b4da4964a5fbefb3a0cd401f4ff04571c272c491ccd04bdbd91bc2e10665b1f155bb91db7956b74",
    },
  },
  {
    name: "sid OVMF.inteltdx.ms.fd",
    sha256: "a265075b4147a096109e501e76196df1ec8a18659c26f7401492c597ec88f312",
    snpRefusal: /size 0/,
    mrtd: {
      singlePass: "a7a1f751abc454f9cbab198ca8d2edb2821935df525c74182b5e776cb0929e8c59aefecce725b0d08a5e9d3d3183bd08",
      twoPass: "b90b236113eb4c0d4df4ef590568c14e6028a3a31d7e8ac63dee9845df5008d3ebf82d4f5974e933798f65d7a279b9a9",
    },
  },
];

/** OVMF_CODE.fd has no listed file hash: its digest is listed for bookworm's package. */
const bookwormCode = {
  sha256: "7b456907dd0786d415999e801a1ac4637b8ed4d7cf5378cfc6edbe5e574dd773",
  measurement: "a479327cbb0b50e876024c2dac7412d4e5e95c7315c1f8b0446f6d3be69fefba50766285475926737e4a70b155252f88",
};

const places = ["/usr/share/ovmf", "/usr/share/OVMF", ...extraPlaces()];
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function extraPlaces(): string[] {
  const roots = [process.env["KATA_CVM_FIRMWARE_DIR"] ?? "", "/var/cache/kata-cvm/debian-firmware"];
  return roots.filter(existsSync).flatMap((root) => {
    const folders = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [root, ...folders.map((entry) => join(entry.parentPath, entry.name))];
  });
}

function found(test: Mocha.Context, expected: Expected): Buffer {
  const name = expected.name.split(" ")[1] ?? "";
  for (const file of places.map((place) => join(place, name))) {
    if (!existsSync(file)) continue;
    const bytes = readFileSync(file);
    if (sha256(bytes) === expected.sha256) return bytes;
  }
  return skip(
    test,
    `${expected.name} in the listed version is not on this machine (test/support/debian-firmware fetches it)`,
  );
}

function digestOf(bytes: Uint8Array, vcpus: number, cmdline?: string): { measurement: string; ovmfHash: string } {
  const empty = new Uint8Array();
  const { measurement, ovmfHash } = measureSnp({
    layout: snpLayout(parseOvmf(bytes)),
    vcpus,
    vcpuSignature: parseVcpuType("EPYC-v4"),
    guestFeatures: 1n,
    vmm: "qemu",
    ...(cmdline === undefined ? {} : { kernelHashes: hashKernelFiles({ kernel: empty, initrd: empty, cmdline }) }),
  });
  return { measurement: measurement.toString("hex"), ovmfHash: ovmfHash.toString("hex") };
}

describe("Debian's firmware packages", () => {
  for (const expected of packaged) {
    it(`measure as listed: ${expected.name}`, function () {
      const bytes = found(this, expected);
      if (expected.snpRefusal) {
        assert.throws(() => snpLayout(parseOvmf(bytes)), { name: "MalformedInput", message: expected.snpRefusal });
      }
      for (const [vcpus, digest] of Object.entries(expected.snp ?? {})) {
        const { measurement, ovmfHash } = digestOf(bytes, Number(vcpus));
        assert.equal(measurement, digest);
        if (expected.ovmfHash) assert.equal(ovmfHash, expected.ovmfHash);
      }
      for (const [cmdline, digest] of Object.entries(expected.kernel ?? {})) {
        assert.equal(digestOf(bytes, 1, cmdline).measurement, digest);
      }
      if (!expected.mrtd) return;
      const sections = parseTdvf(parseOvmf(bytes));
      for (const order of ["singlePass", "twoPass"] as const) {
        assert.equal(measureMrtd(sections, order).mrtd.toString("hex"), expected.mrtd[order]);
      }
    });
  }

  it("measure as listed: bookworm OVMF_CODE.fd", function () {
    const sibling = "/usr/share/ovmf/OVMF.fd";
    if (!existsSync(sibling) || sha256(readFileSync(sibling)) !== bookwormCode.sha256) {
      skip(this, "bookworm's ovmf 2022.11 is not installed");
    }
    assert.equal(digestOf(readFileSync("/usr/share/OVMF/OVMF_CODE.fd"), 1).measurement, bookwormCode.measurement);
  });

  it("are refused for SNP and TDX where the build has no metadata: bookworm OVMF_CODE_4M.fd", function () {
    const file = "/usr/share/OVMF/OVMF_CODE_4M.fd";
    if (!existsSync(file)) skip(this, "Debian's ovmf is not installed");
    const firmware = parseOvmf(readFileSync(file));
    if (firmware.sevSections) skip(this, "this version has SEV metadata");
    assert.ok(firmware.entries.size > 0);
    assert.throws(() => snpLayout(firmware), { message: /no SEV metadata/ });
    assert.throws(() => parseTdvf(firmware), { message: /no TDX metadata/ });
  });
});

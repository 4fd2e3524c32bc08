// Vectors: reference page on confidential launch, 4.4 (event constants) and 5.3 (TD HOB, RTMR values of
// captured logs and of a quote signed by hardware).
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { parseTcgLog } from "../../../../src/measure/eventlog/tcg-log.ts";
import { firmwareGuids, parseOvmf } from "../../../../src/measure/ovmf.ts";
import { measureMrtd } from "../../../../src/measure/tdx/mrtd.ts";
import { reconcileWithLog, replayRtmrEvents } from "../../../../src/measure/tdx/rtmr.ts";
import { predictRtmrEvents, type RtmrEvent } from "../../../../src/measure/tdx/rtmr-events.ts";
import { renderTdHob, tdMemoryRanges } from "../../../../src/measure/tdx/td-hob.ts";
import { parseTdvf } from "../../../../src/measure/tdx/tdvf.ts";
import { parseUki } from "../../../../src/measure/uki/uki.ts";
import { firmwareImage, u32 } from "../../../support/firmware-image.ts";
import { buildPe } from "../../../support/pe-image.ts";
import { standardMemory, standardSections, tdvfImage, tdvfTable } from "../../../support/tdvf-image.ts";
import { fixture, skip } from "../../../support/tools.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Buffer => Buffer.from(text, "hex");
const sha384 = (...parts: readonly Uint8Array[]): Buffer => {
  const sha = createHash("sha384");
  for (const part of parts) sha.update(part);
  return sha.digest();
};
const chain = (digests: readonly Uint8Array[]): string =>
  hex(digests.reduce((value: Buffer, digest) => sha384(value, digest), Buffer.alloc(48)));

/** Debian's OVMF_VARS_4M.fd of bookworm: the default volume, unchanged in edk2 from 2022 on. */
function defaultVolume(test: Mocha.Context): Buffer {
  const file = "/usr/share/OVMF/OVMF_VARS_4M.fd";
  if (!existsSync(file)) skip(test, "needs Debian's ovmf package");
  const volume = readFileSync(file);
  const digest = hex(sha384(volume));
  if (!digest.startsWith("344bc51c980ba621")) skip(test, "another version of Debian's ovmf package");
  return volume;
}

const noVolume = standardSections();

describe("the TD HOB", () => {
  const digests: readonly (readonly [memoryMiB: number, digest: string])[] = [
    [2048, "0b8772e5b0b41b83e6044a68397e02f49fb47066b4fbe4917ea2c45c64f323fdacbb37948f821ebaf8bc9c938ba8a749"],
    [10240, "05dc148f05a035080b22372d049c35ef80260050516606b4d9d4eaa2e4d1e06c556374b00217496a235235d1e3d0e026"],
    [4096, "5b684faf8d02a733945f821d9cdd170802e72103977acf66949c9382500283adc90cbec57f8e7653f8bee1cab83689de"],
    [8192, "2e070cda358b5aa00f27cca25c47381bb564f4be3a84d059805a73cbbde764ed8341f7e09915b5e7b370f9c08a743fbd"],
  ];
  for (const [memoryMiB, digest] of digests) {
    it(`has the digest of captured logs for ${memoryMiB} MiB`, () => {
      assert.equal(hex(sha384(renderTdHob(noVolume, memoryMiB))), digest);
    });
  }

  it("covers exactly the guest's memory, without overlap", () => {
    for (const memoryMiB of [64, 2048, 2815, 2816, 3072, 65536]) {
      const ranges = tdMemoryRanges(noVolume, memoryMiB);
      const total = ranges.reduce((sum, range) => sum + range.bytes, 0);
      assert.equal(total, memoryMiB * 1024 * 1024);
      for (const [index, range] of ranges.entries()) {
        const before = ranges[index - 1];
        assert.ok(!before || before.start + before.bytes <= range.start);
      }
    }
  });

  it("is refused for memory too small for the firmware's own sections", () => {
    assert.throws(() => renderTdHob(noVolume, 4), { name: "InvalidRequest", message: /no room/ });
    assert.throws(() => renderTdHob(noVolume, 0), { name: "InvalidRequest" });
  });
});

describe("predictRtmrEvents", () => {
  it("computes the constants that captured logs share, from their contents", function () {
    const events = predictRtmrEvents({ sections: standardSections(defaultVolume(this)), memoryMiB: 2048 });
    const found = new Map(events.map((event) => [event.what, hex(event.digest ?? new Uint8Array())]));
    const expected = {
      "configuration volume":
        "344bc51c980ba621aaa00da3ed7436f7d6e549197dfe699515dfa2c6583d95e6412af21c097d473155875ffd561d6790",
      "variable SecureBoot":
        "9dc3a1f80bcec915391dcda5ffbb15e7419f77eab462bbf72b42166fb70d50325e37b36f93537a863769bcf9bedae6fb",
      "variable PK": "6f2e3cbc14f9def86980f5f66fd85e99d63e69a73014ed8a5633ce56eca5b64b692108c56110e22acadcef58c3250f1b",
      "variable KEK":
        "d607c0efb41c0d757d69bca0615c3a9ac0b1db06c557d992e906c6b7dee40e0e031640c7bfd7bcd35844ef9edeadc6f9",
      "variable db": "08a74f8963b337acb6c93682f934496373679dd26af1089cb4eaf0c30cf260a12e814856385ab8843e56a9acea19e127",
      "variable dbx":
        "18cc6e01f0c6ea99aa23f8a280423e94ad81d96d0aeb5180504fc0f7a40cb3619dd39bd6a95ec1680a86ed6ab0f9828d",
      separator: "394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4b971c9effc60e1ad9f1289f0",
      "variable BootOrder":
        "1dd6f7b457ad880d840d41c961283bab688e94e4b59359ea45686581e90feccea3c624b1226113f824f315eb60ae0a7c",
      "variable Boot0000":
        "23ada07f5261f12f34a0bd8e46760962d6b4d576a416f1fea1c64bc656b1d28eacf7047ae6e967c58fd2a98bfa74c298",
    };
    for (const [what, digest] of Object.entries(expected)) assert.equal(found.get(what), digest, what);
  });

  it("predicts RTMR0 of a machine whose quote is signed (dstack tdx-lite, QEMU 8.2.2, 2 GiB)", function () {
    const acpi = [
      "095d04cf26fe03aef6e3561fa24c1aa1cea93f4aeaf563b1f9f7616184c53454875925759434769cec2490acb563a337",
      "8d9a4d4777a1bc77ecd9d8d37a4628129a80052a510320159a20a923bd07a0e90d8d1f2e1ebf088992b25f0d0fa672ef",
      "3070721e169bc41884724cb0e6b3082e1baf249083d8b389181ba50b9afa951057876c380b8870e8c2facf2eff67a2b6",
    ].map((digest, index) => ({ what: `ACPI ${index}`, digest: bytesOf(digest) }));
    const sections = standardSections(defaultVolume(this));
    const [rtmr0] = replayRtmrEvents(predictRtmrEvents({ sections, memoryMiB: 2048, acpi }));
    assert.equal(
      rtmr0?.trail?.value,
      "f8438db36b96f85d8752ff7f24a89ec05c79ec9eda2ba732c897fb970ca429365b7471b1c054cb84f17b1c2b23ba6640",
    );
  });

  it("names what is missing instead of guessing", () => {
    const [rtmr0, rtmr1, rtmr2, rtmr3] = replayRtmrEvents(predictRtmrEvents({ sections: noVolume }));
    assert.equal(rtmr0?.trail, undefined);
    assert.deepEqual(rtmr0?.missing, [
      "TD HOB",
      "configuration volume",
      ...["SecureBoot", "PK", "KEK", "db", "dbx"].map((name) => `variable ${name}`),
      "ACPI table loader",
      "ACPI RSDP",
      "ACPI tables",
    ]);
    assert.deepEqual(rtmr1?.missing, ["application (kernel or UKI)"]);
    assert.deepEqual(rtmr2?.missing, ["sections of the UKI"]);
    assert.equal(rtmr3?.trail?.value, "00".repeat(48));
  });

  it("predicts RTMR1 and RTMR2 of a UKI, register by register", () => {
    const linux = buildPe([{ name: ".text", content: Buffer.from("kernel code") }]);
    const [osrel, cmdline, initrd] = ["ID=test\n", "console=ttyS0", "initrd"].map((text) => Buffer.from(text));
    const contents = { ".linux": linux, ".osrel": osrel, ".cmdline": cmdline, ".initrd": initrd };
    const image = buildPe(
      Object.entries(contents).map(([name, content]) => ({ name, content: content ?? Buffer.alloc(0) })),
    );
    const uki = parseUki(image);
    const events = predictRtmrEvents({ sections: noVolume, memoryMiB: 2048, uki });
    const [, rtmr1, rtmr2] = replayRtmrEvents(events);
    const named = Object.entries(contents).flatMap(([name, content]) => [
      sha384(Buffer.from(`${name}\0`)),
      sha384(content ?? Buffer.alloc(0)),
    ]);
    const loadOptions = sha384(Buffer.from("console=ttyS0\0", "utf16le"));
    const initrdDigest = events.find((event) => event.key === "Linux initrd")?.digest ?? Buffer.alloc(0);
    assert.equal(rtmr2?.trail?.value, chain([...named, loadOptions, initrdDigest]));
    const images = events.filter((event) => event.key === "application").map((event) => event.digest as Buffer);
    const constants = [
      "77a0dab2312b4e1e57a84d865a21e5b2ee8d677a21012ada819d0a98988078d3d740f6346bfe0abaa938ca20439a8d71",
      "394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4b971c9effc60e1ad9f1289f0",
      "214b0bef1379756011344877743fdc2a5382bac6e70362d624ccf3f654407c1b4badf7d8f9295dd3dabdef65b27677e0",
      "0a2e01c85deae718a530ad8c6d20a84009babe6c8989269e950d8cf440c6e997695e64d455c4174a652cd080f6230b74",
    ].map(bytesOf) as [Buffer, Buffer, Buffer, Buffer];
    const [first, second] = images as [Buffer, Buffer];
    assert.equal(images.length, 2);
    assert.equal(rtmr1?.trail?.value, chain([first, constants[0], constants[1], second, constants[2], constants[3]]));
  });
});

describe("replayRtmrEvents", () => {
  it("gives RTMR1 and RTMR2 of the signed tdx-lite quote from its listed events", () => {
    const list = (rtmr: 1 | 2, digests: readonly string[]): RtmrEvent[] =>
      digests.map((text) => ({ rtmr, key: "", what: "", setting: "", digest: bytesOf(text) }));
    const kernel = [
      "ac7e632dcf5cd2a1fe5c1f41f4d9b8219570e64ed3c61038fdbf25404e6f542ffd57f276bc5076307efaf882e6d64177",
      "77a0dab2312b4e1e57a84d865a21e5b2ee8d677a21012ada819d0a98988078d3d740f6346bfe0abaa938ca20439a8d71",
      "394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4b971c9effc60e1ad9f1289f0",
      "214b0bef1379756011344877743fdc2a5382bac6e70362d624ccf3f654407c1b4badf7d8f9295dd3dabdef65b27677e0",
      "0a2e01c85deae718a530ad8c6d20a84009babe6c8989269e950d8cf440c6e997695e64d455c4174a652cd080f6230b74",
    ];
    const linux = [
      "786280842b7364287a3a70d96f7e309252857beb45fb1f91314a2ea863db0adc04c8431ecbf29a966405604631a5aab8",
      "4fe4f7710134a61d7def357add6ac50bdbfeee5032a4c100375e207216ffe42a3bd5822b24e679f91501fff795b81521",
    ];
    const [, rtmr1, rtmr2] = replayRtmrEvents([...list(1, kernel), ...list(2, linux)]);
    assert.equal(
      rtmr1?.trail?.value,
      "2023546e7f3b9d1228e274f70c44d481162540f8452544520a796a52f06879709b81a824a26792a7822327504b0d2aee",
    );
    assert.equal(
      rtmr2?.trail?.value,
      "4c1b739ed451a637b0f82642e48a5ea83925d23633c72e7385c8e9aca4175e133ed1625b7d92eb39edf509c27ff392dc",
    );
  });
});

describe("reconcileWithLog", () => {
  it("keeps a real log's values while computing what it can, and finds no disagreement (2 GiB, no keys)", function () {
    const log = parseTcgLog(fixture(this, "tdx/CCEL_data_ovmf"));
    const sections = standardSections(defaultVolume(this));
    const { events, disagreements, absent } = reconcileWithLog(predictRtmrEvents({ sections, memoryMiB: 2048 }), log);
    assert.deepEqual([disagreements, absent], [[], []]);
    const computed = events.filter((event) => event.setting !== "--eventlog").map((event) => event.what);
    assert.deepEqual(computed, [
      "TD HOB",
      "configuration volume",
      "variable SecureBoot",
      "variable PK",
      "variable KEK",
      "variable db",
      "variable dbx",
      "separator",
      "variable BootOrder",
      "variable Boot0000",
    ]);
    assert.deepEqual(
      replayRtmrEvents(events).map((one) => one.trail?.value),
      [
        "8566f998798db09443b244c62de9a3041fb02e2e6936c4396d784bba2e90177329ec5aba3bb484404f2ab9cc90abe193",
        "775b9f6bfe99f8a31396f0d0218e67ffa796d3b96ccf961cbb0deba48c79c00f082cda1a5567c1c16305f1fc210c13c6",
        "94eaf7a7bf398ed8d888c91057ae0261802e4f3df084213a76ca7f0b5055ac9d2241de43cd58d9e8b49c503bbf25f34a",
        "00".repeat(48),
      ],
    );
  });

  it("computes against the log: another memory size shows as one disagreement and moves RTMR0 only", function () {
    const log = parseTcgLog(fixture(this, "tdx/CCEL_data_ovmf"));
    const sections = standardSections(defaultVolume(this));
    const at = (memoryMiB: number) => reconcileWithLog(predictRtmrEvents({ sections, memoryMiB }), log);
    assert.deepEqual(
      at(4096).disagreements.map((one) => one.what),
      ["TD HOB"],
    );
    const [two, four] = [at(2048), at(4096)].map((one) => replayRtmrEvents(one.events).map((r) => r.trail?.value));
    assert.notEqual(two?.[0], four?.[0]);
    assert.deepEqual(two?.slice(1), four?.slice(1));
  });

  it("agrees with a 10 GiB machine's log on memory, and tells its enrolled keys from none", function () {
    const log = parseTcgLog(fixture(this, "tdx/CCEL_data_grub"));
    const sections = standardSections(defaultVolume(this));
    const { disagreements } = reconcileWithLog(predictRtmrEvents({ sections, memoryMiB: 10240 }), log);
    const what = disagreements.map((one) => one.what);
    assert.ok(!what.includes("TD HOB"));
    for (const name of ["configuration volume", "variable SecureBoot", "variable PK", "variable db"]) {
      assert.ok(what.includes(name), name);
    }
  });
});

describe("measureMrtd", () => {
  it("feeds adds and extends in the two orders of the field", () => {
    const data = Buffer.alloc(0x1800, 0xab);
    const rows = [
      [0, data.length, 0x10000, 0x2000, 0, 1],
      [0, 0, 0x20000, 0x1000, 3, 0],
      [0, 0, 0x30000, 0x4000_0000, 4, 2],
    ] as const;
    const sections = parseTdvf(parseOvmf(tdvfImage(rows, data)));
    const record = (name: string, gpa: number): Buffer => {
      const bytes = Buffer.alloc(128);
      bytes.write(name);
      bytes.writeBigUInt64LE(BigInt(gpa), 16);
      return bytes;
    };
    const memory = Buffer.concat([data], 0x2000);
    const extend = (page: number): Buffer[] =>
      Array.from({ length: 16 }, (_, chunk) => page + chunk * 256).flatMap((at) => [
        record("MR.EXTEND", 0x10000 + at),
        memory.subarray(at, at + 256),
      ]);
    const add = (gpa: number): Buffer => record("MEM.PAGE.ADD", gpa);
    const single = [add(0x10000), ...extend(0), add(0x11000), ...extend(0x1000), add(0x20000)];
    const two = [add(0x10000), add(0x11000), ...extend(0), ...extend(0x1000), add(0x20000)];
    assert.equal(hex(measureMrtd(sections, "singlePass").mrtd), hex(sha384(...single)));
    assert.equal(hex(measureMrtd(sections, "twoPass").mrtd), hex(sha384(...two)));
  });
});

describe("parseTdvf", () => {
  const image = (table: Buffer): Buffer =>
    firmwareImage({ entries: [[firmwareGuids.tdxMetadata, u32(4096)]], patches: [[0, table]] });
  const refuse = (table: Buffer, message: RegExp): void => {
    assert.throws(() => parseTdvf(parseOvmf(image(table))), { name: "MalformedInput", message });
  };

  it("refuses firmware without TDX metadata and says so", () => {
    assert.throws(() => parseTdvf(parseOvmf(Buffer.alloc(4096))), { message: /no TDX metadata/ });
  });

  it("refuses broken tables, each with its reason", () => {
    refuse(Buffer.from("NOPE"), /lacks its TDVF mark/);
    refuse(tdvfTable(standardMemory, { version: 2 }), /version 2/);
    refuse(tdvfTable(standardMemory, { count: 65 }), /65 TDX sections/);
    refuse(tdvfTable([[0, 0, 0x1001, 0x1000, 3, 0]]), /whole pages/);
    refuse(tdvfTable([[0, 0, 0, 0x1000, 9, 0]]), /section type 9/);
    refuse(tdvfTable([[0, 0x3000, 0, 0x1000, 0, 1]]), /12288 bytes of data for 4096/);
    refuse(tdvfTable([[0x900, 0x1000, 0, 0x1000, 0, 1]]), /needs 4096 bytes/);
    refuse(tdvfTable([[0, 0, 0, 0x4000_0000, 3, 0]]), /add more than/);
  });
});

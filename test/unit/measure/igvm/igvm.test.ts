// Vector: the minimal file of the reference page on confidential launch, 5.5.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { measureIgvm } from "../../../../src/measure/igvm/measure-igvm.ts";
import { parseIgvm } from "../../../../src/measure/igvm/parse.ts";
import { requireQemuCanLaunch, validateForQemu } from "../../../../src/measure/igvm/validate-for-qemu.ts";
import { type IgvmPart, writeIgvm } from "../../../../src/measure/igvm/write.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { buildIdBlock, signIdBlock } from "../../../../src/measure/snp/id-block.ts";
import { PageChain } from "../../../../src/measure/snp/page-chain.ts";
import { minimalIgvm, minimalParts, minimalVmsa, VMSA_GPA } from "../../../support/igvm-image.ts";

const digestOf = (file: Uint8Array, ...rules: Parameters<typeof measureIgvm> extends [unknown, ...infer R] ? R : []) =>
  measureIgvm(parseIgvm(file), ...rules).measurement.toString("hex");

/** The minimal parts with one more before the VP context. */
function withPart(...extra: readonly IgvmPart[]): IgvmPart[] {
  return [...minimalParts.slice(0, -1), ...extra, ...minimalParts.slice(-1)];
}

function refusals(parts: readonly IgvmPart[]): string[] {
  const findings = validateForQemu(parseIgvm(writeIgvm(parts)));
  return findings.filter((one) => one.severity === "refusal").map((one) => one.reason);
}

function warnings(parts: readonly IgvmPart[]): string[] {
  const findings = validateForQemu(parseIgvm(writeIgvm(parts)));
  return findings.filter((one) => one.severity === "warning").map((one) => one.reason);
}

describe("the IGVM writer", () => {
  it("makes the reference file byte for byte", () => {
    const file = minimalIgvm();
    assert.equal(file.length, 12288);
    assert.equal(file.readUInt32LE(12), 288);
    assert.equal(file.readUInt32LE(20), 0xa0bddc13);
    assert.equal(
      createHash("sha256").update(file).digest("hex"),
      "da9f1618e89e6e6f18476da88b5472c7f829ec310241e63bce7526dc500ca166",
    );
  });

  it("makes files of version 2 that read back the same", () => {
    const [one, two] = [parseIgvm(minimalIgvm()), parseIgvm(writeIgvm(minimalParts, { formatVersion: 2 }))];
    assert.deepEqual([two.formatVersion, two.architecture, two.pageSize], [2, "x64", 4096]);
    const plain = (file: typeof one) => file.headers.map((header) => ({ ...header, offset: 0 }));
    assert.deepEqual(plain(two), plain(one));
  });
});

describe("measureIgvm", () => {
  it("gives the reference digest by QEMU's and igvmmeasure's rule, zero pages as NORMAL", () => {
    const expected = "4ca73317d40a6fa89898dcc9fbe31294f5499d6b818548b097528a75d16355b614ef4a18f81b0a3e515f79e2a27f8f98";
    assert.equal(digestOf(minimalIgvm()), expected);
    assert.equal(digestOf(minimalIgvm(), "igvmmeasure"), expected);
  });

  it("gives the reference digest with native zero pages", () => {
    assert.equal(
      digestOf(minimalIgvm(), "igvmmeasure-native-zero"),
      "a3918cdb54a8ab4defa8d4d9765d7953ea9afdf9ef3a004841b3b354ad79af8f76ed00ceeb23c1f482bd7cd0de40d8e3",
    );
  });

  it("hashes the VMSA of the reference file to its listed SHA-384", () => {
    const { trail } = measureIgvm(parseIgvm(minimalIgvm()));
    assert.equal(
      trail.steps.at(-1)?.digest,
      "45d62100de09863d76a052355cbfafc63291ebd6f413cb3f36c63945cb020138f452a2e9c121503f81d9c471fc02dea9",
    );
  });

  it("commits to every page of a parameter area as QEMU does, to one as igvmmeasure does", () => {
    const parts: readonly IgvmPart[] = [
      { kind: "platform", platform: "snp", mask: 1 },
      { kind: "parameter-area", bytes: 0x3000, index: 4 },
      { kind: "parameter-insert", gpa: 0x1000, mask: 1, index: 4 },
    ];
    const expected = (bytes: number): string => {
      const chain = new PageChain();
      chain.addBlank("UNMEASURED", 0x1000, bytes);
      return chain.digest.toString("hex");
    };
    assert.equal(digestOf(writeIgvm(parts)), expected(0x3000));
    assert.equal(digestOf(writeIgvm(parts), "igvmmeasure"), expected(0x1000));
  });

  it("lets a parameter insert overtake the pages before it, as QEMU's batching does, and warns", () => {
    const data = Buffer.from("x");
    const page = Buffer.concat([data, Buffer.alloc(4095)]);
    const parts: readonly IgvmPart[] = [
      { kind: "platform", platform: "snp", mask: 1 },
      { kind: "parameter-area", bytes: 0x1000, index: 0 },
      { kind: "page-data", gpa: 0x2000, mask: 1, data },
      { kind: "parameter-insert", gpa: 0x9000, mask: 1, index: 0 },
      { kind: "page-data", gpa: 0x3000, mask: 1, data },
    ];
    const qemu = new PageChain();
    qemu.addBlank("UNMEASURED", 0x9000, 4096);
    qemu.addContents("NORMAL", 0x2000, page);
    qemu.addContents("NORMAL", 0x3000, page);
    assert.equal(digestOf(writeIgvm(parts)), qemu.digest.toString("hex"));
    assert.notEqual(digestOf(writeIgvm(parts), "igvmmeasure"), qemu.digest.toString("hex"));
    assert.match(warnings(parts).join(), /parameter insert after page data/);
  });

  it("leaves out headers for other platforms", () => {
    const other: IgvmPart = { kind: "page-data", gpa: 0x7000, mask: 2, data: Buffer.from("native only") };
    const native: IgvmPart = { kind: "platform", platform: "native", mask: 2 };
    assert.equal(digestOf(writeIgvm([native, ...withPart(other)])), digestOf(minimalIgvm()));
  });

  it("refuses 2 MiB pages, of which QEMU's library reads 4 KiB", () => {
    const large: IgvmPart = { kind: "page-data", gpa: 0x200000, mask: 1, large: true, data: Buffer.from("x") };
    assert.match(refusals(withPart(large)).join(), /2 MiB page/);
    assert.throws(() => digestOf(writeIgvm(withPart(large))), { name: "MalformedInput", message: /2 MiB page/ });
  });

  it("measures the VMSA last wherever it stands", () => {
    const [vmsa, rest] = [minimalParts.slice(-1), minimalParts.slice(0, -1)];
    assert.equal(digestOf(writeIgvm([...rest.slice(0, 4), ...vmsa, ...rest.slice(4)])), digestOf(minimalIgvm()));
  });

  it("refuses a small file that asks for more work than any firmware needs", () => {
    const areas = Array.from({ length: 17 }, (_, index): readonly IgvmPart[] => [
      { kind: "parameter-area", bytes: 16 << 20, index },
      { kind: "parameter-insert", gpa: index << 24, mask: 1, index },
    ]);
    const file = writeIgvm([{ kind: "platform", platform: "snp", mask: 1 }, ...areas.flat()]);
    assert.throws(() => digestOf(file), { name: "MalformedInput", message: /more than 65536 pages/ });
  });
});

describe("the ID block inside an IGVM file", () => {
  const idKey = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
  const authorKey = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
  const measurement = measureIgvm(parseIgvm(minimalIgvm())).measurement;
  const withBlock = (fields: Parameters<typeof buildIdBlock>[0], author?: typeof authorKey) => {
    const idBlock = buildIdBlock(fields);
    const { idAuth } = signIdBlock(idBlock, idKey, author);
    const file = parseIgvm(writeIgvm(withPart({ kind: "id-block", mask: 1, idBlock, idAuth })));
    return { idBlock, idAuth, found: measureIgvm(file) };
  };

  it("comes out as the PSP's structures, signatures valid, and moves no digest", () => {
    const { idBlock, idAuth, found } = withBlock({ measurement, policy: 0x30000n, guestSvn: 3 }, authorKey);
    assert.deepEqual(found.measurement, measurement);
    assert.deepEqual(found.idBlock?.idBlock, idBlock);
    assert.deepEqual(Buffer.from(found.idBlock?.idAuth ?? []), idAuth);
    assert.deepEqual(
      [
        found.idBlock?.measurementMatches,
        found.idBlock?.idKeySignatureValid,
        found.idBlock?.authorKeySignatureValid,
        found.idBlock?.authorKeyEnabled,
      ],
      [true, true, true, true],
    );
  });

  it("is found out when it names another measurement, or was signed for another policy", () => {
    const other = withBlock({ measurement: Buffer.alloc(48, 1), policy: 0x30000n }).found.idBlock;
    assert.deepEqual([other?.measurementMatches, other?.idKeySignatureValid], [false, true]);
    const policy = withBlock({ measurement, policy: 0xb0000n }).found.idBlock;
    assert.deepEqual([policy?.measurementMatches, policy?.idKeySignatureValid], [true, false]);
  });
});

describe("validateForQemu", () => {
  it("has nothing against the reference file", () => {
    assert.deepEqual(validateForQemu(parseIgvm(minimalIgvm())), []);
  });

  it("refuses files without the platform, naming those they have", () => {
    const file = parseIgvm(writeIgvm([{ kind: "platform", platform: "tdx", mask: 4 }]));
    assert.throws(() => validateForQemu(file), { name: "MalformedInput", message: /platform snp \(it has tdx\)/ });
  });

  it("refuses directives and parameters that QEMU does not handle", () => {
    assert.match(refusals(withPart({ kind: "raw", type: 0x311, bytes: Buffer.alloc(8) })).join(), /header type 0x311/);
    const tree: IgvmPart = { kind: "parameter", parameter: "DEVICE_TREE", index: 1, byteOffset: 0 };
    const area: IgvmPart = { kind: "parameter-area", bytes: 0x1000, index: 1 };
    assert.deepEqual(refusals(withPart(area, tree)), ["QEMU does not fill in the parameter DEVICE_TREE"]);
    const count: IgvmPart = { kind: "parameter", parameter: "VP_COUNT", index: 1, byteOffset: 0 };
    assert.deepEqual(refusals(withPart(area, count)), []);
  });

  it("refuses no VMSA, two VMSAs, another vCPU's, and one at another address", () => {
    const vmsa = { kind: "vp-context", gpa: VMSA_GPA, mask: 1, data: minimalVmsa() } as const;
    const rest = minimalParts.slice(0, -1);
    assert.match(refusals(rest).join(), /no VP context/);
    assert.match(refusals([...rest, vmsa, vmsa]).join(), /more than one VP context/);
    assert.match(refusals([...rest, { ...vmsa, vpIndex: 1 }]).join(), /vCPU 1/);
    assert.match(refusals([...rest, { ...vmsa, gpa: 0x8000 }]).join(), /0xfffffffff000/);
  });

  it("refuses VMSA fields that QEMU does not pass on, each byte of the page judged", () => {
    const file = parseIgvm(minimalIgvm());
    const allowed = new Set<number>();
    for (let at = 0; at < 4096; at++) {
      const data = minimalVmsa();
      data[at] = (data[at] ?? 0) | 0x80;
      const headers = file.headers.map((header) => (header.kind === "vp-context" ? { ...header, data } : header));
      const found = validateForQemu({ ...file, headers })
        .filter((one) => one.severity === "refusal")
        .map((one) => one.reason);
      if (found.length === 0) allowed.add(at);
      else assert.deepEqual(found, [`VMSA byte 0x${at.toString(16)} is set, a field that QEMU does not pass to KVM`]);
    }
    // segments 10 * 16, EFER, CR4 CR3 CR0 DR7 DR6 RFLAGS RIP, RSP, RAX, PAT, RCX RDX RBX, RBP..R15, features, XCR0, MXCSR, FCW
    assert.equal(allowed.size, 160 + 8 + 7 * 8 + 8 + 8 + 8 + 3 * 8 + 11 * 8 + 8 + 8 + 4 + 2);
  });

  it("refuses areas used before declaration, after insertion, or declared twice", () => {
    const insert: IgvmPart = { kind: "parameter-insert", gpa: 0x9000, mask: 1, index: 9 };
    const area: IgvmPart = { kind: "parameter-area", bytes: 0x1000, index: 9 };
    assert.match(refusals(withPart(insert)).join(), /area 9 is not declared/);
    assert.match(refusals(withPart(area, insert, insert)).join(), /area 9 is used after its insertion/);
    assert.match(refusals(withPart(area, area)).join(), /area 9 is declared twice/);
  });

  it("refuses shared pages and SEV_FEATURES without SNPActive; warns of features that KVM must offer", () => {
    assert.match(refusals(withPart({ kind: "page-data", gpa: 0x8000, mask: 1, shared: true })).join(), /shared page/);
    const data = minimalVmsa();
    data[0x3b0] = 0x28;
    const parts: readonly IgvmPart[] = [
      ...minimalParts.slice(0, -1),
      { kind: "vp-context", gpa: VMSA_GPA, mask: 1, data },
    ];
    assert.match(refusals(parts).join(), /lacks SNPActive/);
    assert.match(warnings(parts).join(), /SEV_FEATURES 0x28/);
  });

  it("throws the first refusal with the offset of its header", () => {
    const file = parseIgvm(writeIgvm(withPart({ kind: "raw", type: 0x399, bytes: Buffer.alloc(8) })));
    const raw = file.headers.find((header) => header.kind === "other");
    assert.throws(() => requireQemuCanLaunch(file), { name: "MalformedInput", offset: raw?.offset });
  });
});

describe("parseIgvm", () => {
  const damaged = (at: number, value: number, fix = true): Buffer => {
    const file = minimalIgvm();
    file.writeUInt32LE(value, at);
    return fix ? resealed(file) : file;
  };
  const resealed = (file: Buffer): Buffer => {
    const bytes = Buffer.from(file);
    bytes.writeUInt32LE(0, 20);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 24 + bytes.readUInt32LE(12))), 20);
    return bytes;
  };

  it("refuses wrong magic, version, checksum and length, each with its offset", () => {
    const cases: readonly (readonly [Buffer, number, RegExp])[] = [
      [damaged(0, 0x12345678), 0, /not IGVM/],
      [damaged(4, 3), 4, /version 3/],
      [damaged(8, 16), 8, /start at 16/],
      [damaged(16, 4), 16, /names 4 bytes/],
      [damaged(24 + 8, 2, false), 20, /checksum/],
    ];
    for (const [file, offset, message] of cases) {
      assert.throws(() => parseIgvm(file), { name: "MalformedInput", offset, message });
    }
  });

  it("refuses page data outside the file and unaligned addresses", () => {
    const header = parseIgvm(minimalIgvm()).headers.find((one) => one.kind === "page-data");
    const at = (header?.offset ?? 0) + 8;
    assert.throws(() => parseIgvm(damaged(at + 12, 0x7fffffff)), { name: "MalformedInput" });
    assert.throws(() => parseIgvm(damaged(at, 0x2001)), { name: "MalformedInput", message: /not aligned/, offset: at });
  });

  it("refuses reserved fields that are set, as libigvm does", () => {
    const header = parseIgvm(minimalIgvm()).headers.find((one) => one.kind === "vp-context");
    const at = (header?.offset ?? 0) + 8 + 16;
    assert.throws(() => parseIgvm(damaged(at, 0x10000)), { message: /reserved field is not zero/ });
  });

  it("refuses a platform header after a directive", () => {
    const parts: readonly IgvmPart[] = [...minimalParts, { kind: "platform", platform: "native", mask: 2 }];
    assert.throws(() => parseIgvm(writeIgvm(parts)), { message: /after a later section/ });
  });

  it("refuses every prefix of a valid file", () => {
    const file = minimalIgvm();
    for (let length = 0; length < 600; length++) {
      assert.throws(() => parseIgvm(file.subarray(0, length)), MalformedInput, `length ${length}`);
    }
  });
});

/** Bitwise CRC-32, written apart from the one under test. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const mix = (crc ^ (byte >> bit)) & 1;
      crc = (crc >>> 1) ^ (mix ? 0xedb88320 : 0);
    }
  }
  return ~crc >>> 0;
}

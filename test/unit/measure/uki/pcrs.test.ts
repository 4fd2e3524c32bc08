// PCR 4 and 9 of a UKI. Authenticode's peer is pesign; PCR 4's order is OVMF's (measured-boot.md §4);
// the one-file archive of PCR 9 is compared with what cpio itself reads.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { measureAuthenticode } from "../../../../src/measure/uki/authenticode.ts";
import { packExtraFile } from "../../../../src/measure/uki/initrd.ts";
import { parsePe } from "../../../../src/measure/uki/pe.ts";
import { measureCmdlineOverride, predictUkiPcrs } from "../../../../src/measure/uki/predict-pcrs.ts";
import { parseUki } from "../../../../src/measure/uki/uki.ts";
import { buildPe } from "../../../support/pe-image.ts";
import { tool } from "../../../support/tools.ts";

const kernel = buildPe([{ name: ".text", content: Buffer.from("kernel code") }]);
const cmdline = "console=ttyS0 roothash=00";
const sections = [
  { name: ".linux", content: kernel },
  { name: ".osrel", content: Buffer.from("ID=test\n") },
  { name: ".cmdline", content: Buffer.from(cmdline) },
  { name: ".initrd", content: Buffer.from("initrd!") },
];
const image = buildPe(sections);
const sha = (...parts: Uint8Array[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();

describe("the Authenticode digest", () => {
  for (const [name, bytes] of [
    ["a small image", kernel],
    ["a UKI", image],
    ["an image with data after its sections", buildPe(sections, Buffer.alloc(24, 3))],
  ] as const) {
    it(`equals pesign's: ${name}`, function () {
      const program = tool(this, "pesign");
      const peer = withFile(bytes, (file) => execFileSync(program, ["--hash", "-d", "sha256", "-i", file]).toString());
      assert.equal(/[0-9a-f]{64}/.exec(peer)?.[0], measureAuthenticode(parsePe(bytes), "sha256").toString("hex"));
    });
  }

  it("leaves out the checksum, and nothing else of the headers", () => {
    const digest = (bytes: Buffer) => measureAuthenticode(parsePe(bytes), "sha256").toString("hex");
    const { checksumOffset } = parsePe(kernel);
    const changed = (offset: number): Buffer => {
      const copy = Buffer.from(kernel);
      copy[offset] = (copy[offset] ?? 0) ^ 1;
      return copy;
    };
    assert.equal(digest(changed(checksumOffset)), digest(kernel));
    assert.notEqual(digest(changed(checksumOffset - 5)), digest(kernel));
    assert.notEqual(digest(changed(checksumOffset + 4)), digest(kernel));
  });
});

describe("a UKI", () => {
  const profile = { name: ".profile", content: Buffer.from("ID=main\n") };
  const other = { name: ".cmdline", content: Buffer.from("roothash=11") };

  it("is refused when its profile brings a section in place of another, which the stub then measures", () => {
    assert.throws(() => parseUki(buildPe([...sections, profile, other])), /has a \.cmdline of its own/);
  });

  it("may have a profile, and sections behind it that have no namesake", () => {
    const uname = { name: ".uname", content: Buffer.from("6.12") };
    const names = parseUki(buildPe([...sections, profile, uname])).sections.map(({ name }) => name);
    assert.deepEqual(names, [".linux", ".osrel", ".cmdline", ".initrd", ".uname", ".profile"]);
  });
});

describe("PCR 4", () => {
  it("is image, action, separator, kernel with -kernel; action and separator first from a disk", () => {
    const uki = parseUki(image);
    const app = measureAuthenticode(uki.image, "sha256");
    const inner = measureAuthenticode(parsePe(kernel), "sha256");
    const action = sha(Buffer.from("Calling EFI Application from Boot Option"));
    const separator = sha(Buffer.alloc(4));
    const chain = (...digests: Buffer[]): string =>
      digests.reduce((register, digest) => sha(register, digest), Buffer.alloc(32)).toString("hex");
    const { pcr4 } = predictUkiPcrs(uki, "sha256", []);
    assert.equal(pcr4.direct.toString("hex"), chain(app, action, separator, inner));
    assert.equal(pcr4.disk.toString("hex"), chain(action, separator, app, inner));
  });
});

describe("PCR 9", () => {
  it("is not predicted without a command line, or with one that stubs rewrite", () => {
    const without = parseUki(buildPe(sections.filter(({ name }) => name !== ".cmdline")));
    assert.ok("unknown" in predictUkiPcrs(without, "sha256", []).pcr9);
    const wild = sections.map((one) => (one.name === ".cmdline" ? { ...one, content: Buffer.from("a\nb") } : one));
    assert.ok("unknown" in predictUkiPcrs(parseUki(buildPe(wild)), "sha256", []).pcr9);
  });

  it("covers one-file archives that cpio reads back", function () {
    const program = tool(this, "cpio");
    const archive = packExtraFile("os-release", Buffer.from("ID=test\n"));
    const listing = execFileSync(program, ["-tv"], { input: archive, stdio: ["pipe", "pipe", "ignore"] }).toString();
    assert.match(listing, /^dr-xr-xr-x .* \.extra$/m);
    assert.match(listing, /^-r--r--r-- .* 8 .* \.extra\/os-release$/m);
    const content = execFileSync(program, ["-i", "--to-stdout", "--quiet"], {
      input: archive,
      stdio: ["pipe", "pipe", "ignore"],
    });
    assert.equal(content.toString(), "ID=test\n");
  });
});

describe("PCR 12", () => {
  it("is zero as predicted, and moves when a command line comes from outside", () => {
    assert.equal(predictUkiPcrs(parseUki(image), "sha256", []).pcr12.toString("hex"), "00".repeat(32));
    const moved = sha(Buffer.alloc(32), sha(Buffer.from("init=/bin/sh\0", "utf16le")));
    assert.deepEqual(measureCmdlineOverride("init=/bin/sh", "sha256"), moved);
  });
});

describe("a PE image", () => {
  it("is refused cut anywhere before its last section's end", () => {
    for (let length = 0; length < kernel.length; length += 7) {
      assert.throws(() => parsePe(kernel.subarray(0, length)), MalformedInput);
    }
  });

  it("is refused when its certificate table is not the end of the file", () => {
    const { certificateEntryOffset = 0 } = parsePe(kernel);
    const bytes = Buffer.from(kernel);
    bytes.writeUInt32LE(512, certificateEntryOffset);
    bytes.writeUInt32LE(8, certificateEntryOffset + 4);
    assert.throws(() => parsePe(bytes), /not the end of the file/);
  });

  it("is refused when its sections overlap or ask for gigabytes of zeros", () => {
    const twice = buildPe(sections);
    const at = twice.indexOf(".osrel");
    twice.writeUInt32LE(twice.length - 1024, at + 16);
    twice.writeUInt32LE(1024, at + 20);
    assert.throws(() => parsePe(twice), /overlap/);
    assert.throws(() => parsePe(buildPe([{ name: ".linux", content: kernel, virtualSize: 1 << 29 }])), MalformedInput);
  });
});

function withFile<T>(bytes: Uint8Array, use: (file: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), "pe-"));
  try {
    writeFileSync(join(dir, "image"), bytes);
    return use(join(dir, "image"));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

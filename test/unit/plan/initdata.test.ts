import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { InvalidRequest } from "../../../src/lib/errors.ts";
import { packInitdataDisk, parsePodInitdata } from "../../../src/plan/initdata.ts";

const toml = 'algorithm = "sha384"\nversion = "0.1.0"\n\n[data]\n"aa.toml" = """\nx = 1\n"""\n';
const encode = (document: string | Uint8Array) => gzipSync(document).toString("base64");
const field = 'annotations["io.katacontainers.config.hypervisor.cc_init_data"]';

function refusal(annotation: string, maxBytes = 65_536): string {
  try {
    parsePodInitdata({ annotation, document: undefined }, maxBytes);
  } catch (error) {
    assert.ok(error instanceof InvalidRequest, String(error));
    return error.message;
  }
  return assert.fail("nothing was refused");
}

describe("parsePodInitdata", () => {
  it("binds the digest of the document's own bytes, cut or padded to each platform's field", () => {
    const found = parsePodInitdata({ annotation: encode(toml), document: undefined }, 65_536);
    const digest = execFileSync("sha384sum", { input: toml, encoding: "utf8" }).slice(0, 96);
    assert.deepEqual(found?.plan, { algorithm: "sha384", digest, documentBytes: toml.length });
    const hex = (base64: string | undefined) => Buffer.from(base64 ?? "", "base64").toString("hex");
    assert.equal(hex(found?.hostData), digest.slice(0, 64));
    assert.equal(hex(found?.mrconfigid), digest);
    const extended = createHash("sha256")
      .update(Buffer.alloc(32))
      .update(Buffer.from(digest.slice(0, 64), "hex"));
    assert.equal(found?.pcr8.toString("hex"), extended.digest("hex"));
  });

  it("takes the document of a file when the pod brings none, and none at all as absent", () => {
    const found = parsePodInitdata({ annotation: undefined, document: toml }, 65_536);
    assert.equal(found?.plan.documentBytes, toml.length);
    assert.equal(parsePodInitdata({ annotation: undefined, document: undefined }, 65_536), undefined);
  });

  it("hands the guest one gzip member, also when the annotation held several and a tail", () => {
    const half = toml.length >> 1;
    const members = Buffer.concat([gzipSync(toml.slice(0, half)), gzipSync(toml.slice(half))]);
    const found = parsePodInitdata({ annotation: members.toString("base64"), document: undefined }, 65_536);
    const length = Number(found?.diskImage.readBigUInt64LE(8));
    const packed = found?.diskImage.subarray(16, 16 + length) ?? Buffer.alloc(0);
    assert.equal(execFileSync("gzip", ["-dc"], { input: packed, encoding: "utf8" }), toml);
  });

  const refused: [string, string, RegExp][] = [
    ["no base64", "*", /is not base64; it must be base64\(gzip\(TOML\)\)$/],
    ["an empty value", "", /is not base64/],
    ["base64 of something else", Buffer.from("hello").toString("base64"), /does not unpack: /],
    ["a cut gzip", gzipSync(toml).subarray(0, 40).toString("base64"), /does not unpack: /],
    ["no TOML", encode("= = ="), /is no TOML/],
    ["an unknown version", encode(toml.replace("0.1.0", "9")), /version "9", known is 0\.1\.0/],
    ["an unknown algorithm", encode(toml.replace("sha384", "md5")), /algorithm is not one of sha256, sha384, sha512/],
    [
      "data that is no text",
      encode('algorithm = "sha256"\nversion = "0.1.0"\n[data]\na = 1'),
      /data\."a" is no string/,
    ],
    ["text that is not UTF-8", encode(Buffer.from([0x61, 0xff])), /is not UTF-8/],
  ];
  for (const [what, annotation, message] of refused) {
    it(`refuses ${what}`, () => {
      const said = refusal(annotation);
      assert.ok(said.startsWith(`${field}: `), said);
      assert.match(said, message);
    });
  }

  it("refuses a small gzip of a huge document without unpacking it", () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString("base64");
    const before = process.memoryUsage().arrayBuffers;
    assert.match(refusal(bomb), /unpacks to more than 65536 bytes|characters long, too much/);
    assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024);
  });
});

describe("packInitdataDisk", () => {
  it("writes the magic, the length, the gzip and zeros to a whole sector", () => {
    const image = packInitdataDisk(Buffer.from(toml));
    assert.equal(image.length % 512, 0);
    assert.equal(image.subarray(0, 8).toString("latin1"), "initdata");
    const length = Number(image.readBigUInt64LE(8));
    assert.equal(gunzipSync(image.subarray(16, 16 + length)).toString(), toml);
    assert.ok(image.subarray(16 + length).every((byte) => byte === 0));
  });
});

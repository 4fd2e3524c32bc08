// Vectors: sev-snp-measure tests/test_id_block.py (keys by their public points), and one ID authentication
// that sev-snp-measure 0.0.13 signed with those keys.
import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import {
  buildIdBlock,
  idAuthKeyDigests,
  parseIdBlock,
  signIdBlock,
  snpPublicKey,
  verifyIdAuth,
} from "../../../../src/measure/snp/id-block.ts";

const measurement = Buffer.from("B28FLQi9p6cAqipgjFyqawDrrSl7bWioWkWx5mmlWLZ+G5HShKMB/mPE+gdQRn7t", "base64");
const vectorBlock = Buffer.from(
  "B28FLQi9p6cAqipgjFyqawDrrSl7bWioWkWx5mmlWLZ+G5HShKMB/mPE+gdQRn7tAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAwAAAAAA",
  "base64",
);
const points = {
  id: "b20fd1a1c2bd2b65183a76e2390ac805f6d8e5e2af725e5a8e93cf87ec029f9d45eb326b04b92beb714e14fa986f8a9a2c94a0b8ab30cc76352675944876891e954ff6ef5826a6231ba6d6d7f6ebfb68ce330e1e59394efb7080883ddc69364b",
  author:
    "06811fc62409bf2d9ae51c07423254d893c6c23fbf164af3383b0f813a627e6168d9067a7f4bd97990588c18411210a032b420a22656d271dcfd4e25668c72fd58bb5f6851fe472f9d160f880b14df4c3623068962cde4d608e737342da912c9",
};
/** r and s, little-endian */
const signatures = {
  block: [
    "d372c41a6078578007bf551d7ffff01dbf2e487bde3302775bc0e0478d3bf4202d19186cd73935572ae5bbc49db99693",
    "e94af349b225a79399ceee5c668975297355afe5529119ba1c48ad07381065e5a9f035f6c6ada61f51bfffabedd6c89e",
  ],
  key: [
    "023cd84fd6e43f187306bcc6dce7bd4fae1d004e61829984dc54a35cc87b4c49bb9e1c3eb9913dec3e3f17e10f1ab80f",
    "a5cfbe0800069f92f26319a75f6a6431b8b063b84f7b8d565cc8278edfa4dd977eca83cfd40866362377cc01fb653be0",
  ],
};

function keyOf(point: string) {
  const bytes = Buffer.from(point, "hex");
  const [x, y] = [bytes.subarray(0, 48).toString("base64url"), bytes.subarray(48).toString("base64url")];
  return createPublicKey({ key: { kty: "EC", crv: "P-384", x, y }, format: "jwk" });
}

function vectorAuth(): Buffer {
  const auth = Buffer.alloc(4096);
  auth.writeUInt32LE(1, 0);
  auth.writeUInt32LE(1, 4);
  for (const [at, parts] of [
    [0x40, signatures.block],
    [0x680, signatures.key],
  ] as const) {
    auth.set(Buffer.from(parts[0] ?? "", "hex"), at);
    auth.set(Buffer.from(parts[1] ?? "", "hex"), at + 72);
  }
  auth.set(snpPublicKey(keyOf(points.id), "id-key"), 0x240);
  auth.set(snpPublicKey(keyOf(points.author), "author-key"), 0x880);
  return auth;
}

const p384 = () => generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;

describe("the SNP ID block", () => {
  it("equals the block of sev-snp-measure's test", () => {
    assert.deepEqual(buildIdBlock({ measurement, policy: 0x30000n }), vectorBlock);
  });

  it("reads back what was built", () => {
    const fields = {
      measurement,
      familyId: Buffer.alloc(16, 1),
      imageId: Buffer.alloc(16, 2),
      guestSvn: 7,
      policy: 0x20000n,
    };
    assert.deepEqual(parseIdBlock(buildIdBlock(fields)), fields);
  });

  it("refuses a measurement of another length and a policy that the PSP refuses", () => {
    assert.throws(() => buildIdBlock({ measurement: Buffer.alloc(32), policy: 0x30000n }), /measurement: needs 48/);
    assert.throws(() => buildIdBlock({ measurement, policy: 0n }), /bit 17/);
  });
});

describe("the SNP ID authentication", () => {
  it("hashes keys to the digests of sev-snp-measure's test", () => {
    const digest = (point: string): string =>
      createHash("sha384")
        .update(snpPublicKey(keyOf(point), "key"))
        .digest("base64");
    assert.equal(digest(points.id), "hwt+NcU/inLQ0yL3WrKvgmJ5Kq9leWIs5BMcPyHyied8sFYKXjuQs5MuZ07HCcsU");
    assert.equal(digest(points.author), "YxEcNLv8Ckk4+aAJvQdJgNgXIyPmFZnJ/TNtqGcySOHcqY0L6PdjdqEGuK/UwKBX");
  });

  it("accepts the signatures that sev-snp-measure made", () => {
    assert.deepEqual(verifyIdAuth(vectorBlock, vectorAuth()), { idKey: true, authorKey: true });
  });

  it("notices a changed block, key and signature", () => {
    const auth = vectorAuth();
    const otherBlock = Buffer.from(vectorBlock);
    otherBlock[0] = 0xff;
    assert.deepEqual(verifyIdAuth(otherBlock, auth), { idKey: false, authorKey: true });
    auth[0x240 + 4] = (auth[0x240 + 4] ?? 0) ^ 1;
    assert.deepEqual(verifyIdAuth(vectorBlock, auth), { idKey: false, authorKey: false });
  });

  it("takes no good signature under an algorithm or a curve that the PSP refuses", () => {
    const outcome = (offset: number, value: number) => {
      const auth = vectorAuth();
      auth.writeUInt32LE(value, offset);
      return verifyIdAuth(vectorBlock, auth);
    };
    assert.deepEqual(outcome(0, 0), { idKey: false, authorKey: true });
    assert.deepEqual(outcome(4, 2), { idKey: true, authorKey: false });
    assert.deepEqual(outcome(4, 0), { idKey: true, authorKey: undefined });
    assert.equal(outcome(0x240, 1).idKey, false);
    assert.deepEqual(outcome(0x880, 1), { idKey: true, authorKey: false });
  });

  it("carries signatures that verify, with and without an author key", () => {
    const block = buildIdBlock({ measurement, policy: 0x30000n });
    const [idKey, authorKey] = [p384(), p384()];
    const both = signIdBlock(block, idKey, authorKey);
    assert.equal(both.idAuth.length, 4096);
    assert.deepEqual(verifyIdAuth(block, both.idAuth), { idKey: true, authorKey: true });
    assert.deepEqual(idAuthKeyDigests(both.idAuth), { idKey: both.idKeyDigest, authorKey: both.authorKeyDigest });
    const single = signIdBlock(block, idKey);
    assert.deepEqual(verifyIdAuth(block, single.idAuth), { idKey: true, authorKey: undefined });
    assert.equal(single.authorKeyDigest, undefined);
  });

  it("refuses keys of another curve or kind by name", () => {
    const p256 = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const block = buildIdBlock({ measurement, policy: 0x30000n });
    assert.throws(() => signIdBlock(block, p256), /id-key: is not an ECDSA P-384 key/);
    assert.throws(() => signIdBlock(block, p384(), rsa), /author-key: is not an ECDSA P-384 key/);
  });
});

// Vectors: trustee's and dstack's samples (confidential-launch.md §6.5); live peer: swtpm with
// tpm2-tools, whose quotes, keys and signatures are read here.
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { Checks, type Verdict } from "../../../../src/measure/evidence/verdict.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { parseTpmQuote } from "../../../../src/measure/tpm/attest.ts";
import { checkTpmQuote, type QuoteInputs } from "../../../../src/measure/tpm/check-quote.ts";
import { selectionText } from "../../../../src/measure/tpm/pcr-selection.ts";
import { attestationKeyFault, parseTpmPublic } from "../../../../src/measure/tpm/public-area.ts";
import { parseTpmSignature, verifyTpmSignature } from "../../../../src/measure/tpm/signature.ts";
import { SoftTpm } from "../../../support/soft-tpm.ts";
import { fixture, tool } from "../../../support/tools.ts";

interface TpmEvidence {
  readonly ak_public: string;
  readonly tpm_quote: { readonly message: string; readonly signature: string; readonly pcrs: readonly string[] };
}

describe("a TPM quote", () => {
  it("of dstack's sample is read field by field (tpm_quote_sample.bin, 117 bytes)", function () {
    const quote = parseTpmQuote(fixture(this, "tpm/tpm_quote_sample.bin"));
    assert.equal(Buffer.from(quote.extraData).toString("hex"), "12345678");
    assert.equal(quote.clock, 0x54dd1efn);
    assert.equal(quote.resetCount, 16);
    assert.equal(quote.restartCount, 0);
    assert.equal(quote.isClockSafe, true);
    assert.equal(selectionText(quote.selections), "sha256:0,1,2");
    assert.equal(
      Buffer.from(quote.pcrDigest).toString("hex"),
      "d8de2be2e8a319cddf3d1ce1a310f45e30fd335255278e4fcbd59a5f58887648",
    );
  });

  it("of trustee's sample verifies with its key and its 24 registers (tpm_evidence.json)", function () {
    const inputs = trusteeSample(this);
    const checks = new Checks();
    const proven = checkTpmQuote(checks, inputs);
    assertVerdict(checks.verdict(), { "tpm.signature": true, "tpm.pcrDigest": true });
    assert.equal(proven.get("sha256")?.size, 24);
    assert.deepEqual(
      checks.verdict().notChecked.map(({ name }) => name),
      ["tpm.nonce"],
    );
  });

  it("fails by name when a register, the statement or the nonce differs", function () {
    const inputs = trusteeSample(this);
    const changed = new Map(inputs.pcrs.get("sha256")).set(11, Buffer.alloc(32, 1));
    assertVerdict(verdictOf({ ...inputs, pcrs: new Map([["sha256", changed]]) }), {
      "tpm.signature": true,
      "tpm.pcrDigest": false,
    });
    const bytes = Buffer.from(inputs.quote.bytes);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    assertVerdict(verdictOf({ ...inputs, quote: parseTpmQuote(bytes) }), {
      "tpm.signature": false,
      "tpm.pcrDigest": false,
    });
    assertVerdict(verdictOf({ ...inputs, nonce: Buffer.from("another") }), {
      "tpm.signature": true,
      "tpm.nonce": false,
      "tpm.pcrDigest": true,
    });
  });

  it("proves no register when the signature fails", function () {
    const inputs = trusteeSample(this);
    const forged = { ...inputs.signature, rsa: Buffer.alloc(256, 7) };
    assert.equal(checkTpmQuote(new Checks(), { ...inputs, signature: forged }).size, 0);
  });

  it("proves no register when it is signed with SHA-1, though the signature holds", () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const bytes = Buffer.from("a statement");
    const signed = (hash: "sha1" | "sha256") => ({
      scheme: "rsassa" as const,
      hash,
      rsa: sign(hash, bytes, privateKey),
      ecdsa: { r: Buffer.alloc(0), s: Buffer.alloc(0) },
    });
    assert.equal(verifyTpmSignature(bytes, signed("sha256"), publicKey), true);
    assert.equal(verifyTpmSignature(bytes, signed("sha1"), publicKey), false);
  });

  it("is refused cut at any byte, and with bytes behind it", function () {
    const bytes = fixture(this, "tpm/tpm_quote_sample.bin");
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseTpmQuote(bytes.subarray(0, length)), MalformedInput);
    }
    assert.throws(() => parseTpmQuote(Buffer.concat([bytes, Buffer.alloc(1)])), /1 bytes after/);
  });
});

describe("a quote made by swtpm", function () {
  this.timeout(30_000);
  let tpm: SoftTpm | undefined;
  before(async function () {
    tool(this, "swtpm");
    tool(this, "tpm2_quote");
    tpm = await SoftTpm.start();
    tpm.run("tpm2_createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub");
    tpm.run("tpm2_pcrextend", `8:sha256=${"ab".repeat(32)}`);
  });
  after(() => tpm?.stop());

  for (const algorithm of ["rsa", "ecc"] as const) {
    it(`verifies with a ${algorithm} attestation key, nonce and registers of two banks included`, () => {
      assert.ok(tpm !== undefined);
      tpm.run("tpm2_flushcontext", "-t");
      tpm.run("tpm2_createak", "-C", "ek.ctx", "-c", "ak.ctx", "-G", algorithm, "-u", "ak.pub");
      const nonce = randomBytes(32);
      const bankList = "sha256:0,4,8,11,17+sha384:8,11";
      tpm.run("tpm2_flushcontext", "-t");
      const files = ["-m", "quote.msg", "-s", "quote.sig", "-o", "quote.pcrs"];
      tpm.run("tpm2_quote", "-c", "ak.ctx", "-l", bankList, "-q", nonce.toString("hex"), "-g", "sha256", ...files);
      const key = parseTpmPublic(tpm.read("ak.pub"));
      assert.equal(attestationKeyFault(key), undefined);
      const inputs: QuoteInputs = {
        quote: parseTpmQuote(tpm.read("quote.msg")),
        signature: parseTpmSignature(tpm.read("quote.sig")),
        key: key.key,
        nonce,
        pcrs: tpm.readPcrs(bankList),
      };
      assert.equal(selectionText(inputs.quote.selections), bankList);
      const checks = new Checks();
      checkTpmQuote(checks, inputs);
      assertVerdict(checks.verdict(), { "tpm.signature": true, "tpm.nonce": true, "tpm.pcrDigest": true });
      assert.deepEqual(checks.verdict().notChecked, []);
    });
  }

  it("comes from a key whose name is the one the TPM computes", () => {
    assert.ok(tpm !== undefined);
    tpm.run("tpm2_flushcontext", "-t");
    const text = tpm.run("tpm2_readpublic", "-c", "ek.ctx", "-o", "ek2.pub").toString();
    const ek = parseTpmPublic(tpm.read("ek2.pub"));
    assert.equal(ek.name.toString("hex"), /name: ([0-9a-f]+)/.exec(text)?.[1]);
    assert.match(attestationKeyFault(ek) ?? "", /no signing key/);
  });
});

function trusteeSample(test: Mocha.Context): QuoteInputs {
  const { ak_public, tpm_quote } = JSON.parse(fixture(test, "tpm/tpm_evidence.json").toString()) as TpmEvidence;
  const values = tpm_quote.pcrs.map((value, index): [number, Buffer] => [index, Buffer.from(value, "hex")]);
  return {
    quote: parseTpmQuote(Buffer.from(tpm_quote.message, "base64")),
    signature: parseTpmSignature(Buffer.from(tpm_quote.signature, "base64")),
    key: createPublicKey({ key: Buffer.from(ak_public, "base64"), format: "der", type: "spki" }),
    pcrs: new Map([["sha256", new Map(values)]]),
  };
}

function verdictOf(inputs: QuoteInputs): Verdict {
  const checks = new Checks();
  checkTpmQuote(checks, inputs);
  return checks.verdict();
}

function assertVerdict(verdict: Verdict, expected: Record<string, boolean>): void {
  assert.deepEqual(Object.fromEntries(verdict.checks.map(({ name, ok }) => [name, ok])), expected);
}

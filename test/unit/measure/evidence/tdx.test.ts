// Quotes signed by real platforms (confidential-launch.md §5.3 and §6.5: trustee, go-tdx-guest,
// dstack) with their logs. Collateral for those platforms is re-signed by a root of our own.
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { parseCertificates } from "../../../../src/measure/evidence/certificate.ts";
import { checkCcel } from "../../../../src/measure/evidence/check-logs.ts";
import { checkTdxQuote, INTEL_ROOTS, type TdxInputs } from "../../../../src/measure/evidence/check-tdx.ts";
import { parsePckExtension } from "../../../../src/measure/evidence/pck-extension.ts";
import { parseSignedJson } from "../../../../src/measure/evidence/tdx-collateral.ts";
import { parseTdxQuote, type TdReport, type TdxQuote } from "../../../../src/measure/evidence/tdx-quote.ts";
import { Checks, type Verdict } from "../../../../src/measure/evidence/verdict.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { ecKey, fingerprint, mintCertificate, type TestCertificate } from "../../../support/mint.ts";
import { fixture } from "../../../support/tools.ts";

const AT = "2025-11-01T00:00:00Z";

describe("a TDX quote of a real platform", () => {
  for (const [file, version] of [
    ["tdx_quote_5.dat", 5],
    ["gotdx-cos113-quote.dat", 4],
  ] as const) {
    it(`verifies up to Intel's root: ${file}`, function () {
      const quote = parseTdxQuote(fixture(this, `tdx/${file}`));
      assert.equal(quote.version, version);
      const verdict = check({ quote, at: AT });
      assert.deepEqual(failed(verdict), []);
      assert.equal(
        verdict.checks.find(({ name }) => name === "tdx.chain")?.detail,
        "Intel SGX PCK Certificate < Intel SGX PCK Platform CA < Intel SGX Root CA",
      );
    });
  }

  it("verifies from dstack's record, whose RTMRs the digest list of §5.3 gives", function () {
    const { quote: text } = JSON.parse(fixture(this, "tdx/dstack-tdx-lite-getquote.json").toString()) as {
      quote: string;
    };
    const quote = parseTdxQuote(Buffer.from(text, "hex"));
    assert.deepEqual(failed(check({ quote })), []);
    const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
    assert.equal(
      hex(quote.report.mrTd),
      "fd685522ce791dfef67414614eb07d03fc07a32c5a66f36288b329dab92b724b1564c73d436ffb9ea84488c51ac5a1c5",
    );
    assert.equal(
      hex(quote.report.rtmrs[2]),
      "4c1b739ed451a637b0f82642e48a5ea83925d23633c72e7385c8e9aca4175e133ed1625b7d92eb39edf509c27ff392dc",
    );
  });

  it("of a TD that may be debugged fails by that name alone: tdx_quote_4.dat", function () {
    assert.deepEqual(failed(check({ quote: parseTdxQuote(fixture(this, "tdx/tdx_quote_4.dat")), at: AT })), [
      "tdx.debug",
    ]);
  });

  it("holds the registers that its event log replays to: go-tdx-guest's COS 113", function () {
    const { report } = parseTdxQuote(fixture(this, "tdx/gotdx-cos113-quote.dat"));
    const checks = new Checks();
    checkCcel(checks, fixture(this, "tdx/gotdx-cos113-ccel.dat"), report.rtmrs);
    assert.deepEqual(failed(checks.verdict()), []);
    const other = new Checks();
    checkCcel(other, fixture(this, "tdx/CCEL_data_ovmf"), report.rtmrs);
    assert.deepEqual(failed(other.verdict()), ["tdx.eventLog"]);
  });

  for (const [name, at, expected] of [
    ["the TD's report", 48 + 140, "tdx.signature"],
    ["the attestation key", 636 + 64 + 5, "tdx.attestationKey"],
    ["the quoting enclave's report", 636 + 128 + 6 + 200, "tdx.quotingEnclave"],
  ] as const) {
    it(`fails where a byte changes: ${name}`, function () {
      const bytes = Buffer.from(fixture(this, "tdx/gotdx-cos113-quote.dat"));
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      assert.ok(failed(check({ quote: parseTdxQuote(bytes) })).includes(expected));
    });
  }

  for (const [name, change, expected] of [
    [
      "comes from an enclave that Intel did not sign",
      ({ qe }) => ({ qe: { ...qe, mrSigner: Buffer.alloc(32, 1) } }),
      "tdx.qeSigner",
    ],
    ["comes from another of Intel's enclaves", ({ qe }) => ({ qe: { ...qe, isvProdId: 1 } }), "tdx.qeSigner"],
    [
      "comes from a quoting enclave under debug",
      ({ qe }) => ({ qe: { ...qe, attributes: Buffer.from("17", "hex") } }),
      "tdx.qeSigner",
    ],
    ["comes from a module of another signer", withReport({ mrSignerSeam: Buffer.alloc(48, 1) }), "tdx.moduleSigner"],
    ["is of a TD that is profiled, as by DEBUG", withReport({ tdAttributes: 0x1000_0020n }), "tdx.debug"],
    ["is of a TD that a migration TD may move", withReport({ tdAttributes: 0x3000_0000n }), "tdx.migration"],
  ] as const satisfies readonly (readonly [string, (quote: TdxQuote) => Partial<TdxQuote>, string])[]) {
    it(`fails by name, also without collateral, when it ${name}`, function () {
      const quote = quote5(this);
      assert.deepEqual(failed(check({ quote: { ...quote, ...change(quote) }, at: AT })), [expected]);
    });
  }

  it("fails before its certificates begin", function () {
    const quote = parseTdxQuote(fixture(this, "tdx/tdx_quote_5.dat"));
    assert.deepEqual(failed(check({ quote, at: "2017-01-01T00:00:00Z" })), ["tdx.validity"]);
  });

  it("is refused cut anywhere before its end", function () {
    const bytes = fixture(this, "tdx/tdx_quote_5.dat");
    const size = 48 + 6 + 648 + 4 + bytes.readUInt32LE(48 + 6 + 648);
    assert.doesNotThrow(() => parseTdxQuote(bytes.subarray(0, size)));
    for (let length = 0; length < size; length += 13) {
      assert.throws(() => parseTdxQuote(bytes.subarray(0, length)), MalformedInput);
    }
  });
});

describe("TDX collateral", () => {
  const root: TestCertificate = { subject: "Test Root", key: ecKey("P-256"), isCa: true };
  const signer: TestCertificate = { subject: "Intel SGX TCB Signing", key: ecKey("P-256"), issuer: root, serial: 2 };
  const certificates = [signer, root].map(mintCertificate).flatMap(parseCertificates);
  const anchors = new Map([...INTEL_ROOTS, [fingerprint(root.key), "Test Root"]]);
  const signJson = (kind: string, body: string): Buffer => {
    const signature = sign("sha256", Buffer.from(body), { key: signer.key.privateKey, dsaEncoding: "ieee-p1363" });
    return Buffer.from(`{"${kind}":${body},"signature":"${signature.toString("hex")}"}`);
  };

  it("of the platform's family, reached by its versions, says UpToDate", function () {
    assert.deepEqual(failed(checkWith(this, (text) => text)), []);
  });

  it("with a level above the platform says so", function () {
    const verdict = checkWith(this, (text) =>
      text.replaceAll('"pcesvn":13', '"pcesvn":14').replaceAll('"pcesvn":5', '"pcesvn":13'),
    );
    assert.deepEqual(failed(verdict), ["tdx.tcb"]);
    assert.match(verdict.checks.find(({ name }) => name === "tdx.tcb")?.detail ?? "", /^OutOfDate as of 2018/);
  });

  it("for another family fails, whatever its levels", function () {
    assert.deepEqual(failed(checkWith(this, (text) => text.replace("90C06F000000", "00A06D080000"))), ["tdx.fmspc"]);
  });

  it("for another provisioning enclave, or of the enclave that quotes SGX enclaves, fails", function () {
    assert.deepEqual(failed(checkWith(this, (text) => text.replace('"pceId":"0000"', '"pceId":"0001"'))), [
      "tdx.fmspc",
    ]);
    const identity = (text: string) => text.replace('"id":"TD_QE"', '"id":"QE"');
    assert.deepEqual(failed(checkWith(this, (text) => text, AT, identity)), ["tdx.qeIdentity"]);
  });

  it("past its next update fails", function () {
    const verdict = checkWith(this, (text) => text, "2026-01-01T00:00:00Z");
    assert.deepEqual(failed(verdict), ["tdx.tcbInfo.freshness", "tdx.enclaveIdentity.freshness"]);
  });

  it("changed after signing fails, also by a space", function () {
    const bytes = Buffer.from(
      signJson("tcbInfo", tcbInfo(this)).toString().replace('"pceId":"0000"', '"pceId": "0000"'),
    );
    const verdict = check({ quote: quote5(this), collateral: [parseSignedJson(bytes)], certificates, anchors, at: AT });
    assert.deepEqual(failed(verdict), ["tdx.tcbInfo.signature"]);
  });

  it("names the platform as the PCK certificate does", function () {
    const [pck] = parseCertificates(quote5(this).pckChain);
    assert.ok(pck !== undefined);
    const { fmspc, pceSvn, components } = parsePckExtension(pck);
    assert.equal(fmspc, "90c06f000000");
    assert.equal(pceSvn, 13);
    assert.deepEqual(components.slice(0, 8), [1, 1, 2, 2, 3, 1, 0, 3]);
  });

  function checkWith(
    test: Mocha.Context,
    change: (tcbInfo: string) => string,
    at = AT,
    changeIdentity = (text: string): string => text,
  ): Verdict {
    const identity = JSON.stringify(
      (JSON.parse(fixture(test, "tdx/enclaveIdentity.json").toString()) as { enclaveIdentity: unknown })
        .enclaveIdentity,
    );
    const signed = [signJson("tcbInfo", change(tcbInfo(test))), signJson("enclaveIdentity", changeIdentity(identity))];
    return check({ quote: quote5(test), collateral: signed.map(parseSignedJson), certificates, anchors, at });
  }

  /** The sample's TCB info, made to fit the platform of tdx_quote_5.dat. */
  function tcbInfo(test: Mocha.Context): string {
    const { tcbInfo: body } = JSON.parse(fixture(test, "tdx/tcbInfo.json").toString()) as { tcbInfo: unknown };
    return JSON.stringify(body)
      .replace("00A06D080000", "90C06F000000")
      .replace(/"svn":\d+/g, '"svn":0');
  }
});

function quote5(test: Mocha.Context): ReturnType<typeof parseTdxQuote> {
  return parseTdxQuote(fixture(test, "tdx/tdx_quote_5.dat"));
}

function withReport(fields: Partial<TdReport>): (quote: TdxQuote) => Partial<TdxQuote> {
  return ({ report }) => ({ report: { ...report, ...fields } });
}

function check(inputs: TdxInputs): Verdict {
  const checks = new Checks();
  checkTdxQuote(checks, inputs);
  return checks.verdict();
}

function failed({ checks }: Verdict): string[] {
  return checks.filter((one) => !one.ok).map(({ name }) => name);
}

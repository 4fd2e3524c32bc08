// Public samples signed by real chips (confidential-launch.md §6.5: dstack's Milan report, trustee's
// version 2 report); what no sample shows is minted with a chain of our own.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { parseCertificates } from "../../../../src/measure/evidence/certificate.ts";
import { checkSnpReport, type SnpInputs } from "../../../../src/measure/evidence/check-snp.ts";
import { parseCrl, type RevocationList } from "../../../../src/measure/evidence/crl.ts";
import { parseLeastTcb, parseSnpReport } from "../../../../src/measure/evidence/snp-report.ts";
import { checkSvsm, parseVtpmManifest } from "../../../../src/measure/evidence/svsm.ts";
import { Checks, type Verdict } from "../../../../src/measure/evidence/verdict.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { ecKey, mintCrl } from "../../../support/mint.ts";
import { type SnpPlatform, snpPlatform } from "../../../support/mint-snp.ts";
import { fixture } from "../../../support/tools.ts";
import { RSA_EK_AREA, servicesManifest } from "../../../support/tpm-areas.ts";

const AT = "2026-11-23T00:00:00Z";

describe("an SNP report of a real chip", () => {
  it("verifies up to AMD's root: dstack's Milan sample, version 3", function () {
    const report = fixture(this, "snp/dstack-milan-attestation.bin").subarray(4, 4 + 1184);
    const verdict = verify(report, [
      fixture(this, "snp/dstack-milan-vcek.pem"),
      fixture(this, "snp/milan_ask_ark_asvk.pem"),
    ]);
    assert.deepEqual(failed(verdict), []);
    assert.equal(verdict.ok, true);
    const { measurement, hostData, reportData, vmpl } = parseSnpReport(report);
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    assert.equal(
      text(measurement),
      "7f51e17f72a04d5422cb2c00998166536019a217376f3aa45a630e59c805a599847ff250dbffcd07e1ba639771d6f05d",
    );
    assert.equal(text(hostData), "783f0057820acb99249af56cc3b07b4e8d80f65183167cba9cf437bb680f742f");
    assert.equal(Buffer.from(reportData).toString("latin1").replace(/\0+$/, ""), "attest-test-fixture-2026");
    assert.equal(vmpl, 0);
  });

  it("verifies up to AMD's root: trustee's sample, version 2", function () {
    const { report, certificates } = trusteeSample(this);
    assert.deepEqual(failed(verify(report, certificates)), []);
    assert.equal(parseSnpReport(report).policy, 0x3001fn);
  });

  for (const file of ["test-vcek-invalid-legacy.der", "test-vcek-invalid-new.der"]) {
    it(`fails with another chip's certificate: ${file}`, function () {
      const { report, certificates } = trusteeSample(this);
      const verdict = verify(report, [fixture(this, `snp/${file}`), ...certificates.slice(1)]);
      for (const name of ["snp.signature", "snp.chain", "snp.root", "snp.tcb", "snp.chipId"]) {
        assert.ok(failed(verdict).includes(name), `${name} passed`);
      }
    });
  }

  it("fails when any byte under the signature changes", function () {
    const { report, certificates } = trusteeSample(this);
    for (let offset = 0x50; offset < 0x2a0; offset += 37) {
      const changed = Buffer.from(report);
      changed[offset] = (changed[offset] ?? 0) ^ 1;
      assert.ok(failed(verify(changed, certificates)).includes("snp.signature"), `offset ${offset}`);
    }
  });

  it("fails without the root, and with no certificate at all", function () {
    const { report, certificates } = trusteeSample(this);
    assert.deepEqual(failed(verify(report, certificates.slice(0, 1))), ["snp.chain", "snp.root"]);
    assert.deepEqual(failed(verify(report, [])), ["snp.certificate"]);
  });
});

describe("an SNP report", () => {
  const platform = snpPlatform();

  for (const version of [2, 3, 4, 5]) {
    it(`of version ${version} is read and verified`, () => {
      assert.deepEqual(failed(check(platform, platform.report({ version }))), []);
    });
  }

  it("with Turin's TCB layout is compared with the certificate field by field", () => {
    const turin = snpPlatform({ tcb: Buffer.from([1, 2, 3, 4, 0, 0, 0, 77]), isTurin: true });
    const verdict = check(turin, turin.report({ family: 0x1a }));
    assert.deepEqual(failed(verdict), []);
    assert.equal(detail(verdict, "snp.tcb"), "fmc 1, bootloader 2, tee 3, snp 4, microcode 77");
    assert.deepEqual(failed(check(turin, turin.report({ family: 0x1a, tcb: Buffer.alloc(8) }))), ["snp.tcb"]);
  });

  it("signed by a VLEK verifies through its own intermediate, without a chip id", () => {
    const leased = snpPlatform({ isVlek: true });
    const verdict = check(leased, leased.report({}));
    assert.deepEqual(failed(verdict), []);
    assert.ok(verdict.notChecked.some(({ name }) => name === "snp.chipId"));
    assert.deepEqual(failed(check(leased, leased.report({ signer: "vcek" }))), ["snp.signer", "snp.chipId"]);
  });

  for (const [name, fields, expected] of [
    ["asked for by a lower privilege level", { vmpl: 2 }, "snp.vmpl"],
    ["of a guest that may be debugged", { policy: 0x30000n | (1n << 19n) }, "snp.debug"],
    ["of a guest that a migration agent may move", { policy: 0x30000n | (1n << 18n) }, "snp.migration"],
    ["with firmware older than certified", { tcb: Buffer.from([4, 0, 0, 0, 0, 0, 22, 213]) }, "snp.tcb"],
  ] as const) {
    it(`fails by name: ${name}`, () => {
      assert.deepEqual(failed(check(platform, platform.report(fields))), [expected]);
    });
  }

  it("is judged by the key that signed it, whatever older one the host hands out first", () => {
    const old = snpPlatform({ tcb: Buffer.from([3, 0, 0, 0, 0, 0, 20, 200]) });
    const [stale = Buffer.alloc(0)] = old.chain;
    assert.deepEqual(failed(check({ ...platform, chain: [stale, ...platform.chain] }, platform.report({}))), []);
    assert.deepEqual(failed(check({ ...platform, chain: [stale] }, platform.report({}))), [
      "snp.signature",
      "snp.chain",
      "snp.root",
      "snp.tcb",
    ]);
  });

  it("fails below the versions that the verifier demands, and says that without any old firmware passes", () => {
    const demand = (text: string) => check(platform, platform.report({}), { leastTcb: parseLeastTcb(text) });
    assert.deepEqual(failed(demand("bootloader=4, snp=23,microcode=213")), []);
    const low = demand("snp=24,fmc=1,tee=0");
    assert.deepEqual(failed(low), ["snp.leastTcb"]);
    assert.equal(detail(low, "snp.leastTcb"), "snp is 23, least is 24; fmc is absent, least is 1");
    const { notChecked } = check(platform, platform.report({}));
    assert.ok(notChecked.some(({ name }) => name === "snp.leastTcb"));
    for (const text of ["", "snp", "snp=256", "spl=1", "snp=1,snp=2"]) {
      assert.throws(() => parseLeastTcb(text), { code: "InvalidRequest" }, text);
    }
  });

  it("fails under a root that is not pinned, though its chain is whole", () => {
    assert.deepEqual(failed(check({ ...platform, anchors: new Map() }, platform.report({}))), ["snp.root"]);
  });

  it("fails after the certificates' time, and says which one ended when", () => {
    const verdict = check(platform, platform.report({}), { at: "2036-01-01T00:00:00Z" });
    assert.deepEqual(failed(verdict), ["snp.validity"]);
    assert.match(detail(verdict, "snp.validity"), /"SEV-VCEK" is valid from 2025-01-01T00:00:00Z to 2035-01-01/);
  });

  it("fails when its key stands in the intermediate's revocation list", () => {
    const crl = (revoked: number[]) => [parseCrl(mintCrl(platform.intermediate, { revoked }))];
    assert.deepEqual(failed(check(platform, platform.report({}), { crls: crl([3]) })), ["snp.revocation"]);
    const clean = check(platform, platform.report({}), { crls: crl([4, 5]) });
    assert.deepEqual(failed(clean), []);
    assert.equal(detail(clean, "snp.revocation"), "1 certificates stand in no revocation list");
  });

  it("fails when any of several revocation lists names its key, and passes when an outdated one stands beside a good one", () => {
    const list = (revoked: number[], nextUpdate = "350101000000Z") =>
      parseCrl(mintCrl(platform.intermediate, { revoked, nextUpdate }));
    const outcome = (...crls: RevocationList[]) => failed(check(platform, platform.report({}), { crls }));
    assert.deepEqual(outcome(list([]), list([3])), ["snp.revocation"]);
    assert.deepEqual(outcome(list([], "250701000000Z"), list([3])), ["snp.revocation"]);
    assert.deepEqual(outcome(list([], "250701000000Z"), list([])), []);
  });

  it("fails with a revocation list that is forged or out of date", () => {
    const stranger = { ...platform.intermediate, key: ecKey("P-384") };
    const forged = [parseCrl(mintCrl(stranger, { revoked: [] }))];
    assert.deepEqual(failed(check(platform, platform.report({}), { crls: forged })), ["snp.revocation"]);
    const old = [parseCrl(mintCrl(platform.intermediate, { revoked: [], nextUpdate: "250701000000Z" }))];
    assert.deepEqual(failed(check(platform, platform.report({}), { crls: old })), ["snp.revocation"]);
  });

  for (const [name, damage] of [
    ["another length", (report: Buffer) => report.subarray(1)],
    ["an unknown version", (report: Buffer) => withU32(report, 0, 6)],
    ["another signature algorithm", (report: Buffer) => withU32(report, 0x34, 2)],
    ["a signature number above 384 bits", (report: Buffer) => withU32(report, 0x2a0 + 60, 1)],
  ] as const) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => parseSnpReport(damage(platform.report({}))), MalformedInput);
    });
  }
});

describe("an SVSM's word for its vTPM (confidential-launch.md §6.3)", () => {
  const platform = snpPlatform();
  const nonce = Buffer.alloc(64, 9);
  const bound = (manifest: Uint8Array) => {
    const reportData = createHash("sha512").update(nonce).update(manifest).digest();
    return parseSnpReport(platform.report({ reportData }));
  };

  for (const [name, manifest] of [
    ["the vTPM's manifest alone", RSA_EK_AREA],
    ["the manifest of all services", servicesManifest(RSA_EK_AREA)],
  ] as const) {
    it(`binds the endorsement key by report data = SHA-512(nonce || manifest): ${name}`, () => {
      const checks = new Checks();
      const key = checkSvsm(checks, bound(manifest), { nonce, manifest });
      assert.deepEqual(failed(checks.verdict()), []);
      assert.deepEqual(key?.bytes, RSA_EK_AREA);
    });
  }

  it("fails for another nonce, another key, and a nonce of another size", () => {
    const checks = new Checks();
    const report = bound(RSA_EK_AREA);
    checkSvsm(checks, report, { nonce: Buffer.alloc(64, 8), manifest: RSA_EK_AREA });
    const other = Buffer.from(RSA_EK_AREA);
    other[100] = (other[100] ?? 0) ^ 1;
    checkSvsm(checks, report, { nonce, manifest: other });
    checkSvsm(checks, report, { nonce: nonce.subarray(1), manifest: RSA_EK_AREA });
    assert.deepEqual(failed(checks.verdict()), ["svsm.reportData", "svsm.reportData", "svsm.nonce", "svsm.reportData"]);
  });

  it("is refused when the table lacks the vTPM or points outside", () => {
    const table = servicesManifest(RSA_EK_AREA);
    const foreign = Buffer.from(table);
    foreign[24] = 0;
    assert.throws(() => parseVtpmManifest(foreign), /no vTPM service/);
    assert.throws(() => parseVtpmManifest(withU32(table, 40, 1 << 20)), MalformedInput);
  });
});

function trusteeSample(test: Mocha.Context): { report: Buffer; certificates: Buffer[] } {
  return {
    report: fixture(test, "snp/trustee-v2-report.bin"),
    certificates: [fixture(test, "snp/trustee-v2-vcek.der"), fixture(test, "snp/milan_ask_ark_asvk.pem")],
  };
}

function verify(report: Uint8Array, files: readonly Uint8Array[]): Verdict {
  const checks = new Checks();
  checkSnpReport(checks, { report: parseSnpReport(report), certificates: files.flatMap(parseCertificates), at: AT });
  return checks.verdict();
}

function check(platform: SnpPlatform, report: Uint8Array, options: Partial<SnpInputs> = {}): Verdict {
  const checks = new Checks();
  const certificates = platform.chain.flatMap(parseCertificates);
  checkSnpReport(checks, {
    report: parseSnpReport(report),
    certificates,
    anchors: platform.anchors,
    at: AT,
    ...options,
  });
  return checks.verdict();
}

function failed({ checks }: Verdict): string[] {
  return checks.filter((one) => !one.ok).map(({ name }) => name);
}

function detail({ checks }: Verdict, name: string): string {
  return checks.find((one) => one.name === name)?.detail ?? "";
}

function withU32(bytes: Buffer, offset: number, value: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt32LE(value, offset);
  return changed;
}

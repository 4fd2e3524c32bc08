// What ties the parts of a bundle to one launch. The host carries the evidence and chooses what the guest boots
// below an SVSM, so a part that nothing ties is not proven by the others.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { parseEvidence } from "../../../../src/measure/evidence/bundle.ts";
import { expectedReportData } from "../../../../src/measure/evidence/report-data.ts";
import { type VerifyOptions, verifyEvidence } from "../../../../src/measure/evidence/verify-evidence.ts";
import { measureInitdata } from "../../../../src/measure/initdata/initdata.ts";
import { pem } from "../../../support/mint.ts";
import { snpPlatform } from "../../../support/mint-snp.ts";
import { mintTpm } from "../../../support/mint-tpm.ts";
import { RSA_EK_AREA } from "../../../support/tpm-areas.ts";

const nonce = Buffer.alloc(32, 0x11);
const platform = snpPlatform();
const tpm = mintTpm();
const quoted = tpm.evidence(nonce, new Map([[11, Buffer.alloc(32, 0x22)]]));
const certificates = platform.chain.map(pem).join("");
const format = "kata-cvm-evidence/1";
const initdata = 'version = "0.1.0"\nalgorithm = "sha256"\n';

describe("a TPM in an evidence bundle", () => {
  it("is not the SVSM's because a genuine report vouches for the SVSM's endorsement key", () => {
    const svsmNonce = expectedReportData(nonce, tpm.area);
    const reportData = createHash("sha512").update(svsmNonce).update(RSA_EK_AREA).digest();
    const svsm = { nonce: svsmNonce.toString("base64"), manifest: RSA_EK_AREA.toString("base64") };
    const report = platform.report({ reportData }).toString("base64");
    const { failed, unbound } = verify({ snp: { report, certificates, svsm }, tpm: quoted });
    assert.deepEqual(failed, []);
    assert.match(unbound ?? "", /endorsement key.*TPM2_ActivateCredential/);
  });

  it("is not the TEE's because the guest names its key in a report of its own", () => {
    const report = platform.report({ reportData: expectedReportData(nonce, tpm.area) }).toString("base64");
    const { failed, unbound } = verify({ snp: { report, certificates }, tpm: quoted });
    assert.deepEqual(failed, []);
    assert.match(unbound ?? "", /without an SVSM the host may run it/);
  });

  it("is anybody's without a report", () => {
    assert.match(verify({ tpm: quoted }).unbound ?? "", /no TEE report/);
  });

  it("leaves nothing open where there is none", () => {
    const report = platform.report({ reportData: expectedReportData(nonce, undefined) }).toString("base64");
    assert.equal(verify({ snp: { report, certificates } }).unbound, undefined);
  });
});

describe("what a genuine report proves", () => {
  it("is also the policy, which no digest covers, so that a reference can demand it", () => {
    const reportData = expectedReportData(nonce, undefined);
    const report = platform.report({ reportData, policy: 0x2_0137n }).toString("base64");
    assert.equal(verify({ snp: { report, certificates } }).proven.get("snp.policy"), "0000000000020137");
  });
});

describe("the initdata in an evidence bundle", () => {
  it("fails when the quote leaves out the register that would prove it", () => {
    assert.deepEqual(verify({ tpm: quoted, initdata }).failed, ["tpm.initdata"]);
    const pcr8 = measureInitdata(Buffer.from(initdata)).pcr8;
    assert.deepEqual(verify({ tpm: tpm.evidence(nonce, new Map([[8, pcr8]])), initdata }).failed, []);
  });
});

function verify(parts: Record<string, unknown>, options: VerifyOptions = { anchors: platform.anchors, nonce }) {
  const bundle = parseEvidence(Buffer.from(JSON.stringify({ format, nonce: nonce.toString("hex"), ...parts })));
  const { checks, notChecked, proven } = verifyEvidence(bundle, options);
  return {
    proven,
    failed: checks.filter(({ ok }) => !ok).map(({ name }) => name),
    unbound: notChecked.find(({ name }) => name === "tpm.binding")?.reason,
  };
}

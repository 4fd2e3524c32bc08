// Verifies a whole evidence bundle: each statement by itself, then that they speak of the same
// launch (nonce, attestation key, initdata), then the logs. Returns only claims that were proven.

import { toHex } from "../hex.ts";
import { fitDigest, measureInitdata } from "../initdata/initdata.ts";
import { snpPolicyHex } from "../snp/policy.ts";
import { parseTpmQuote } from "../tpm/attest.ts";
import { checkTpmQuote, type PcrValues } from "../tpm/check-quote.ts";
import { attestationKeyFault } from "../tpm/public-area.ts";
import { parseTpmSignature } from "../tpm/signature.ts";
import type { EvidenceBundle, SnpEvidence, TdxEvidence, TpmEvidence } from "./bundle.ts";
import { type Certificate, parseCertificates } from "./certificate.ts";
import type { TrustAnchors } from "./chain.ts";
import { checkCcel, checkTpmLogs } from "./check-logs.ts";
import { checkSnpReport, findEndorsementKey, snpClaims } from "./check-snp.ts";
import { checkTdxQuote, tdxClaims } from "./check-tdx.ts";
import type { RevocationList } from "./crl.ts";
import { expectedReportData } from "./report-data.ts";
import { parseSnpReport, type SnpTcb } from "./snp-report.ts";
import { checkSvsm } from "./svsm.ts";
import type { SignedJson } from "./tdx-collateral.ts";
import { parseTdxQuote } from "./tdx-quote.ts";
import { Checks, type Verdict } from "./verdict.ts";

export interface VerifyOptions {
  /** certificates beside those in the bundle */
  readonly certificates?: readonly Certificate[] | undefined;
  readonly collateral?: readonly SignedJson[] | undefined;
  readonly crls?: readonly RevocationList[] | undefined;
  /** replaces the vendors' roots, for tests and private chains */
  readonly anchors?: TrustAnchors | undefined;
  /** `YYYY-MM-DDTHH:MM:SSZ` */
  readonly at?: string | undefined;
  /** versions below which an SNP platform's firmware is refused */
  readonly leastTcb?: Partial<SnpTcb> | undefined;
  /** what the verifier sent; the bundle's own nonce proves nothing */
  readonly nonce?: Uint8Array | undefined;
}

export interface EvidenceResult extends Verdict {
  /** everything the platform said, for a reader */
  readonly claims: Readonly<Record<string, unknown>>;
  /** proven values by reference name, hex */
  readonly proven: ReadonlyMap<string, string>;
}

/** A running verification: what was found so far. */
interface Session {
  readonly checks: Checks;
  readonly options: VerifyOptions;
  readonly bundle: EvidenceBundle;
  readonly claims: Record<string, unknown>;
  readonly proven: Map<string, string>;
}

export function verifyEvidence(bundle: EvidenceBundle, options: VerifyOptions): EvidenceResult {
  const session: Session = { checks: new Checks(), options, bundle, claims: {}, proven: new Map() };
  if (options.nonce === undefined) session.checks.skip("nonce", "none given: the evidence may be old");
  if (bundle.snp !== undefined) verifySnp(session, bundle.snp);
  if (bundle.tdx !== undefined) verifyTdx(session, bundle.tdx);
  if (bundle.tpm !== undefined) verifyTpm(session, bundle.tpm);
  const { checks, claims, proven } = session;
  return { ...checks.verdict(), claims, proven };
}

function verifySnp(session: Session, snp: SnpEvidence): void {
  const { checks, options, claims, proven } = session;
  const report = parseSnpReport(snp.report);
  const own = snp.certificates === undefined ? [] : parseCertificates(snp.certificates);
  const certificates = [...own, ...(options.certificates ?? [])];
  const { anchors, crls, at, leastTcb } = options;
  const isGenuine = checkSnpReport(checks, { report, certificates, anchors, crls, at, leastTcb });
  claims["snp"] = snpClaims(report, findEndorsementKey(report, certificates));
  if (snp.svsm === undefined) checkReportData(session, "snp", report.reportData);
  else {
    checkSvsm(checks, report, snp.svsm);
    checkReportData(session, "svsm", snp.svsm.nonce);
  }
  checkInitdata(session, "snp.hostData", report.hostData);
  if (!isGenuine) return;
  proven.set("snp.measurement", toHex(report.measurement));
  proven.set("snp.hostData", toHex(report.hostData));
  proven.set("snp.policy", snpPolicyHex(report.policy));
  proven.set("snp.idKeyDigest", toHex(report.idKeyDigest));
  proven.set("snp.authorKeyDigest", toHex(report.authorKeyDigest));
}

function verifyTdx(session: Session, tdx: TdxEvidence): void {
  const { checks, options, claims, proven } = session;
  const quote = parseTdxQuote(tdx.quote);
  const { collateral, certificates, anchors, crls, at } = options;
  const isGenuine = checkTdxQuote(checks, { quote, collateral, certificates, anchors, crls, at });
  claims["tdx"] = tdxClaims(quote);
  checkReportData(session, "tdx", quote.report.reportData);
  checkInitdata(session, "tdx.mrConfigId", quote.report.mrConfigId);
  if (tdx.eventLog === undefined) checks.skip("tdx.eventLog", "no CCEL given");
  else checkCcel(checks, tdx.eventLog, quote.report.rtmrs);
  if (!isGenuine) return;
  proven.set("tdx.mrTd", toHex(quote.report.mrTd));
  proven.set("tdx.mrConfigId", toHex(quote.report.mrConfigId));
  proven.set("tdx.mrOwner", toHex(quote.report.mrOwner));
  proven.set("tdx.mrOwnerConfig", toHex(quote.report.mrOwnerConfig));
  for (const [index, rtmr] of quote.report.rtmrs.entries()) proven.set(`tdx.rtmr${index}`, toHex(rtmr));
}

function verifyTpm(session: Session, tpm: TpmEvidence): void {
  const { checks, options, claims, proven, bundle } = session;
  const quote = parseTpmQuote(tpm.quote);
  const fault = tpm.keyArea === undefined ? undefined : attestationKeyFault(tpm.keyArea);
  if (tpm.keyArea === undefined) checks.skip("tpm.attestationKey", "a bare key says nothing about its attributes");
  else checks.check("tpm.attestationKey", fault === undefined, fault ?? `name ${toHex(tpm.keyArea.name)}`);
  checks.skip("tpm.binding", whyUnbound(bundle));
  const inputs = {
    quote,
    signature: parseTpmSignature(tpm.signature),
    key: tpm.key,
    nonce: options.nonce,
    pcrs: tpm.pcrs,
  };
  const pcrs = checkTpmQuote(checks, inputs);
  const containers = checkTpmLogs(checks, tpm, pcrs);
  const { resetCount, restartCount } = quote;
  claims["tpm"] = { resetCount, restartCount, pcrs: renderPcrs(pcrs), containers };
  checkPcr8(session, pcrs);
  if (fault !== undefined) return;
  for (const [bank, values] of pcrs)
    for (const [index, value] of values) proven.set(`pcr.${bank}.${index}`, toHex(value));
}

/**
 * No bundle of today says that its TPM is the TEE's own. Whoever runs the guest's kernel names the attestation key,
 * and below an SVSM that kernel is measured by this very TPM alone.
 */
function whyUnbound({ snp, tdx }: EvidenceBundle): string {
  if (snp === undefined && tdx === undefined) return "no TEE report: any TPM could have made this quote";
  return snp?.svsm === undefined
    ? "the guest vouches for the key, nobody for the TPM: without an SVSM the host may run it"
    : "the report vouches for the vTPM's endorsement key, but that the same TPM holds the attestation key shows only by TPM2_ActivateCredential";
}

/** Initdata that comes along is what PCR 8 says, or not proven. */
function checkPcr8({ checks, bundle }: Session, pcrs: PcrValues): void {
  if (bundle.initdata === undefined) return;
  const pcr8 = pcrs.get("sha256")?.get(8);
  if (pcr8 === undefined) checks.check("tpm.initdata", false, "no quote proves PCR 8, which initdata is bound to");
  else checks.equal("tpm.initdata", measureInitdata(bundle.initdata).pcr8, pcr8);
}

/**
 * Report data is the nonce, or with a TPM the hash that binds the attestation key too. The bundle's own
 * nonce says nothing about freshness, yet it shows that report and quote belong together.
 */
function checkReportData(session: Session, subject: string, reportData: Uint8Array): void {
  const { checks, options, bundle } = session;
  const nonce = options.nonce ?? bundle.nonce;
  const area = bundle.tpm?.keyArea?.bytes;
  const name = `${subject}.${options.nonce === undefined ? "binding" : "nonce"}`;
  if (nonce === undefined) {
    if (bundle.tpm !== undefined)
      checks.check(name, false, "without a nonce nothing binds the TPM's key to the report");
    return;
  }
  const bound = expectedReportData(nonce, area);
  if (area !== undefined && !bound.equals(reportData) && fitDigest(nonce, 64).equals(reportData)) {
    checks.check(name, false, "is the bare nonce: the attestation key of the TPM is not bound to this report");
    return;
  }
  checks.equal(name, bound, reportData);
}

function checkInitdata(session: Session, name: string, field: Uint8Array): void {
  const { checks, bundle } = session;
  if (bundle.initdata === undefined) return;
  checks.equal(name, fitDigest(measureInitdata(bundle.initdata).digest, field.length), field);
}

function renderPcrs(pcrs: PcrValues): Record<string, Record<string, string>> {
  const render = (values: ReadonlyMap<number, Uint8Array>) =>
    Object.fromEntries([...values].map(([index, value]) => [String(index), toHex(value)]));
  return Object.fromEntries([...pcrs].map(([bank, values]) => [bank, render(values)]));
}

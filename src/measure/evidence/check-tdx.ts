// Checks a TDX quote from the TD's report up to Intel's root: attestation key, quoting enclave,
// PCK certificate, and where given the collateral that says how current the platform is.

import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { toHex } from "../hex.ts";
import { MalformedInput } from "../reader.ts";
import { type Certificate, parseCertificates } from "./certificate.ts";
import { checkChain, type TrustAnchors } from "./chain.ts";
import type { RevocationList } from "./crl.ts";
import { parsePckExtension } from "./pck-extension.ts";
import { matchQeIdentity, matchTcbLevel, matchTdxModule, type SignedJson, type TcbMatch } from "./tdx-collateral.ts";
import { type TdxQuote, tdAttributes } from "./tdx-quote.ts";
import type { Checks } from "./verdict.ts";

/** Intel's provisioning root, the same for all SGX and TDX platforms. */
export const INTEL_ROOTS: TrustAnchors = new Map([
  ["a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e", "Intel SGX Root CA"],
]);
const SIGNING_NAME = "Intel SGX TCB Signing";
/** MRSIGNER of Intel's architectural enclaves, and ISVPRODID of the quoting enclave for TDs (enclave identity TD_QE). */
const INTEL_ENCLAVES = "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5";
const TD_QE = 2;
/** SGX ATTRIBUTES.DEBUG (Intel SDM volume 3D, 34.7.1) */
const SGX_DEBUG = 2;

export interface TdxInputs {
  readonly quote: TdxQuote;
  /** TCB info and enclave identity */
  readonly collateral?: readonly SignedJson[] | undefined;
  /** the collateral's signing chain, and intermediates that the quote may lack */
  readonly certificates?: readonly Certificate[] | undefined;
  readonly anchors?: TrustAnchors | undefined;
  readonly crls?: readonly RevocationList[] | undefined;
  readonly at?: string | undefined;
}

/** True when the TD's report may be believed. */
export function checkTdxQuote(checks: Checks, inputs: TdxInputs): boolean {
  const { quote, certificates = [], anchors = INTEL_ROOTS, crls, at } = inputs;
  const chain = parseCertificates(quote.pckChain);
  const [pck] = chain;
  if (pck === undefined) return checks.check("tdx.certificate", false, "the quote carries no PCK certificate");
  const attestationKey = importP256(quote.attestationKey);
  const binding = createHash("sha256").update(quote.attestationKey).update(quote.qeAuthData).digest();
  const results = [
    checks.check(
      "tdx.signature",
      attestationKey !== undefined && verifyP256(quote.signedBytes, attestationKey, quote.signature),
      `version ${quote.version} quote by its attestation key`,
    ),
    checks.equal("tdx.attestationKey", binding, quote.qe.reportData.subarray(0, 32)),
    checks.check(
      "tdx.quotingEnclave",
      pck.publicKey.asymmetricKeyType === "ec" && verifyP256(quote.qe.bytes, pck.publicKey, quote.qeSignature),
      `its report by ${pck.commonName}`,
    ),
    checkChain(checks, { subject: "tdx", leaf: pck, others: [...chain, ...certificates], anchors, crls, at }),
    checkQuotingEnclave(checks, quote),
    checkModuleSigner(checks, quote),
    checkTd(checks, quote),
    checkCollateral(checks, inputs, pck),
  ];
  return results.every((ok) => ok);
}

/**
 * The PCE signs for every enclave that may use the provisioning key, and who may is the host's choice: without this
 * the host's own enclave quotes what it likes. How recent Intel's enclave is only collateral can tell.
 */
function checkQuotingEnclave(checks: Checks, { qe }: TdxQuote): boolean {
  const signer = toHex(qe.mrSigner);
  const isDebug = ((qe.attributes[0] ?? 0) & SGX_DEBUG) !== 0;
  return checks.check(
    "tdx.qeSigner",
    signer === INTEL_ENCLAVES && qe.isvProdId === TD_QE && !isDebug,
    `enclave ${qe.isvProdId} of signer ${signer}${isDebug ? ", under debug" : ""}; Intel's for TDs is ${TD_QE} of ${INTEL_ENCLAVES}`,
  );
}

/** Intel's own modules name no signer. */
function checkModuleSigner(checks: Checks, { report }: TdxQuote): boolean {
  const isIntels = [...report.mrSignerSeam, ...report.seamAttributes].every((byte) => byte === 0);
  return checks.check("tdx.moduleSigner", isIntels, isIntels ? "Intel" : `is ${toHex(report.mrSignerSeam)}`);
}

/** Neither the host nor a migration TD of its choice may read the TD. */
function checkTd(checks: Checks, { report }: TdxQuote): boolean {
  const { isUnderDebug, isMigratable } = tdAttributes(report.tdAttributes);
  const attributes = `TD attributes 0x${report.tdAttributes.toString(16)}`;
  const results = [
    checks.check("tdx.debug", !isUnderDebug, attributes),
    checks.check("tdx.migration", !isMigratable, attributes),
  ];
  return results.every((ok) => ok);
}

export function tdxClaims({ version, report }: TdxQuote): Record<string, unknown> {
  return {
    version,
    mrTd: toHex(report.mrTd),
    rtmr: report.rtmrs.map(toHex),
    mrConfigId: toHex(report.mrConfigId),
    mrOwner: toHex(report.mrOwner),
    mrOwnerConfig: toHex(report.mrOwnerConfig),
    mrSeam: toHex(report.mrSeam),
    reportData: toHex(report.reportData),
    teeTcbSvn: toHex(report.teeTcbSvn),
    tdAttributes: `0x${report.tdAttributes.toString(16)}`,
    xfam: `0x${report.xfam.toString(16)}`,
  };
}

function checkCollateral(checks: Checks, inputs: TdxInputs, pck: Certificate): boolean {
  const { quote, collateral = [] } = inputs;
  const tcbInfo = collateral.find(({ kind }) => kind === "tcbInfo");
  const identity = collateral.find(({ kind }) => kind === "enclaveIdentity");
  const results: boolean[] = [];
  if (tcbInfo === undefined) checks.skip("tdx.tcb", "no TCB info given: how current the platform is stays unknown");
  else {
    results.push(checkSignedJson(checks, inputs, tcbInfo));
    const extension = parsePckExtension(pck);
    const fmspc = tcbInfo.body.string("fmspc").toLowerCase();
    const pceId = tcbInfo.body.string("pceId").toLowerCase();
    const isFamily = tcbInfo.body.string("id") === "TDX" && fmspc === extension.fmspc && pceId === extension.pceId;
    results.push(
      checks.check(
        "tdx.fmspc",
        isFamily,
        `TCB info is for ${fmspc}/${pceId}, the platform is ${extension.fmspc}/${extension.pceId}`,
      ),
      checkStatus(checks, "tdx.tcb", matchTcbLevel(tcbInfo.body, extension, quote.report)),
      checkStatus(checks, "tdx.module", matchTdxModule(tcbInfo.body, quote.report)),
    );
  }
  if (identity === undefined)
    checks.skip("tdx.qeIdentity", "no enclave identity given: how recent the quoting enclave is stays unknown");
  else {
    results.push(checkSignedJson(checks, inputs, identity));
    results.push(checkStatus(checks, "tdx.qeIdentity", matchQeIdentity(identity.body, quote.qe)));
  }
  return results.every((ok) => ok);
}

function checkStatus(checks: Checks, name: string, { status, detail }: TcbMatch): boolean {
  return checks.check(name, status === "UpToDate", detail);
}

function checkSignedJson(checks: Checks, inputs: TdxInputs, signed: SignedJson): boolean {
  const { certificates = [], anchors = INTEL_ROOTS, crls, at } = inputs;
  const subject = `tdx.${signed.kind}`;
  const signer = certificates.find((certificate) => certificate.commonName === SIGNING_NAME);
  if (signer === undefined) {
    return checks.check(`${subject}.signature`, false, `no certificate of "${SIGNING_NAME}" given`);
  }
  const isSigned =
    signer.publicKey.asymmetricKeyType === "ec" && verifyP256(signed.signedBytes, signer.publicKey, signed.signature);
  const isTrusted = checkChain(checks, { subject, leaf: signer, others: certificates, anchors, crls, at });
  const { issueDate, nextUpdate } = signed;
  const isTimely = at === undefined || (at >= issueDate && at <= nextUpdate);
  checks.check(`${subject}.signature`, isSigned, `by ${signer.commonName}`);
  checks.check(`${subject}.freshness`, isTimely, `issued ${issueDate}, next update ${nextUpdate}`);
  return isSigned && isTrusted && isTimely;
}

function verifyP256(bytes: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  return verify("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }, signature);
}

/** Undefined for a point that is not on the curve. */
function importP256(point: Uint8Array): KeyObject | undefined {
  if (point.length !== 64) throw new MalformedInput("TDX quote", 0, "attestation key is no P-256 point");
  const coordinate = (start: number): string => Buffer.from(point.subarray(start, start + 32)).toString("base64url");
  try {
    return createPublicKey({ key: { kty: "EC", crv: "P-256", x: coordinate(0), y: coordinate(32) }, format: "jwk" });
  } catch {
    return undefined;
  }
}

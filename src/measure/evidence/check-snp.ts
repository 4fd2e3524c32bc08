// Checks an SNP report: who signed it, that the key's certificate speaks of the same chip and
// firmware versions, and what the guest was launched with. Rules and OIDs: AMD "Versioned Chip
// Endorsement Key Certificate and KDS Interface Specification" (57230) §3.

import { verify } from "node:crypto";
import { toHex } from "../hex.ts";
import { ByteReader } from "../reader.ts";
import { hasSnpFlag } from "../snp/policy.ts";
import type { Certificate } from "./certificate.ts";
import { checkChain, type TrustAnchors } from "./chain.ts";
import type { RevocationList } from "./crl.ts";
import { readDer, readSmallInteger, restOf, TAG } from "./der.ts";
import { readSnpTcb, type SnpReport, type SnpTcb } from "./snp-report.ts";
import type { Checks } from "./verdict.ts";

const OID = "1.3.6.1.4.1.3704.1";
const OID_PRODUCT = `${OID}.2`;
const OID_HWID = `${OID}.4`;
const SPL_OIDS: Readonly<Record<keyof SnpTcb, string>> = {
  bootloader: `${OID}.3.1`,
  tee: `${OID}.3.2`,
  snp: `${OID}.3.3`,
  microcode: `${OID}.3.8`,
  fmc: `${OID}.3.9`,
};
const TURIN_FAMILY = 0x1a;

/** AMD's root keys, from the certificate chains that AMD publishes per product. */
const AMD_ROOTS: TrustAnchors = new Map([
  ["9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9", "ARK-Milan"],
  ["429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831", "ARK-Genoa"],
  ["4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08", "ARK-Turin"],
]);

export interface SnpInputs {
  readonly report: SnpReport;
  /** VCEK or VLEK and what signs it, in any order */
  readonly certificates: readonly Certificate[];
  readonly anchors?: TrustAnchors | undefined;
  readonly crls?: readonly RevocationList[] | undefined;
  readonly at?: string | undefined;
  /** versions below which the platform's firmware is refused */
  readonly leastTcb?: Partial<SnpTcb> | undefined;
}

/** True when the report's contents may be believed: genuine, and from a guest that nobody may debug or move. */
export function checkSnpReport(checks: Checks, inputs: SnpInputs): boolean {
  const { report, certificates } = inputs;
  const leaf = findEndorsementKey(report, certificates);
  if (leaf === undefined) {
    return checks.check("snp.certificate", false, "no VCEK or VLEK certificate was given");
  }
  const results = [
    checks.check("snp.signature", isSignedBy(report, leaf), `version ${report.version} report by ${leaf.commonName}`),
    checkChain(checks, {
      subject: "snp",
      leaf,
      others: certificates,
      anchors: inputs.anchors ?? AMD_ROOTS,
      crls: inputs.crls,
      at: inputs.at,
    }),
    checkSigner(checks, report, leaf),
    checkTcb(checks, report, leaf),
    checkLeastTcb(checks, inputs, leaf),
    checkChip(checks, report, leaf),
    checks.check("snp.vmpl", report.vmpl === 0, `requested at VMPL ${report.vmpl}`),
    checkPolicy(checks, report),
  ];
  return results.every((ok) => ok);
}

/** Family, or the certificate's product name for reports that do not carry CPUID (version 2). */
function isTurinReport(report: SnpReport, leaf: Certificate | undefined): boolean {
  if (report.cpuid !== undefined) return report.cpuid.family >= TURIN_FAMILY;
  return leaf !== undefined && productName(leaf).startsWith("Turin");
}

/** The VCEK or VLEK that signed the report, else the first: hosts hand out those of earlier firmware, too. */
export function findEndorsementKey(report: SnpReport, given: readonly Certificate[]): Certificate | undefined {
  const keys = given.filter(({ extensions }) => extensions.has(SPL_OIDS.snp));
  return keys.find((key) => isSignedBy(report, key)) ?? keys[0];
}

function isSignedBy({ signedBytes, signature }: SnpReport, { publicKey: key }: Certificate): boolean {
  return key.asymmetricKeyType === "ec" && verify("sha384", signedBytes, { key, dsaEncoding: "ieee-p1363" }, signature);
}

function productName(leaf: Certificate): string {
  const bytes = leaf.extensions.get(OID_PRODUCT);
  return bytes === undefined
    ? ""
    : Buffer.from(restOf(readDer(new ByteReader(bytes, "product name")).content)).toString();
}

function checkSigner(checks: Checks, report: SnpReport, leaf: Certificate): boolean {
  const kind = leaf.commonName.includes("VLEK") ? "vlek" : "vcek";
  return checks.check("snp.signer", report.signer === kind, `the report names ${report.signer}, the key is a ${kind}`);
}

function checkTcb(checks: Checks, report: SnpReport, leaf: Certificate): boolean {
  const reported = readSnpTcb(report.reportedTcb, isTurinReport(report, leaf));
  const differing: string[] = [];
  for (const [part, oid] of Object.entries(SPL_OIDS) as [keyof SnpTcb, string][]) {
    const own = reported[part];
    if (own === undefined) continue;
    const bytes = leaf.extensions.get(oid);
    const certified = bytes === undefined ? undefined : readSmallInteger(new ByteReader(bytes, "TCB extension"));
    if (certified !== own) differing.push(`${part} is ${own}, certified ${certified ?? "nothing"}`);
  }
  const all = Object.entries(reported).flatMap(([part, version]) =>
    version === undefined ? [] : [`${part} ${version}`],
  );
  return checks.check("snp.tcb", differing.length === 0, differing.join("; ") || all.join(", "));
}

/** The host chooses which firmware it runs and reports, so old versions are refused by the verifier or by nobody. */
function checkLeastTcb(checks: Checks, { report, leastTcb }: SnpInputs, leaf: Certificate): boolean {
  if (leastTcb === undefined) {
    checks.skip("snp.leastTcb", "no least versions given: firmware with known flaws passes");
    return true;
  }
  const reported = readSnpTcb(report.reportedTcb, isTurinReport(report, leaf));
  const low = (Object.entries(leastTcb) as [keyof SnpTcb, number][]).filter(([part, least]) => {
    return (reported[part] ?? -1) < least;
  });
  const detail = low.map(([part, least]) => `${part} is ${reported[part] ?? "absent"}, least is ${least}`).join("; ");
  return checks.check("snp.leastTcb", low.length === 0, detail || "every part is recent enough");
}

/** The hardware id is raw in old certificates and an octet string in new ones; a VLEK has none. */
function checkChip(checks: Checks, report: SnpReport, leaf: Certificate): boolean {
  const bytes = leaf.extensions.get(OID_HWID);
  if (report.isChipKeyMasked || (bytes === undefined && report.signer === "vlek")) {
    checks.skip("snp.chipId", report.isChipKeyMasked ? "the host masks the chip key" : "a VLEK names no chip");
    return true;
  }
  if (bytes === undefined) return checks.check("snp.chipId", false, "the VCEK names no chip");
  const isWrapped = bytes.length === 66 && bytes[0] === TAG.octetString;
  return checks.equal("snp.chipId", isWrapped ? bytes.subarray(2) : bytes, report.chipId);
}

/** Neither the host nor a migration agent of its choice, which gets the guest's memory, may read the guest. */
function checkPolicy(checks: Checks, { policy }: SnpReport): boolean {
  const judge = (name: string, flag: "debug" | "migrate-ma", forbidden: string): boolean => {
    const isAllowed = hasSnpFlag(policy, flag);
    return checks.check(
      name,
      !isAllowed,
      `policy 0x${policy.toString(16)} ${isAllowed ? "allows" : "forbids"} ${forbidden}`,
    );
  };
  const isSealed = judge("snp.debug", "debug", "that the host reads and writes its memory");
  return judge("snp.migration", "migrate-ma", "a migration agent") && isSealed;
}

/** What the report claims, in the words of commands.md's references; `snp_` as in Trustee. */
export function snpClaims(report: SnpReport, leaf: Certificate | undefined): Record<string, unknown> {
  return {
    version: report.version,
    measurement: toHex(report.measurement),
    reportData: toHex(report.reportData),
    hostData: toHex(report.hostData),
    idKeyDigest: toHex(report.idKeyDigest),
    authorKeyDigest: toHex(report.authorKeyDigest),
    chipId: toHex(report.chipId),
    vmpl: report.vmpl,
    guestSvn: report.guestSvn,
    policy: `0x${report.policy.toString(16)}`,
    platformInfo: `0x${report.platformInfo.toString(16)}`,
    signer: report.signer,
    reportedTcb: readSnpTcb(report.reportedTcb, isTurinReport(report, leaf)),
  };
}

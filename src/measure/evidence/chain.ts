// Walks a certificate chain from a leaf to a pinned root. A root is trusted for its key alone:
// the pins are the vendors' published roots, so a chain handed in cannot bring its own.
import { type Certificate, keyFingerprint } from "./certificate.ts";
import { isCrlSignedBy, type RevocationList } from "./crl.ts";
import type { Checks } from "./verdict.ts";

const MAX_DEPTH = 5;

/** SHA-256 of the root's SubjectPublicKeyInfo to its name. */
export type TrustAnchors = ReadonlyMap<string, string>;

export interface ChainInputs {
  /** prefix of the checks' names, for example `snp` */
  readonly subject: string;
  readonly leaf: Certificate;
  /** intermediates and roots in any order; strangers do no harm */
  readonly others: readonly Certificate[];
  readonly anchors: TrustAnchors;
  readonly crls?: readonly RevocationList[] | undefined;
  /** `YYYY-MM-DDTHH:MM:SSZ`; without it validity is not checked */
  readonly at?: string | undefined;
}

/** True when leaf to root is signed, trusted, valid at the time, and not revoked. */
export function checkChain(checks: Checks, inputs: ChainInputs): boolean {
  const { subject, leaf, others, anchors } = inputs;
  const path = buildPath(leaf, others);
  const root = path.at(-1) ?? leaf;
  const names = path.map((certificate) => certificate.commonName).join(" < ");
  const rootName = anchors.get(keyFingerprint(root.publicKey));
  const isSigned = checks.check(
    `${subject}.chain`,
    isSelfSigned(root),
    isSelfSigned(root) ? names : `${names}: no given certificate of "${root.issuerName}" signs the last one`,
  );
  const isTrusted = checks.check(
    `${subject}.root`,
    rootName !== undefined,
    rootName ?? `the key of "${root.commonName}" (${keyFingerprint(root.publicKey)}) is no known root`,
  );
  const isValid = checkValidity(checks, inputs, path);
  const isUnrevoked = checkRevocation(checks, inputs, path);
  return isSigned && isTrusted && isValid && isUnrevoked;
}

/** Each step: issuer's name matches, issuer is a CA, its key verifies. Ends where none fits. */
function buildPath(leaf: Certificate, others: readonly Certificate[]): Certificate[] {
  const path = [leaf];
  for (let last = leaf; path.length < MAX_DEPTH && !isSelfSigned(last); ) {
    const issuer = others.find((candidate) => !path.includes(candidate) && issued(candidate, last));
    if (issuer === undefined) break;
    path.push(issuer);
    last = issuer;
  }
  return path;
}

function issued(issuer: Certificate, subject: Certificate): boolean {
  return Buffer.compare(issuer.subjectDer, subject.issuerDer) === 0 && issuer.x509.ca && verifies(subject, issuer);
}

function isSelfSigned(certificate: Certificate): boolean {
  return Buffer.compare(certificate.subjectDer, certificate.issuerDer) === 0 && verifies(certificate, certificate);
}

function verifies(subject: Certificate, issuer: Certificate): boolean {
  try {
    return subject.x509.verify(issuer.publicKey);
  } catch {
    // OpenSSL throws for a key of another kind than the signature's: not this issuer.
    return false;
  }
}

function checkValidity(checks: Checks, { subject, at }: ChainInputs, path: readonly Certificate[]): boolean {
  if (at === undefined) {
    checks.skip(`${subject}.validity`, "no time given");
    return true;
  }
  const bad = path.find((certificate) => at < certificate.notBefore || at > certificate.notAfter);
  const detail =
    bad === undefined
      ? `all ${path.length} certificates are valid at ${at}`
      : `"${bad.commonName}" is valid from ${bad.notBefore} to ${bad.notAfter}, not at ${at}`;
  return checks.check(`${subject}.validity`, bad === undefined, detail);
}

function checkRevocation(checks: Checks, inputs: ChainInputs, path: readonly Certificate[]): boolean {
  const { subject, crls = [], at } = inputs;
  const name = `${subject}.revocation`;
  let used = 0;
  for (const [index, certificate] of path.slice(0, -1).entries()) {
    const issuer = path[index + 1];
    const lists = crls.filter((list) => Buffer.compare(list.issuerDer, certificate.issuerDer) === 0);
    if (lists.length === 0 || issuer === undefined) {
      checks.skip(`${name}.${index}`, `no CRL of "${certificate.issuerName}" given`);
      continue;
    }
    const fault = revocationFault(lists, { issuer, certificate, at });
    if (fault !== undefined) return checks.check(name, false, fault);
    used++;
  }
  if (used > 0) checks.check(name, true, `${used} certificates stand in no revocation list`);
  return true;
}

interface CrlUse {
  readonly issuer: Certificate;
  readonly certificate: Certificate;
  readonly at: string | undefined;
}

/** Of several lists one must be good, and none that the issuer signed may name the certificate: the newest need not be first. */
function revocationFault(lists: readonly RevocationList[], use: CrlUse): string | undefined {
  const { issuer, certificate } = use;
  const isNamed = lists.some((list) => list.revoked.has(certificate.serial) && isCrlSignedBy(list, issuer.publicKey));
  if (isNamed) return `"${certificate.commonName}" is revoked`;
  const faults = lists.map((list) => listFault(list, use));
  return faults.includes(undefined) ? undefined : faults[0];
}

function listFault(list: RevocationList, { issuer, at }: CrlUse): string | undefined {
  if (!isCrlSignedBy(list, issuer.publicKey)) return `the CRL of "${issuer.commonName}" is not signed by it`;
  if (at === undefined || (at >= list.thisUpdate && at <= (list.nextUpdate ?? "9999"))) return undefined;
  return `the CRL of "${issuer.commonName}" is for ${list.thisUpdate} to ${list.nextUpdate}, not ${at}`;
}

// `kata-cvm verify`: is this evidence genuine, recent, and of the launch that was expected? Every
// check is shown; exit code 1 when one failed, or when one was left out that nothing else makes up for and nobody
// waived. Certificates and collateral are files: no network.
import { InvalidRequest } from "../lib/errors.ts";
import { type EvidenceBundle, parseEvidence } from "../measure/evidence/bundle.ts";
import { type Certificate, parseCertificates } from "../measure/evidence/certificate.ts";
import { parseCrl, type RevocationList } from "../measure/evidence/crl.ts";
import { checkReference, parseReference } from "../measure/evidence/reference.ts";
import { parseLeastTcb } from "../measure/evidence/snp-report.ts";
import { parseSignedJson, type SignedJson } from "../measure/evidence/tdx-collateral.ts";
import { Checks, type NotChecked, type Verdict } from "../measure/evidence/verdict.ts";
import { verifyEvidence } from "../measure/evidence/verify-evidence.ts";
import { type CommandResult, defineCommand } from "./command.ts";
import { readInput } from "./read-input.ts";

export const verifyCommand = defineCommand({
  command: "verify",
  describe: "check evidence: signatures, chains, binding, logs, reference values",
  options: {
    evidence: { type: "string", describe: "evidence bundle (JSON)" },
    report: { type: "string", describe: "bare SNP report, 1184 bytes" },
    certs: { type: "string", array: true, describe: "certificates, PEM or DER: VCEK or VLEK, ASK, ARK" },
    quote: { type: "string", describe: "bare TDX quote" },
    collateral: {
      type: "string",
      array: true,
      describe: "TCB info, enclave identity (JSON), their certificates, CRLs",
    },
    crl: { type: "string", array: true, describe: "revocation lists" },
    ccel: { type: "string", describe: "event log that belongs to --quote" },
    nonce: { type: "string", describe: "hex, what was asked for; without it the evidence may be old" },
    "allow-stale": {
      type: "boolean",
      describe: "accept --evidence without --nonce: whoever saw it once can send it again",
      default: false,
    },
    "allow-unbound": {
      type: "boolean",
      describe: "accept a TPM's quote that nothing ties to a TEE: anyone with a TPM, or swtpm, can make it",
      default: false,
    },
    reference: { type: "string", describe: "reference values, as `kata-cvm reference` prints them" },
    "min-tcb": {
      type: "string",
      describe: "SNP firmware below these versions is refused, such as bootloader=4,snp=23,microcode=213",
    },
    at: { type: "string", describe: "ISO time at which validity is judged (default: now)" },
  },
  async run(args) {
    const bundle = await readBundle(args);
    const inputs = await readInputs(args);
    const { claims, proven, ...verdict } = verifyEvidence(bundle, inputs);
    const compared = args.reference === undefined ? [] : await compareReference(args.reference, proven);
    const checks = [...verdict.checks, ...compared];
    const refused = refusedGaps(verdict.notChecked, args);
    const ok = verdict.ok && compared.every((check) => check.ok) && refused.length === 0;
    const { notChecked } = verdict;
    const json = { ok, checks, notChecked, refused, claims, proven: Object.fromEntries(proven) };
    return {
      json,
      text: renderVerdict({ ok, checks, notChecked }, refused),
      exitCode: ok ? 0 : 1,
    } satisfies CommandResult;
  },
});

/** A check that was left out, for which nothing else makes up. */
interface Gap {
  readonly name: string;
  /** accepts it */
  readonly flag: "allow-stale" | "allow-unbound";
  readonly fix: string;
  /** what the flag gives up */
  readonly risk: string;
}

const gaps: readonly Gap[] = [
  {
    name: "nonce",
    flag: "allow-stale",
    fix: "give --nonce",
    risk: "whoever saw this evidence once can send it again",
  },
  {
    name: "tpm.binding",
    flag: "allow-unbound",
    fix: "ask for evidence that ties the TPM to a TEE",
    risk: "anyone with a TPM, or swtpm, can have made its registers and logs",
  },
];

function refusedGaps(
  notChecked: readonly NotChecked[],
  args: Readonly<Record<Gap["flag"], boolean>> & { readonly evidence: string | undefined },
): readonly Gap[] {
  const isMissing = ({ name }: Gap) => notChecked.some((one) => one.name === name);
  // a bare report or quote is a file to examine; a bundle is the answer to a challenge
  const isOwed = ({ name }: Gap) => name !== "nonce" || args.evidence !== undefined;
  return gaps.filter((gap) => isMissing(gap) && isOwed(gap) && !args[gap.flag]);
}

interface Files {
  readonly evidence: string | undefined;
  readonly report: string | undefined;
  readonly quote: string | undefined;
  readonly ccel: string | undefined;
  readonly certs: readonly string[] | undefined;
  readonly collateral: readonly string[] | undefined;
  readonly crl: readonly string[] | undefined;
  readonly nonce: string | undefined;
  readonly at: string | undefined;
  readonly "min-tcb": string | undefined;
}

async function readBundle({ evidence, report, quote, ccel }: Files): Promise<EvidenceBundle> {
  const given = [evidence, report, quote].filter((file) => file !== undefined);
  if (given.length !== 1) throw new InvalidRequest("--evidence", "give exactly one of --evidence, --report, --quote");
  if (evidence !== undefined) return parseEvidence(await readInput("--evidence", evidence));
  const none: EvidenceBundle = {
    nonce: undefined,
    snp: undefined,
    tdx: undefined,
    tpm: undefined,
    initdata: undefined,
  };
  if (report !== undefined) {
    const bytes = await readInput("--report", report);
    return { ...none, snp: { report: bytes, certificates: undefined, svsm: undefined } };
  }
  const eventLog = ccel === undefined ? undefined : await readInput("--ccel", ccel);
  return { ...none, tdx: { quote: await readInput("--quote", quote ?? ""), eventLog } };
}

async function readInputs({ certs = [], collateral = [], crl = [], ...args }: Files) {
  const certificates: Certificate[] = [];
  const statements: SignedJson[] = [];
  const crls: RevocationList[] = [];
  for (const file of certs) certificates.push(...parseCertificates(await readInput("--certs", file)));
  for (const file of crl) crls.push(parseCrl(await readInput("--crl", file)));
  for (const file of collateral) {
    const bytes = await readInput("--collateral", file);
    const text = bytes.subarray(0, 64).toString("latin1").trimStart();
    if (text.startsWith("{")) statements.push(parseSignedJson(bytes));
    else if (text.includes("BEGIN CERTIFICATE")) certificates.push(...parseCertificates(bytes));
    else crls.push(parseCrl(bytes));
  }
  const least = args["min-tcb"];
  const leastTcb = least === undefined ? undefined : parseLeastTcb(least);
  return {
    certificates,
    collateral: statements,
    crls,
    nonce: parseNonce(args.nonce),
    at: parseTime(args.at),
    leastTcb,
  };
}

async function compareReference(file: string, proven: ReadonlyMap<string, string>): Promise<Verdict["checks"]> {
  const checks = new Checks();
  checkReference(checks, parseReference(await readInput("--reference", file)), proven);
  return checks.verdict().checks;
}

function parseNonce(text: string | undefined): Buffer | undefined {
  if (text === undefined) return undefined;
  if (!/^([0-9a-fA-F]{2})+$/.test(text)) throw new InvalidRequest("--nonce", "is no hex string");
  return Buffer.from(text, "hex");
}

/** `YYYY-MM-DDTHH:MM:SSZ`, the form that certificates' times are compared in. */
function parseTime(text: string | undefined): string {
  const time = text === undefined ? new Date() : new Date(text);
  if (Number.isNaN(time.getTime())) throw new InvalidRequest("--at", `${text} is no ISO time`);
  return `${time.toISOString().slice(0, 19)}Z`;
}

function renderVerdict({ ok, checks, notChecked }: Verdict, refused: readonly Gap[]): string {
  return [
    ...checks.map((check) => `${check.ok ? "ok    " : "FAILED"}  ${check.name}: ${check.detail}`),
    ...notChecked.map(({ name, reason }) => `not checked  ${name}: ${reason}`),
    `${ok ? "verified" : "NOT verified"}${notChecked.length > 0 ? `, ${notChecked.length} things not checked` : ""}`,
    ...refused.map(({ name, flag, fix, risk }) => `  ${name}: ${fix}; --${flag} accepts that ${risk}`),
  ].join("\n");
}

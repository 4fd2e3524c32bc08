// Fuzz targets of evidence: reports, quotes, certificates, collateral, whole bundles.
import { parseEvidence } from "../../src/measure/evidence/bundle.ts";
import { parseCertificates } from "../../src/measure/evidence/certificate.ts";
import { parseCertificateTable } from "../../src/measure/evidence/certificate-table.ts";
import { isCrlSignedBy, parseCrl } from "../../src/measure/evidence/crl.ts";
import { parsePckExtension } from "../../src/measure/evidence/pck-extension.ts";
import { parseReference } from "../../src/measure/evidence/reference.ts";
import { parseSnpReport } from "../../src/measure/evidence/snp-report.ts";
import { parseVtpmManifest } from "../../src/measure/evidence/svsm.ts";
import {
  matchQeIdentity,
  matchTcbLevel,
  matchTdxModule,
  parseSignedJson,
} from "../../src/measure/evidence/tdx-collateral.ts";
import { parseTdxQuote } from "../../src/measure/evidence/tdx-quote.ts";
import { verifyEvidence } from "../../src/measure/evidence/verify-evidence.ts";
import { parseTpmQuote } from "../../src/measure/tpm/attest.ts";
import { parseTpmPublic } from "../../src/measure/tpm/public-area.ts";
import { parseTpmSignature } from "../../src/measure/tpm/signature.ts";
import { mintCrl, pem } from "../support/mint.ts";
import { certificateTable, snpPlatform } from "../support/mint-snp.ts";
import { optionalFixture } from "../support/tools.ts";
import { RSA_EK_AREA, servicesManifest } from "../support/tpm-areas.ts";
import type { FuzzTarget } from "./target.ts";

const platform = snpPlatform();
const report = platform.report({ reportData: Buffer.alloc(64, 1) });
const bundle = {
  format: "kata-cvm-evidence/1",
  nonce: "01".repeat(64),
  snp: { report: report.toString("base64"), certificates: platform.chain.map(pem).join("") },
  initdata: 'version = "0.1.0"\nalgorithm = "sha256"\n',
};
const fixtures = (...paths: readonly string[]): Buffer[] => paths.flatMap((path) => optionalFixture(path) ?? []);
const quotes = fixtures("tdx/tdx_quote_4.dat", "tdx/tdx_quote_5.dat");
const trustee = optionalFixture("tpm/tpm_evidence.json");
const tpmQuote =
  trustee === undefined ? undefined : (JSON.parse(trustee.toString()) as { tpm_quote: { signature: string } });

export const targets: readonly FuzzTarget[] = [
  {
    name: "snp-report",
    seeds: () => [report, ...fixtures("snp/trustee-v2-report.bin")],
    run: (bytes) => void parseSnpReport(bytes),
  },
  { name: "tdx-quote", seeds: () => quotes, run: (bytes) => void parseTdxQuote(bytes) },
  {
    name: "tdx-collateral",
    seeds: () => fixtures("tdx/enclaveIdentity.json", "tdx/tcbInfo.json"),
    run(bytes) {
      const signed = parseSignedJson(bytes);
      const quote = parseTdxQuote(quotes[1] ?? Buffer.alloc(0));
      if (signed.kind === "enclaveIdentity") {
        matchQeIdentity(signed.body, quote.qe);
        return;
      }
      const pck = { fmspc: "", pceId: "", components: Array.from({ length: 16 }, () => 9), pceSvn: 13 };
      matchTcbLevel(signed.body, pck, quote.report);
      matchTdxModule(signed.body, quote.report);
    },
  },
  { name: "tpm-quote", seeds: () => fixtures("tpm/tpm_quote_sample.bin"), run: (bytes) => void parseTpmQuote(bytes) },
  {
    name: "tpm-signature",
    seeds: () => [
      Buffer.from(`0018000b0020${"11".repeat(32)}0020${"22".repeat(32)}`, "hex"),
      ...(tpmQuote === undefined ? [] : [Buffer.from(tpmQuote.tpm_quote.signature, "base64")]),
    ],
    run: (bytes) => void parseTpmSignature(bytes),
  },
  { name: "tpm-public", seeds: () => [RSA_EK_AREA], run: (bytes) => void parseTpmPublic(bytes) },
  {
    name: "svsm-manifest",
    seeds: () => [servicesManifest(RSA_EK_AREA), RSA_EK_AREA],
    run: (bytes) => void parseVtpmManifest(bytes),
  },
  {
    name: "certificate",
    seeds: () => [
      ...platform.chain,
      Buffer.from(platform.chain.map(pem).join("")),
      ...fixtures("snp/trustee-v2-vcek.der"),
    ],
    run: (bytes) => void parseCertificates(bytes),
  },
  {
    name: "certificate-table",
    seeds: () => [
      certificateTable([["63da758d-e664-4564-adc5-f4b93be8accd", platform.chain[0] ?? Buffer.alloc(0)]]),
      Buffer.alloc(24),
    ],
    run: (bytes) => void parseCertificateTable(bytes),
  },
  {
    name: "pck",
    seeds: () =>
      quotes
        .flatMap((quote) => parseCertificates(parseTdxQuote(quote).pckChain).slice(0, 1))
        .map(({ x509 }) => x509.raw),
    run(bytes) {
      for (const certificate of parseCertificates(bytes)) parsePckExtension(certificate);
    },
  },
  {
    name: "crl",
    seeds: () => [
      mintCrl(platform.intermediate, { revoked: [3, 300] }),
      mintCrl(platform.intermediate, { revoked: [] }),
    ],
    run: (bytes) => void isCrlSignedBy(parseCrl(bytes), platform.intermediate.key.publicKey),
  },
  {
    name: "reference",
    seeds: () => [
      Buffer.from(
        '{"format":"kata-cvm-reference/1","subject":"x","values":{"snp.measurement":[{"value":"00ff","label":"a"}]}}',
      ),
    ],
    run: (bytes) => void parseReference(bytes),
  },
  {
    name: "evidence",
    seeds: () => [Buffer.from(JSON.stringify(bundle)), ...fixtures("tpm/tpm_evidence.json")],
    run(bytes) {
      verifyEvidence(parseEvidence(bytes), { anchors: platform.anchors, at: "2026-01-01T00:00:00Z" });
    },
  },
  {
    name: "snp-evidence",
    seeds: () => [report],
    run(bytes) {
      const evidence = { ...bundle, snp: { ...bundle.snp, report: Buffer.from(bytes).toString("base64") } };
      verifyEvidence(parseEvidence(Buffer.from(JSON.stringify(evidence))), { anchors: platform.anchors });
    },
  },
  {
    name: "tdx-evidence",
    seeds: () => quotes,
    run(bytes) {
      const evidence = { format: bundle.format, tdx: { quote: Buffer.from(bytes).toString("base64") } };
      verifyEvidence(parseEvidence(Buffer.from(JSON.stringify(evidence))), { at: "2026-01-01T00:00:00Z" });
    },
  },
];

// One evidence document: whatever this guest's platform can prove of the nonce. With a TEE and a TPM the
// report carries the hash of nonce and attestation key, which is what ties the TPM to the machine.
import { access, readFile } from "node:fs/promises";
import { EnvironmentLacks } from "../../lib/errors.ts";
import { expectedReportData } from "../../measure/evidence/report-data.ts";
import { quoteTpm, renderTpm, type TpmDocument, type TpmPaths, withAttestationKey, withDevice } from "./tpm.ts";
import { hasTee, reportTee, type TeeDocument, type Tsm } from "./tsm-report.ts";

/** Bytes of the TPM2B_PUBLIC before the area that reports bind. */
const TPM2B_SIZE_BYTES = 2;

export interface EvidencePaths {
  readonly tpm: TpmPaths;
  readonly tsm: Tsm;
  readonly initdata: string;
}

export interface EvidenceDocument extends TeeDocument {
  readonly format: "kata-cvm-evidence/1";
  readonly nonce: string;
  readonly tpm?: TpmDocument;
  readonly initdata?: string;
}

export async function collectEvidence(nonce: Uint8Array, paths: EvidencePaths): Promise<EvidenceDocument> {
  const [tee, tpm, initdata] = await Promise.all([
    hasTee(paths.tsm.root),
    isThere(paths.tpm.device),
    readFile(paths.initdata, "utf8").catch(() => undefined),
  ]);
  const report = async (area: Uint8Array | undefined) =>
    tee ? await reportTee(paths.tsm, expectedReportData(nonce, area)) : {};
  if (!tee && !tpm) {
    throw new EnvironmentLacks("this guest has neither a TPM nor a TEE", "use a measured or confidential class");
  }
  return {
    format: "kata-cvm-evidence/1",
    nonce: Buffer.from(nonce).toString("hex"),
    ...(tpm ? await withTpm(nonce, { paths: paths.tpm, report }) : await report(undefined)),
    ...(initdata === undefined ? {} : { initdata }),
  };
}

async function withTpm(
  nonce: Uint8Array,
  { paths, report }: { paths: TpmPaths; report: (area: Uint8Array) => Promise<TeeDocument> },
): Promise<TeeDocument & { tpm: TpmDocument }> {
  return await withDevice(paths.device, (transmit) =>
    withAttestationKey(transmit, async (key) => ({
      ...(await report(key.publicArea.subarray(TPM2B_SIZE_BYTES))),
      tpm: renderTpm(await quoteTpm(transmit, { key, nonce, paths })),
    })),
  );
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

// PCR 7 of a store with enrolled keys. Oracle: virt-fw-measure of virt-firmware 26.10 (PyPI, `--vars FILE --digests`)
// on Debian's OVMF_VARS_4M.ms.fd; where the tool is on PATH, it is asked about this machine's file too.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { parseVariableStore } from "../../../../src/measure/ovmf-variables.ts";
import type { PcrBank } from "../../../../src/measure/tpm/pcr.ts";
import { measurePcr7 } from "../../../../src/measure/uki/pcr7.ts";
import { skip, tool } from "../../../support/tools.ts";

const FILE = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";
const BOOKWORM = "e6044c5d1fd81998a5967d907ec425e48da534832c7d9b0b4c7a702b62019c50";
const banks = ["sha256", "sha384"] as const satisfies readonly PcrBank[];
const known: Readonly<Record<(typeof banks)[number], string>> = {
  sha256: "4387f18f9308e9a61cf5cd7685196e15b8c410ee1405d0f07fb3bee71530619d",
  sha384: "b05bc00a1298206f8250d1931b1418ea40fdc61463abbfb23f18ab753c7252c0e21b0ab00a08dcedfefb07dc8ab393fc",
};

function store(test: Mocha.Context): Buffer {
  return existsSync(FILE) ? readFileSync(FILE) : skip(test, "needs Debian's ovmf package");
}

function pcr7(bytes: Uint8Array, bank: PcrBank): string {
  const stored = new Map(parseVariableStore(bytes).map(({ name, data }) => [name, data]));
  const value = (name: string): Uint8Array => stored.get(name) ?? new Uint8Array();
  const keys = { PK: value("PK"), KEK: value("KEK"), db: value("db"), dbx: value("dbx") };
  return measurePcr7({ SecureBoot: Buffer.of(1), ...keys }, bank).toString("hex");
}

describe("PCR 7 with enrolled keys and Secure Boot on", () => {
  for (const bank of banks) {
    it(`equals what virt-fw-measure gave for bookworm's store in ${bank}`, function () {
      const bytes = store(this);
      if (createHash("sha256").update(bytes).digest("hex") !== BOOKWORM) skip(this, "another release's store");
      assert.equal(pcr7(bytes, bank), known[bank]);
    });

    it(`equals what virt-fw-measure gives for this machine's store in ${bank}`, function () {
      this.timeout(60_000);
      const program = tool(this, "virt-fw-measure");
      const output = execFileSync(program, ["--vars", FILE, "--bank", bank, "--digests"], { encoding: "utf8" });
      const { values } = JSON.parse(output) as { values: readonly { pcr: number; digest: string }[] };
      assert.equal(pcr7(store(this), bank), values.find(({ pcr }) => pcr === 7)?.digest);
    });
  }
});

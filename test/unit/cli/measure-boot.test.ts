// The shapes that scripts rely on (commands.md) and the exit codes, through the commands themselves.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventlogReplayCommand } from "../../../src/cli/eventlog.ts";
import { measureInitdataCommand } from "../../../src/cli/measure-initdata.ts";
import { measureUkiCommand } from "../../../src/cli/measure-uki.ts";
import { measureVerityCommand } from "../../../src/cli/measure-verity.ts";
import { verifyCommand } from "../../../src/cli/verify.ts";
import { renderReference } from "../../../src/measure/evidence/reference.ts";
import { formatVerity } from "../../../src/measure/verity/hash-tree.ts";
import { DEFAULT_VERITY, renderSuperblock } from "../../../src/measure/verity/superblock.ts";
import { pem } from "../../support/mint.ts";
import { snpPlatform } from "../../support/mint-snp.ts";
import { buildPe } from "../../support/pe-image.ts";
import { buildTcgLog } from "../../support/tcg-log.ts";
import { fixture } from "../../support/tools.ts";

type Json = Record<string, unknown>;

describe("the measuring and verifying commands", () => {
  const dir = mkdtempSync(join(tmpdir(), "cli-"));
  const file = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(join(dir, name), bytes);
    return join(dir, name);
  };
  after(() => rmSync(dir, { recursive: true }));

  it("measure uki gives pcr4 and pcr11 as hex, pcr11 at the phase asked for", async () => {
    const kernel = buildPe([{ name: ".text", content: Buffer.from("kernel") }]);
    const uki = file("uki.efi", buildPe([{ name: ".linux", content: kernel }]));
    const { json, exitCode } = await measureUkiCommand.run({ uki, phase: ["sysinit"] });
    const { pcr4, pcr11, pcr11Phases, pcr12, pcr9 } = json as Json;
    assert.match(String(pcr4), /^[0-9a-f]{64}$/);
    assert.equal(pcr11, (pcr11Phases as Json)["sysinit"]);
    assert.equal(pcr12, "00".repeat(32));
    assert.equal(pcr9, null);
    assert.equal(exitCode, 0);
  });

  it("measure verity compares tree and root hash, and exits 1 at a difference", async () => {
    const data = Buffer.alloc(200 * 4096, 7);
    const { rootHash, tree } = formatVerity([data], DEFAULT_VERITY);
    const superblock = renderSuperblock({ ...DEFAULT_VERITY, uuid: "00".repeat(16), dataBlocks: 200 });
    const device = Buffer.concat([Buffer.concat([superblock], 4096), tree]);
    const args = { data: file("data", data), hash: file("hash", device), "root-hash": rootHash.toString("hex") };
    const good = await measureVerityCommand.run(args);
    assert.deepEqual([good.exitCode, (good.json as Json)["isTreeEqual"]], [0, true]);
    device[4096 + 33] = (device[4096 + 33] ?? 0) ^ 1;
    const bad = await measureVerityCommand.run({ ...args, hash: file("bad", device) });
    assert.deepEqual([bad.exitCode, (bad.json as Json)["firstDifference"]], [1, 4096 + 33]);
    const other = await measureVerityCommand.run({ ...args, "root-hash": "00".repeat(32) });
    assert.equal(other.exitCode, 1);
  });

  it("measure initdata gives the digest and the bound values", async () => {
    const path = file("initdata.toml", 'version = "0.1.0"\nalgorithm = "sha256"\n');
    const json = (await measureInitdataCommand.run({ file: path })).json as Json;
    assert.deepEqual(Object.keys(json), ["algorithm", "digest", "snpHostData", "tdxMrConfigId", "pcr8", "files"]);
  });

  it("eventlog replay gives rtmr for a CCEL and pcrs by bank for a TPM log", async function () {
    const ccel = file("ccel", fixture(this, "tdx/CCEL_data_ovmf"));
    const first = (await eventlogReplayCommand.run({ file: ccel })).json as Json;
    assert.equal((first["rtmr"] as string[]).length, 4);
    const log = file("log", buildTcgLog(["sha256"], [{ index: 7, type: 4, data: Buffer.alloc(4) }]));
    const second = (await eventlogReplayCommand.run({ file: log })).json as { pcrs: { sha256: Json } };
    assert.deepEqual(Object.keys(second.pcrs.sha256), ["7"]);
  });

  it("verify exits 0 for good evidence with its reference and 1 with another", async function () {
    const report = file("report", fixture(this, "snp/trustee-v2-report.bin"));
    const certs = ["snp/trustee-v2-vcek.der", "snp/milan_ask_ark_asvk.pem"].map((path, index) =>
      file(`cert${index}`, fixture(this, path)),
    );
    const args = { report, certs, at: "2026-11-23T00:00:00Z" };
    const plain = await verifyCommand.run(args);
    assert.equal(plain.exitCode, 0);
    const { proven } = plain.json as { proven: Record<string, string> };
    const reference = (value: string): string => {
      const values = [{ name: "snp.measurement", value, label: "" }];
      return file(`reference-${value.slice(0, 4)}`, JSON.stringify(renderReference({ subject: "x", values })));
    };
    const good = await verifyCommand.run({ ...args, reference: reference(proven["snp.measurement"] ?? "") });
    assert.equal(good.exitCode, 0);
    const bad = await verifyCommand.run({ ...args, reference: reference("00".repeat(48)) });
    assert.equal(bad.exitCode, 1);
    assert.match(bad.text, /FAILED {2}reference\.snp\.measurement: is a1f39304/);
  });

  it("verify never trusts a root that the evidence brings along", async () => {
    const platform = snpPlatform();
    const snp = { report: platform.report({}).toString("base64"), certificates: platform.chain.map(pem).join("") };
    const evidence = file("evidence", JSON.stringify({ format: "kata-cvm-evidence/1", snp }));
    const { json, exitCode } = await verifyCommand.run({ evidence });
    const failed = (json as { checks: { name: string; ok: boolean }[] }).checks.filter(({ ok }) => !ok);
    assert.deepEqual([exitCode, failed.map(({ name }) => name)], [1, ["snp.root"]]);
  });

  it("verify refuses a TPM's quote that no TEE vouches for, and evidence that may be old, unless told to accept", async function () {
    const evidence = file("tpm-only", fixture(this, "tpm/tpm_evidence.json"));
    const refusedBy = async (args: Json): Promise<{ exitCode: number; refused: string[]; text: string }> => {
      const { exitCode, json, text } = await verifyCommand.run({ evidence, ...args });
      const { ok, refused } = json as { ok: boolean; refused: { name: string }[] };
      assert.equal(ok, exitCode === 0);
      return { exitCode, refused: refused.map(({ name }) => name), text };
    };
    const plain = await refusedBy({});
    assert.deepEqual([plain.exitCode, plain.refused], [1, ["nonce", "tpm.binding"]]);
    assert.match(plain.text, /^NOT verified, .*\n {2}nonce: give --nonce; --allow-stale accepts that whoever saw/m);
    assert.match(plain.text, /\n {2}tpm\.binding: .*; --allow-unbound accepts that anyone with a TPM, or swtpm,/);
    assert.deepEqual((await refusedBy({ "allow-stale": true })).refused, ["tpm.binding"]);
    assert.deepEqual((await refusedBy({ "allow-unbound": true })).refused, ["nonce"]);
    const both = await refusedBy({ "allow-stale": true, "allow-unbound": true });
    assert.deepEqual([both.exitCode, both.refused], [0, []]);
  });

  it("verify refuses none or two kinds of evidence, and a nonce that is no hex", async () => {
    await assert.rejects(verifyCommand.run({}), { code: "InvalidRequest" });
    await assert.rejects(verifyCommand.run({ report: "a", quote: "b" }), { code: "InvalidRequest" });
    const evidence = file("nonce", '{"format":"kata-cvm-evidence/1","snp":{"report":""}}');
    await assert.rejects(verifyCommand.run({ evidence, nonce: "xyz" }), { code: "InvalidRequest" });
  });
});

// The guest's own TPM commands against the TPM reference code (swtpm), judged by tpm2-tools and by our verifier.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { quoteTpm, renderTpm, type TpmPaths, withAttestationKey } from "../../../../src/guest/evidence/tpm.ts";
import {
  parseCreateAttestationKey,
  parsePcrRead,
  renderCreateAttestationKey,
  renderFlush,
  renderPcrRead,
} from "../../../../src/guest/evidence/tpm-commands.ts";
import { parseEvidence } from "../../../../src/measure/evidence/bundle.ts";
import { verifyEvidence } from "../../../../src/measure/evidence/verify-evidence.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { attestationKeyFault, parseTpmPublic } from "../../../../src/measure/tpm/public-area.ts";
import { SoftTpm } from "../../../support/soft-tpm.ts";
import { tool } from "../../../support/tools.ts";

describe("guest evidence from a TPM", function () {
  this.timeout(60_000);
  const nonce = Buffer.from("00ff10203040", "hex");
  let tpm: SoftTpm;
  const transmit = (command: Uint8Array) => tpm.transmit(command);
  const paths = (): TpmPaths => ({
    device: "",
    eventLog: tpm.path("none"),
    userspaceLog: tpm.path("tpm2-measure.log"),
  });
  const statement = () => withAttestationKey(transmit, (key) => quoteTpm(transmit, { key, nonce, paths: paths() }));

  before(async function () {
    tool(this as unknown as Mocha.Context, "swtpm");
    tool(this as unknown as Mocha.Context, "tpm2_checkquote");
    tpm = await SoftTpm.start();
    tpm.run("tpm2_pcrextend", `11:sha256=${"ab".repeat(32)}`);
  });
  after(() => tpm?.stop());

  it("makes a quote that tpm2_checkquote accepts for its key, nonce and registers", async () => {
    const { quote, signature, key } = await statement();
    writeFileSync(tpm.path("quote"), quote);
    writeFileSync(tpm.path("signature"), signature);
    writeFileSync(tpm.path("ak.pub"), key.publicArea);
    const check = (qualification: string) =>
      tpm.run("tpm2_checkquote", "-u", "ak.pub", "-m", "quote", "-s", "signature", "-g", "sha256", "-q", qualification);
    check(nonce.toString("hex"));
    assert.throws(() => check("00ff10203041"));
  });

  it("quotes the sixteen registers that tpm2_pcrread reads", async () => {
    const { pcrs } = await statement();
    const read = tpm.readPcrs("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15").get("sha256");
    assert.deepEqual(new Map(pcrs), read);
  });

  it("makes the same attestation key each time, fixed to the TPM and for its own statements only", async () => {
    const [first, second] = [await statement(), await statement()];
    assert.deepEqual(first.key.publicArea, second.key.publicArea);
    assert.equal(attestationKeyFault(parseTpmPublic(first.key.publicArea)), undefined);
  });

  it("leaves nothing loaded in the TPM", async () => {
    await statement();
    assert.equal(tpm.run("tpm2_getcap", "handles-transient").toString().trim(), "");
  });

  it("gives a document whose quote, key and registers our verifier accepts, for this nonce only", async () => {
    const document = { format: "kata-cvm-evidence/1", nonce: nonce.toString("hex"), tpm: renderTpm(await statement()) };
    const bundle = parseEvidence(Buffer.from(JSON.stringify(document)));
    const verified = verifyEvidence(bundle, { nonce });
    assert.equal(verified.ok, true);
    assert.equal(
      verified.proven.get("pcr.sha256.11"),
      tpm.readPcrs("sha256:11").get("sha256")?.get(11)?.toString("hex"),
    );
    assert.equal(verifyEvidence(bundle, { nonce: Buffer.from("other") }).ok, false);
  });

  it("reads again when a register moved between the quote and the values", async () => {
    const state = { moved: false };
    const meddling = async (command: Uint8Array) => {
      const response = await tpm.transmit(command);
      if (Buffer.from(command).readUInt32BE(6) === 0x158 && !state.moved) {
        state.moved = true;
        tpm.run("tpm2_pcrextend", `9:sha256=${"cd".repeat(32)}`);
      }
      return response;
    };
    const moved = await withAttestationKey(transmit, (key) => quoteTpm(meddling, { key, nonce, paths: paths() }));
    const document = { format: "kata-cvm-evidence/1", tpm: renderTpm(moved) };
    const { checks } = verifyEvidence(parseEvidence(Buffer.from(JSON.stringify(document))), { nonce });
    assert.equal(state.moved, true);
    assert.equal(checks.find(({ name }) => name === "tpm.pcrDigest")?.ok, true);
  });

  it("says the TPM's response code when it refuses", async () => {
    const { handle } = parseCreateAttestationKey(await transmit(renderCreateAttestationKey()));
    await transmit(renderFlush(handle));
    const refused = await transmit(renderFlush(handle));
    const code = `0x${refused.readUInt32BE(6).toString(16)}`;
    assert.throws(
      () => parsePcrRead(refused),
      (error) => error instanceof MalformedInput && error.message.includes(code),
    );
  });

  it("refuses a response at every length but its own", async () => {
    const response = await transmit(renderPcrRead({ bank: "sha256", registers: [4, 8] }));
    for (let length = 0; length < response.length; length++) {
      assert.throws(() => parsePcrRead(response.subarray(0, length)), MalformedInput);
    }
  });
});

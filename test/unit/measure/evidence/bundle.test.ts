// A whole bundle: a vTPM quote by swtpm, firmware's and systemd's logs, initdata, and an SNP report
// minted with a chain of our own that binds the attestation key. Each lie fails by its own name.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { parseEvidence } from "../../../../src/measure/evidence/bundle.ts";
import { expectedReportData } from "../../../../src/measure/evidence/report-data.ts";
import type { Verdict } from "../../../../src/measure/evidence/verdict.ts";
import { verifyEvidence } from "../../../../src/measure/evidence/verify-evidence.ts";
import { MalformedInput } from "../../../../src/measure/reader.ts";
import { parseTpmPublic } from "../../../../src/measure/tpm/public-area.ts";
import { pem } from "../../../support/mint.ts";
import { snpPlatform } from "../../../support/mint-snp.ts";
import { SoftTpm } from "../../../support/soft-tpm.ts";
import { buildTcgLog } from "../../../support/tcg-log.ts";
import { fixture, tool } from "../../../support/tools.ts";

const AT = "2026-11-23T00:00:00Z";
const nonce = randomBytes(32);
const initdata = 'version = "0.1.0"\nalgorithm = "sha256"\n\n[data]\n"aa.toml" = ""\n';
const platform = snpPlatform();
const sha = (algorithm: string, data: string | Uint8Array): Buffer => createHash(algorithm).update(data).digest();
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

type Json = Record<string, unknown>;

describe("an evidence bundle", function () {
  this.timeout(30_000);
  let tpm: SoftTpm | undefined;
  let bundle: { format: string; nonce: string; initdata: string; snp: Json; tpm: Json };

  before(async function () {
    tool(this, "swtpm");
    tool(this, "tpm2_quote");
    tpm = await SoftTpm.start();
    bundle = makeBundle(tpm);
  });
  after(() => tpm?.stop());

  it("verifies whole: report, quote, binding, logs and initdata", () => {
    const result = verify(bundle);
    assert.deepEqual(failed(result), []);
    assert.equal(result.ok, true);
    const names = result.checks.map(({ name }) => name);
    for (const name of [
      "snp.nonce",
      "snp.hostData",
      "tpm.nonce",
      "tpm.eventLog.sha256",
      "tpm.initdata",
      "tpm.signature",
    ]) {
      assert.ok(names.includes(name), name);
    }
    assert.equal(result.proven.get("pcr.sha256.11")?.length, 64);
    assert.equal(result.proven.get("snp.measurement"), "5e".repeat(48));
  });

  const lies: readonly (readonly [string, (bundle: { snp: Json; tpm: Json }) => Json, readonly string[]])[] = [
    [
      "the attestation key is not the one that the report binds",
      ({ snp }) => ({
        snp: {
          ...snp,
          report: base64(platform.report({ reportData: expectedReportData(nonce, Buffer.from("other")), ...fields })),
        },
      }),
      ["snp.nonce"],
    ],
    [
      "the report holds the bare nonce, so any TPM could have quoted",
      ({ snp }) => ({
        snp: {
          ...snp,
          report: base64(platform.report({ reportData: expectedReportData(nonce, undefined), ...fields })),
        },
      }),
      ["snp.nonce"],
    ],
    ["the initdata is another", () => ({ initdata: `${initdata}# changed\n` }), ["snp.hostData", "tpm.initdata"]],
    [
      "the firmware's log misses an event",
      ({ tpm: part }) => ({ tpm: { ...part, eventLog: base64(firmwareLog(1)) } }),
      ["tpm.eventLog.sha256"],
    ],
    [
      "systemd's log is left out",
      ({ tpm: part }) => ({ tpm: { ...part, userspaceLog: undefined } }),
      ["tpm.eventLog.sha256"],
    ],
    [
      "a register's value is another",
      ({ tpm: part }) => ({ tpm: { ...part, pcrs: changePcr(part, "11") } }),
      ["tpm.pcrDigest", "tpm.initdata"],
    ],
  ];
  for (const [name, lie, expected] of lies) {
    it(`fails when ${name}`, () => {
      assert.deepEqual(failed(verify({ ...bundle, ...lie(bundle) })), expected);
    });
  }

  it("fails for another nonce than the verifier's, and shows binding without one", () => {
    const other = verifyEvidence(parse(bundle), { anchors: platform.anchors, at: AT, nonce: Buffer.alloc(32) });
    assert.deepEqual(failed(other), ["snp.nonce", "tpm.nonce"]);
    const none = verifyEvidence(parse(bundle), { anchors: platform.anchors, at: AT });
    assert.deepEqual(failed(none), []);
    assert.ok(none.checks.some(({ name, ok }) => name === "snp.binding" && ok));
    assert.ok(none.notChecked.some((one) => one.name === "nonce"));
  });

  it("proves nothing of a report whose chain fails", () => {
    const { proven } = verifyEvidence(parse(bundle), { at: AT, nonce });
    assert.equal(proven.has("snp.measurement"), false);
  });
});

describe("an evidence document", () => {
  it("of the CoCo tpm attester is understood (trustee's tpm_evidence.json)", function () {
    const result = verifyEvidence(parseEvidence(fixture(this, "tpm/tpm_evidence.json")), {});
    assert.deepEqual(failed(result), []);
    assert.ok(result.notChecked.some(({ name }) => name === "tpm.binding"));
  });

  for (const [name, text] of [
    ["no JSON", "{"],
    ["another format", '{"format":"x"}'],
    ["nothing in it", '{"format":"kata-cvm-evidence/1"}'],
    ["a report that is no base64", '{"format":"kata-cvm-evidence/1","snp":{"report":"*"}}'],
  ] as const) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => parseEvidence(Buffer.from(text)), MalformedInput);
    });
  }
});

const fields = { hostData: sha("sha256", initdata), measurement: Buffer.alloc(48, 0x5e) };

/** Registers, logs and quote of one TPM that agree with each other. */
function makeBundle(tpm: SoftTpm): { format: string; nonce: string; initdata: string; snp: Json; tpm: Json } {
  tpm.run("tpm2_pcrextend", `4:sha256=${sha("sha256", "application").toString("hex")}`);
  tpm.run("tpm2_pcrextend", `4:sha256=${sha("sha256", Buffer.alloc(4)).toString("hex")}`);
  tpm.run("tpm2_pcrextend", `11:sha256=${sha("sha256", ".linux\0").toString("hex")}`);
  tpm.run("tpm2_pcrextend", `8:sha256=${sha("sha256", initdata).toString("hex")}`);
  tpm.run("tpm2_pcrextend", `11:sha256=${sha("sha256", "sysinit").toString("hex")}`);
  tpm.run("tpm2_createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub");
  tpm.run("tpm2_flushcontext", "-t");
  tpm.run("tpm2_createak", "-C", "ek.ctx", "-c", "ak.ctx", "-G", "ecc", "-u", "ak.pub");
  tpm.run("tpm2_flushcontext", "-t");
  const list = "sha256:0,4,8,11,12";
  const files = ["-m", "quote.msg", "-s", "quote.sig", "-o", "quote.pcrs"];
  tpm.run("tpm2_quote", "-c", "ak.ctx", "-l", list, "-q", nonce.toString("hex"), "-g", "sha256", ...files);
  const area = parseTpmPublic(tpm.read("ak.pub")).bytes;
  const reportData = expectedReportData(nonce, area);
  return {
    format: "kata-cvm-evidence/1",
    nonce: nonce.toString("hex"),
    initdata,
    snp: { report: base64(platform.report({ reportData, ...fields })), certificates: platform.chain.map(pem).join("") },
    tpm: {
      quote: base64(tpm.read("quote.msg")),
      signature: base64(tpm.read("quote.sig")),
      ak: base64(tpm.read("ak.pub")),
      pcrs: renderPcrs(tpm, list),
      eventLog: base64(firmwareLog(0)),
      userspaceLog: base64(Buffer.from(userspaceRecord(8, initdata) + userspaceRecord(11, "sysinit"))),
    },
  };
}

function renderPcrs(tpm: SoftTpm, list: string): Json {
  const values = tpm.readPcrs(list).get("sha256") ?? new Map<number, Buffer>();
  return { sha256: Object.fromEntries([...values].map(([index, value]) => [String(index), value.toString("hex")])) };
}

/** `skip` leaves out that many events from the start. */
function firmwareLog(skip: number): Buffer {
  const events = [
    { index: 4, type: 0x80000003, data: Buffer.from("device path"), hashed: Buffer.from("application") },
    { index: 4, type: 4, data: Buffer.alloc(4) },
    { index: 11, type: 0xd, data: Buffer.from(".linux\0", "utf16le"), hashed: Buffer.from(".linux\0") },
  ];
  return buildTcgLog(["sha256"], events.slice(skip));
}

function userspaceRecord(pcr: number, text: string): string {
  const digests = [{ hashAlg: "sha256", digest: sha("sha256", text).toString("hex") }];
  return `\x1e${JSON.stringify({ pcr, digests, content: { string: text, eventType: "phase" } })}\n`;
}

function changePcr(part: Json, index: string): Json {
  const { sha256 } = part["pcrs"] as { sha256: Record<string, string> };
  return { sha256: { ...sha256, [index]: "11".repeat(32) } };
}

function parse(bundle: Json): ReturnType<typeof parseEvidence> {
  return parseEvidence(Buffer.from(JSON.stringify(bundle)));
}

function verify(bundle: Json): ReturnType<typeof verifyEvidence> {
  return verifyEvidence(parse(bundle), { anchors: platform.anchors, at: AT, nonce });
}

function failed({ checks }: Verdict): string[] {
  return checks.filter((one) => !one.ok).map(({ name }) => name);
}

// The TEE's reports against the kernel's rules (fake-tsm.ts) and a platform whose signing chain is minted; what comes
// out is judged by our verifier.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { reportTee } from "../../../../src/guest/evidence/tsm-report.ts";
import { parseEvidence } from "../../../../src/measure/evidence/bundle.ts";
import { verifyEvidence } from "../../../../src/measure/evidence/verify-evidence.ts";
import { certificateTable, snpPlatform } from "../../../support/mint-snp.ts";
import { RSA_EK_AREA } from "../../../support/tpm-areas.ts";
import { errno, type FakeTee, FakeTsm } from "./fake-tsm.ts";

const root = "/tsm/report";
const data = Buffer.alloc(64, 7);
const platform = snpPlatform();

const [vcek, ask, ark] = platform.chain as readonly [Buffer, Buffer, Buffer];
const table = certificateTable([
  ["9f4116cd-c503-4f5a-8f6f-fb68882f4ce2", Buffer.from("an endorsement of GCE")],
  ["63da758d-e664-4564-adc5-f4b93be8accd", vcek],
  ["4ab7b379-bbac-4fe4-a02f-05aef327c782", ask],
  ["c0b406a4-a803-4952-9743-3fb6014cd0ae", ark],
]);

const snp: FakeTee = {
  provider: "sev_guest",
  report: (written) => ({
    outblob: platform.report({ reportData: written.get("inblob") ?? Buffer.alloc(0) }),
    auxblob: table,
  }),
};

/** Linux passes these to the SVSM, which answers for the vTPM alone (drivers/virt/coco/sev-guest). */
const snpWithSvsm: FakeTee = {
  provider: "sev_guest",
  svsm: true,
  report(written) {
    const nonce = written.get("inblob") ?? Buffer.alloc(0);
    const words = ["service_provider", "service_guid", "service_manifest_version"].map(
      (name) => `${written.get(name)}`,
    );
    if (nonce.length !== 64) throw errno("EINVAL");
    // without a service the request is for VMPL 0, which a kernel at VMPL 2 may not make
    if (words.join() !== "svsm,c476f1eb-0123-45a5-9641-b4e7dde5bfe3,0") throw errno("EINVAL");
    const reportData = createHash("sha512").update(nonce).update(RSA_EK_AREA).digest();
    return { outblob: platform.report({ reportData }), manifestblob: RSA_EK_AREA };
  },
};

const tdx: FakeTee = { provider: "tdx_guest", report: () => ({ outblob: Buffer.from("quote") }) };

async function reportOf(tee: FakeTee) {
  const files = new FakeTsm(root, tee);
  const document = await reportTee({ root, files }, data);
  return { files, document };
}

describe("a report of the TEE", () => {
  it("is for the data that was asked for, signed by the chip, with the host's certificates", async () => {
    const { document } = await reportOf(snp);
    const bundle = { format: "kata-cvm-evidence/1", nonce: data.toString("hex"), ...document };
    const evidence = parseEvidence(Buffer.from(JSON.stringify(bundle)));
    const { checks } = verifyEvidence(evidence, { anchors: platform.anchors, nonce: data });
    assert.deepEqual(
      checks.filter(({ ok }) => !ok).map(({ name }) => name),
      [],
    );
    assert.ok(checks.some(({ name, ok }) => name === "snp.signature" && ok));
  });

  it("comes from the SVSM where there is one, and binds its manifest", async () => {
    const { document } = await reportOf(snpWithSvsm);
    const certificates = platform.chain.map((der) => der.toString("base64"));
    assert.deepEqual(document.snp?.svsm, {
      nonce: data.toString("base64"),
      manifest: RSA_EK_AREA.toString("base64"),
    });
    const pem = certificates
      .map((text) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`)
      .join("");
    const bundle = { format: "kata-cvm-evidence/1", snp: { ...document.snp, certificates: pem } };
    const evidence = parseEvidence(Buffer.from(JSON.stringify(bundle)));
    const { checks } = verifyEvidence(evidence, { anchors: platform.anchors, nonce: data });
    const passed = checks.filter(({ ok }) => ok).map(({ name }) => name);
    for (const name of ["svsm.nonce", "svsm.reportData", "svsm.endorsementKey"]) assert.ok(passed.includes(name), name);
    assert.ok(checks.every(({ ok }) => ok));
  });

  it("is a quote with the event log in a TD, and only the quote where the firmware left no log", async () => {
    const quote = Buffer.from("quote").toString("base64");
    assert.deepEqual((await reportOf(tdx)).document, { tdx: { quote } });
    const files = new FakeTsm(root, tdx);
    files.elsewhere.set("/sys/firmware/acpi/tables/data/CCEL", Buffer.from("log"));
    const document = await reportTee({ root, files }, data);
    assert.deepEqual(document, { tdx: { quote, ccel: Buffer.from("log").toString("base64") } });
  });

  it("is refused when someone else wrote to the entry in between", async () => {
    for (const tee of [snp, snpWithSvsm, tdx]) {
      const onWrite = (tsm: FakeTsm, folder: string) => {
        const entry = tsm.entries.get(folder);
        const isOurs = entry?.written.get("inblob")?.equals(data) === true;
        if (entry === undefined || !isOurs) return;
        entry.generation += 1;
        entry.written.set("inblob", Buffer.alloc(64, 9));
      };
      await assert.rejects(reportOf({ ...tee, onWrite }), {
        name: "EnvironmentLacks",
        message: /not for our data \(generation \d after \d writes\)/,
      });
    }
  });

  it("is refused when the kernel lost our data, which the write itself cannot tell", async () => {
    await assert.rejects(reportOf({ ...snp, losesData: true }), {
      name: "HostCallFailed",
      message: "TEE report: read outblob: EINVAL",
    });
  });

  it("is refused where the provider is unknown, and names it", async () => {
    await assert.rejects(reportOf({ ...tdx, provider: "arm_cca_guest" }), /provider arm_cca_guest is unknown/);
  });

  it("tells the operation that failed", async () => {
    const report = (): never => {
      throw errno("EIO");
    };
    await assert.rejects(reportOf({ ...tdx, report }), { name: "HostCallFailed", message: /read outblob: EIO/ });
  });

  it("leaves no entry behind, whether it was made or not", async () => {
    for (const tee of [snp, { ...snp, losesData: true }]) {
      const files = new FakeTsm(root, tee);
      await reportTee({ root, files }, data).catch(() => undefined);
      assert.equal(files.entries.size, 0);
    }
  });

  it("goes without certificates when the host's table is broken", async () => {
    const broken = Buffer.from(table);
    broken.writeUInt32LE(1 << 30, 24 + 16);
    const auxblobs = [Buffer.alloc(0), Buffer.alloc(24), broken, Buffer.alloc(7)];
    for (const auxblob of auxblobs) {
      const { document } = await reportOf({ ...snp, report: (written) => ({ ...snp.report(written), auxblob }) });
      assert.deepEqual(Object.keys(document.snp ?? {}), ["report"]);
    }
  });
});

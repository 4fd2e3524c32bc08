// The guest's initdata job against a real (software) TPM, the host's own packer, and hostile disks.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readInitdataDisk } from "../../../src/guest/initdata.ts";
import { renderLogRecord, renderPcrExtend } from "../../../src/guest/userspace-measurement.ts";
import { parseUserspaceLog, replayUserspaceLog } from "../../../src/measure/eventlog/userspace-log.ts";
import { packInitdataDisk } from "../../../src/plan/initdata.ts";
import { SoftTpm } from "../../support/soft-tpm.ts";

describe("initdata job", () => {
  const dir = mkdtempSync(join(tmpdir(), "initdata-"));
  const disk = join(dir, "disk.img");
  after(() => rmSync(dir, { recursive: true }));

  it("reads the document that the host packed, byte for byte", () => {
    const document = Buffer.from('version = "0.1.0"\r\nalgorithm = "sha256"\n# ü\n');
    writeFileSync(disk, packInitdataDisk(document));
    assert.deepEqual(readInitdataDisk(disk), document);
  });

  it("refuses a disk without magic, one that ends early, and a length beyond the limit", () => {
    const header = (magic: string, length: bigint) => {
      const bytes = Buffer.alloc(16);
      bytes.write(magic, 0, "latin1");
      bytes.writeBigUInt64LE(length, 8);
      return bytes;
    };
    writeFileSync(disk, header("initdatA", 1n));
    assert.throws(() => readInitdataDisk(disk), /no magic/);
    writeFileSync(disk, Buffer.concat([header("initdata", 100n), gzipSync("x")]));
    assert.throws(() => readInitdataDisk(disk), /ends early/);
    writeFileSync(disk, header("initdata", 1n << 40n));
    assert.throws(() => readInitdataDisk(disk), /claims 1099511627776 bytes/);
  });

  it("refuses a document that unpacks to more than 4 MiB", () => {
    const packed = gzipSync(Buffer.alloc((4 << 20) + 1));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(packed.length));
    writeFileSync(disk, Buffer.concat([Buffer.from("initdata"), length, packed]));
    assert.throws(() => readInitdataDisk(disk), RangeError);
  });

  it("extends PCR 8 of a TPM by exactly the digest, as its log record says", async () => {
    const digest = createHash("sha256").update("document").digest();
    const tpm = await SoftTpm.start();
    try {
      writeFileSync(join(dir, "command"), renderPcrExtend(8, digest));
      tpm.run("tpm2_send", "-o", join(dir, "answer"), join(dir, "command"));
      const register = tpm.readPcrs("sha256:8").get("sha256")?.get(8);
      assert.deepEqual(register, createHash("sha256").update(Buffer.alloc(32)).update(digest).digest());
      const log = renderLogRecord(
        { pcr: 8, digest, eventType: "initdata", text: "initdata" },
        { bootId: "0f7b1a80-0000-4000-8000-000000000001", uptimeSeconds: 1.5 },
      );
      const replayed = replayUserspaceLog(parseUserspaceLog(Buffer.from(log)), "sha256", new Map());
      assert.deepEqual(replayed.get(8), register);
    } finally {
      tpm.stop();
    }
  });
});

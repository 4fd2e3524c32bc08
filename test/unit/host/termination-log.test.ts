import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeTerminationLog } from "../../../src/host/termination-log.ts";
import { HostCallFailed } from "../../../src/lib/errors.ts";

describe("a termination message", () => {
  const dir = mkdtempSync(join(tmpdir(), "termination-"));
  const file = join(dir, "file");
  after(() => rmSync(dir, { recursive: true }));

  it("replaces what the file held", async () => {
    writeFileSync(file, "what was there before");
    await writeTerminationLog(file, Buffer.from("out of luck"));
    assert.equal(readFileSync(file, "utf8"), "out of luck");
  });

  it("goes into no link, no FIFO, no directory and no file that is missing", async () => {
    symlinkSync(file, join(dir, "link"));
    mkdirSync(join(dir, "directory"));
    execFileSync("mkfifo", [join(dir, "fifo")]);
    for (const name of ["link", "fifo", "directory", "missing"]) {
      await assert.rejects(writeTerminationLog(join(dir, name), Buffer.from("x")), HostCallFailed, name);
    }
    assert.equal(readFileSync(file, "utf8"), "out of luck");
    assert.ok(!existsSync(join(dir, "missing")));
  });
});

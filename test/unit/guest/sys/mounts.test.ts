import assert from "node:assert/strict";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MS, mount, mountIdMapped, unmount } from "../../../../src/guest/sys/mounts.ts";
import { HostCallFailed } from "../../../../src/lib/errors.ts";
import { skip } from "../../../support/tools.ts";

describe("a mount with mapped owners", () => {
  it("leaves no descriptor open when it cannot be made", () => {
    const attempt = () => mountIdMapped("/nosuch", "/proc/self/ns/user");
    assert.throws(attempt, HostCallFailed);
    const before = readdirSync("/proc/self/fd").length;
    assert.throws(attempt, HostCallFailed);
    assert.equal(readdirSync("/proc/self/fd").length, before);
  });
});

describe("a bind mount in the guest", () => {
  let dir = "";
  const target = () => join(dir, "target");
  const bind = (flags: number, to = target()) =>
    mount({ source: join(dir, "source"), target: to, fstype: "", flags: MS.BIND | flags, data: "" });
  before(function () {
    if (process.getuid?.() !== 0) skip(this, "needs root");
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kata-bind-"));
    for (const name of ["source", "target"]) mkdirSync(join(dir, name));
  });
  afterEach(() => {
    unmount(target());
    rmSync(dir, { recursive: true });
  });

  it("is read-only, and what else its flags say, at once; its source stays as it is", () => {
    bind(MS.RDONLY | MS.NOSUID | MS.NOEXEC | MS.REC);
    assert.throws(() => writeFileSync(join(target(), "x"), ""), { code: "EROFS" });
    const line = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((text) => text.includes(target()));
    assert.match(line ?? "", / ro,nosuid,noexec/);
    writeFileSync(join(dir, "source/x"), "");
  });

  it("goes where a descriptor's name leads", () => {
    const fd = openSync(target(), "r");
    try {
      bind(MS.RDONLY, `/proc/self/fd/${fd}`);
    } finally {
      closeSync(fd);
    }
    assert.throws(() => writeFileSync(join(target(), "x"), ""), { code: "EROFS" });
  });

  it("is writable where no flag says otherwise", () => {
    bind(0);
    writeFileSync(join(target(), "x"), "");
    assert.deepEqual(readdirSync(join(dir, "source")), ["x"]);
  });
});
